"""Many types, types of any name, and text that tries to turn what follows."""

import copy
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from spacy_transformer_ner.report.page import render

from .test_page import contents  # noqa: F401, a fixture

MARK = "\u202e"


def with_types(contents, labels):  # noqa: F811
    """The contents of a page, as of a pipeline with other types."""
    evaluation = copy.deepcopy(contents.evaluation)
    text = evaluation["text"]
    row, tag = text["entities"], next(iter(text["tokens"].values()))
    interval = next(iter(text["intervals"]["of"].values()))
    several = [*labels, ""]
    text.update(
        entities_per_type={
            label: {**row, "tp": i, "f": 0.01 * (i % 90)} for i, label in enumerate(labels)
        },
        confusion={
            gold: {found: (i * j) % 7 for j, found in enumerate(several)}
            for i, gold in enumerate(several)
        },
        tokens={f"{prefix}-{label}": tag for label in labels for prefix in "BI"},
        intervals={**text["intervals"], "of": dict.fromkeys(labels, interval)},
    )
    return replace(contents, evaluation=evaluation)


def test_hundreds_of_types(contents):  # noqa: F811
    """All have their row; the table of pairs and the chart have those that say most."""
    labels = [f"TYPE_{i:03}" for i in range(300)]
    few, page = (render(with_types(contents, some)) for some in (labels[:20], labels))
    assert len(page) < 500_000
    assert page.count('<th scope="row"><bdi>TYPE_299</bdi></th>') >= 1
    assert "the 25 of 300 types that are confused most" in page and "that are confused" not in few
    assert "the 40 types with the most entities" in page and "with the most entities" not in few
    heads = re.findall(r'<th scope="col"><bdi>(TYPE_...)</bdi>', page)
    assert len(heads) == 25 and heads == sorted(heads)
    assert len(re.findall(r'<th scope="col"><bdi>TYPE_...</bdi>', few)) == 20
    assert len(re.findall(r"<option value=.TYPE_...", page)) == 300


def test_types_that_are_called_as_figures_are(contents):  # noqa: F811
    names = ("all", "none", "(none)", "macro", "every")
    page = render(with_types(contents, names))
    for label in names:
        assert page.count(f'<th scope="row"><bdi>{label}</bdi></th>') == 2
        assert f'<option value="{label}">{label}</option>' in page
    # What is no type is not shown as a name of the corpus.
    for said in ("(none)", "macro", "all (micro)"):
        assert page.count(f'<th scope="row">{said}</th>') == 1


def test_types_with_tabs_can_be_chosen(contents):  # noqa: F811
    mistakes = copy.deepcopy(contents.mistakes)
    mistake = next(m for m in mistakes if m["gold"])
    mistake["gold"]["label"] = "A\tB"
    page = render(replace(contents, mistakes=mistakes))
    assert 'data-gold="A\tB"' in page and "dataset.gold" in page


class Marks(HTMLParser):
    """Notes marks of direction that would turn what follows them in the page."""

    # For a browser each of these is a paragraph of its own, or isolated.
    ENDS = {"bdi", "title", "option", "text", "pre"}
    VOID = {"meta", "input", "br", "use", "path"}

    def __init__(self, page):
        super().__init__()
        self.stack, self.found, self.open = [], 0, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if MARK in data:
            self.found += 1
            if not self.ENDS & set(self.stack):
                self.open.append((self.stack[-3:], data))


def marked(value):
    """All strings of a record with a mark, but for the names of figures."""
    if isinstance(value, str):
        return MARK + value
    if isinstance(value, list):
        return [marked(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key == "kind" else marked(each) for key, each in value.items()}
    return value


def test_marks_of_direction_turn_nothing_else(contents):  # noqa: F811
    """Whatever is of the corpus, its labels or its files is isolated."""
    marks = with_types(contents, [f"{MARK}PER", f"{MARK}ORG"])
    marks = replace(
        marks,
        evaluation={**marks.evaluation, "model": MARK, "corpus": MARK},
        mistakes=[
            {**m, **{k: marked(m[k]) for k in ("before", "after", "gold", "predicted", "place")}}
            for m in contents.mistakes
        ],
        check={
            "splits": contents.check["splits"],
            "findings": [{**marked(contents.check["findings"][0]), "severity": "warning"}],
        },
        calibration={"corpus": MARK, "calibration": {"entities": 100}},
        made={"data": {MARK: MARK}},
        config=MARK,
    )
    found = Marks(render(marks))
    assert found.found > 100 and found.open == []
    # The pieces of a text end what is opened in them, and so does the label.
    assert re.search(
        r'<bdi class="context"><span>[^<]*</span><mark class="found"><span>[^<]*</span> '
        r"<b><bdi>[^<]*</bdi></b></mark><span>[^<]*</span></bdi></p>",
        render(marks),
    )


@pytest.mark.parametrize("label", ["<b>x</b>", f"{MARK}x", "a & b"])
def test_advice_about_a_type_of_any_name(contents, label):  # noqa: F811
    several = with_types(contents, ["GOOD", label])
    rows = several.evaluation["text"]["entities_per_type"]
    rows["GOOD"]["f"], rows[label]["f"] = 1.0, 0.0
    several.evaluation["text"]["entities"]["f"] = 0.9
    page = render(several)
    shown = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"<bdi>{shown}</bdi> is the weakest type" in page
