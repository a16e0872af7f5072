import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.provenance import provenance
from spacy_transformer_ner.report.contents import Contents
from spacy_transformer_ner.report.page import render
from spacy_transformer_ner.report.runs import EvaluatedRun

from ..conftest import make_examples

ATTACK = "</script><script>alert('x')</script>\"'<img src=x onerror=alert(1)>&amp;"


@pytest.fixture(scope="module")
def contents(trained, tmp_path_factory):
    """The evaluation of a pipeline with many mistakes."""
    folder = tmp_path_factory.mktemp("report")
    docs = [example.reference for example in make_examples(trained)] * 8
    attack = Doc(trained.vocab, words=[ATTACK, "met", "Ann", "Lee", "in", "Oslo", ATTACK])
    attack.set_ents(
        [Span(attack, 0, 1, "PER"), Span(attack, 2, 3, "PER"), Span(attack, 5, 6, "ORG")]
    )
    for doc in docs[::2]:
        doc.ents = doc.ents[1:]
    DocBin(docs=[*docs, attack]).to_disk(folder / "test.spacy")
    results = {
        name: evaluate(trained, folder / "test.spacy", tokenization=name, train=docs)
        for name in ("text", "gold")
    }
    evaluation = {
        "model": f"training/{ATTACK}",
        "corpus": f"corpus/{ATTACK}.spacy",
        **{name: result.to_dict() for name, result in results.items()},
    }
    history = [
        {"epoch": i, "step": 50 * i, "words": 900 * i, "seconds": 9.5 * i, "score": i / 10}
        for i in range(8)
    ]
    size = {"documents": 1, "sentences": 9, "tokens": 80, "entities": 20, "labels": {"PER": 20}}
    suspect = {
        "text": ATTACK,
        "meta": {"why": ATTACK, "split": "train", "place": ATTACK},
        "suspect": {"start": 0, "end": 4, "label": ATTACK, "document": 0, "sources": ["check"]},
    }
    run = EvaluatedRun("2026-01-31 12:00", ATTACK, ATTACK, entities=9, f=0.5123, p=0.6, r=0.4)
    finding = {
        "kind": "x", "severity": "warning", "message": ATTACK, "remedy": ATTACK, "examples": [ATTACK],
    }  # fmt: skip
    return Contents(
        evaluation=srsly.json_loads(srsly.json_dumps(evaluation)),
        mistakes=[mistake.to_dict() for mistake in results["text"].mistakes()],
        check={"splits": {"train": size}, "findings": [finding]},
        suspects=[suspect] * 30,
        runs=[run, run],
        calibration={"corpus": "dev", "calibration": {"entities": 100}},
        history=history,
        made=provenance([folder / "test.spacy"], ["spacy project run all", ATTACK]),
        config=f"[nlp]\nlang = {ATTACK}",
    )


class Page(HTMLParser):
    """Collects the tags, ids, links and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "src", "xlink:href") if name in attrs]
        assert not any(name.startswith("on") for name in attrs)

    def handle_data(self, data):
        self.text.append(data)


def test_page_is_complete_and_self_contained(contents):
    page = render(contents)
    parsed = Page(page)
    assert parsed.tags.count("script") == parsed.tags.count("h1") == parsed.tags.count("main") == 1
    assert "img" not in parsed.tags and "link" not in parsed.tags
    assert all(link.startswith("#") for link in parsed.links)
    assert not re.search(r"(?:https?:)?//(?!www\.w3\.org)[a-z]", page.replace("</", ""))
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert parsed.tags.count("svg") == 3


def test_texts_are_escaped(contents):
    page = render(contents)
    assert "<script>alert" not in page and "<img" not in page
    assert "".join(Page(page).text).count("alert('x')") > 5


def test_page_has_every_mistake(contents):
    page = render(contents)
    assert page.count('<li class="item mistake"') == len(contents.mistakes) > 8
    kinds = {mistake["kind"] for mistake in contents.mistakes}
    assert {"spurious", "boundary", "type"} <= kinds


def test_minimal_report(trained, tmp_path):
    """One document, no mistakes, no scores, nothing else known."""
    docs = [example.reference for example in make_examples(trained)][:1]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy").to_dict()
    result["confidence"] = None
    page = render(Contents({"model": "m", "corpus": "c", "text": result, "gold": result}))
    assert "too few documents" in page and "0 of 0" not in page


@pytest.mark.parametrize(
    "other",
    [
        {"evaluation": {"text": {}}},
        {"mistakes": [{"kind": "missed"}]},
        {"check": {"a": 1}},
        {"calibration": {"a": 1}},
        {"history": [{"step": 1}]},
        {"history": [{"step": 1, "words": "x", "seconds": 1, "epoch": 0, "score": 0.5}]},
        {"mistakes": [{"kind": "missed", "gold": None, "predicted": None}]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_invalid_files_raise_error(contents, other):
    with pytest.raises(InputError, match="Run the commands again"):
        render(replace(contents, **other))


def test_mistakes_of_another_evaluation(contents):
    with pytest.raises(InputError, match="from another evaluation"):
        render(replace(contents, mistakes=contents.mistakes[1:]))


@pytest.mark.filterwarnings("error")
def test_unusual_type_names(trained, tmp_path):
    """Evaluates a pipeline without an entity recognizer."""
    labels = [r"$\frac$", "a_$b$", "x  y\n\t", "\u202e\u2028", "\x1b[31m", "日本", ATTACK]
    doc = Doc(trained.vocab, words=["word"] * len(labels))
    doc.set_ents([Span(doc, i, i + 1, label) for i, label in enumerate(labels)])
    DocBin(docs=[doc] * 10).to_disk(tmp_path / "test.spacy")
    result = evaluate(spacy.blank("en"), tmp_path / "test.spacy").to_dict()
    page = render(Contents({"model": "m\udce9", "corpus": "c", "text": result, "gold": result}))
    text = "".join(Page(page).text)
    assert all(label in text for label in labels) and page.encode()


def test_whitespace_entities(trained, tmp_path):
    doc = Doc(trained.vocab, words=["  ", "\n"])
    doc.set_ents([Span(doc, 0, 1, "PER")])
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy").to_dict()
    assert render(Contents({"model": "m", "corpus": "c", "text": result, "gold": result}))
