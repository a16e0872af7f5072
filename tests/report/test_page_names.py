"""Many types, unusual type names, and bidirectional control characters in text."""

import copy
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from spacy_transformer_ner.report.advice import as_text
from spacy_transformer_ner.report.causes import advise
from spacy_transformer_ner.report.page import render

from .test_page import contents  # noqa: F401, a fixture

MARK = "\u202e"


def with_types(contents, labels):  # noqa: F811
    """The contents of a report with other types."""
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
    """All types have a row; the confusion matrix and the chart show the most important."""
    labels = [f"TYPE_{i:03}" for i in range(300)]
    few, page = (render(with_types(contents, some)) for some in (labels[:20], labels))
    assert len(page) < 500_000
    assert page.count('<th scope="row"><bdi>TYPE_299</bdi></th>') >= 1
    assert "The 25 of 300 types confused most often" in page and "types confused" not in few
    assert "the 40 types with the most entities" in page and "with the most entities" not in few
    heads = re.findall(r'<th scope="col"><bdi>(TYPE_...)</bdi>', page)
    assert len(heads) == 25 and heads == sorted(heads)
    assert len(re.findall(r'<th scope="col"><bdi>TYPE_...</bdi>', few)) == 20
    assert len(re.findall(r"<option value=.TYPE_...", page)) == 300


def test_types_named_like_metrics(contents):  # noqa: F811
    names = ("all", "none", "(none)", "macro", "all types")
    page = render(with_types(contents, names))
    for label in names:
        assert page.count(f'<th scope="row"><bdi>{label}</bdi></th>') == 2
        assert f'<option value="{label}">{label}</option>' in page
    # Rows that are not types are not marked up as names.
    for said in ("(none)", "macro", "all (micro)"):
        assert page.count(f'<th scope="row">{said}</th>') == 1


def test_types_with_tabs_can_be_selected(contents):  # noqa: F811
    mistakes = copy.deepcopy(contents.mistakes)
    mistake = next(m for m in mistakes if m["gold"])
    mistake["gold"]["label"] = "A\tB"
    page = render(replace(contents, mistakes=mistakes))
    assert 'data-gold="A\tB"' in page and "dataset.gold" in page


class Marks(HTMLParser):
    """Collects bidirectional control characters that would affect the text after them."""

    # Browsers isolate the text of these elements.
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
    """Adds a mark to all strings of a record, except for keys and kinds."""
    if isinstance(value, str):
        return MARK + value
    if isinstance(value, list):
        return [marked(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key == "kind" else marked(each) for key, each in value.items()}
    return value


def test_control_characters_are_isolated(contents):  # noqa: F811
    """Text from the corpus, labels and file names are isolated."""
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
    # Each piece of a text is isolated by itself, and so is the label.
    assert re.search(
        r'<bdi class="context"><span>[^<]*</span><mark class="found"><span>[^<]*</span> '
        r"<b><bdi>[^<]*</bdi></b></mark><span>[^<]*</span></bdi></p>",
        render(marks),
    )


@pytest.mark.parametrize("label", ["<b>x</b>", f"{MARK}x", "a & b"])
def test_advice_on_unusual_type_names(contents, label):  # noqa: F811
    several = with_types(contents, ["GOOD", label])
    rows = several.evaluation["text"]["entities_per_type"]
    rows["GOOD"].update(tp=900, fn=100)
    rows[label].update(tp=0, fn=1000)
    page = render(several)
    shown = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"Annotate more texts with <bdi>{shown}</bdi>" in page
    assert f"1. Annotate more texts with {label}." in as_text(advise(several))[0]
