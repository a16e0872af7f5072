"""What a pipeline learnt from texts without labels, in the report and on the model card."""

from dataclasses import replace

from spacy_transformer_ner.exchange.card import Card, CommandRecords, card_meta, readme
from spacy_transformer_ner.report.page import render
from spacy_transformer_ner.unlabelled import META, learnt_from_texts

from .test_page import ATTACK, contents  # noqa: F401

MIXTURE = {
    "texts": 1400, "words": 20000, "entities": {"PER": 3210, ATTACK: 4}, "labelled": 1,
    "repeated": 3, "labelled_entities": {"PER": 7}, "left_out": {}, "same": 0,
}  # fmt: skip
DISTILLED = {
    "teacher": {"name": "en_big", "license": "CC BY 4.0"},
    "annotated": {"texts": 1500},
    "layers": [0, 2, 5],
    "layers_of_teacher": True,
    "mixture": MIXTURE,
    "dev": "/private/corpus/dev.spacy",
    "teacher_f": 0.91,
    "student_f": 0.9,
    "warnings": [f"The teacher finds no {ATTACK}"],
}
ROUND = {
    "number": 1,
    "selection": {"sentences": 900, "chosen": 500, "taken": {"PER": 1}},
    "mixture": MIXTURE,
    "f": 0.8,
    "gained": True,
    "warnings": [],
}
SELF = {
    "dev": "dev.spacy",
    "first_f": 0.75,
    "f": 0.8,
    "rounds": [ROUND, {**ROUND, "number": 2, "f": 0.7, "gained": False}],
}


def test_lines():
    found = learnt_from_texts(DISTILLED)
    assert found["lines"] == [
        "It learnt from en_big (license: CC BY 4.0), which annotated 1,500 texts.",
        "F1 on dev.spacy: 0.900; en_big: 0.910.",
        "Its encoder has the layers 0, 2, 5 of its teacher's encoder.",
        "Trained on 1,400 texts without labels, with 20,000 words, and on 1 labelled document.",
        DISTILLED["warnings"][0],
    ]
    # A record of an earlier version.
    earlier = {key: value for key, value in DISTILLED.items() if key != "layers_of_teacher"}
    assert learnt_from_texts(earlier)["lines"][2].endswith("of the pretrained one.")
    assert found["rows"] == sorted([("PER", 3210, 7), (ATTACK, 4, 0)])
    lines = learnt_from_texts(SELF)["lines"]
    assert "0.750 with labelled data only, 0.800 now." in lines[0]
    assert lines[1] == "Round 1: 500 of 900 sentences with 1 entity taken; F1 0.800, kept."
    assert lines[2].endswith("F1 0.700, dropped.")
    none = {**SELF, "rounds": [{**ROUND, "gained": False}]}
    assert learnt_from_texts(none)["rows"] == [] and learnt_from_texts(None) is None


def test_the_report(contents):  # noqa: F811
    page = render(replace(contents, evaluation={**contents.evaluation, META: DISTILLED}))
    assert '<a href="#texts">Texts without labels</a>' in page and "3,210" in page
    assert "en_big (license: CC BY 4.0)" in page
    assert ATTACK not in page and "#texts" not in render(contents)


def test_the_card(trained):
    card = Card("x", "0.1.0", "the data", "minilm", license="MIT")
    meta = card_meta({**trained.meta, META: DISTILLED}, card, CommandRecords())
    text = readme(meta)
    assert "### Texts without labels" in text and "| PER | 3,210 | 7 |" in text
    assert "Teacher, en\\_big: CC BY 4.0." in text or "Teacher, en_big: CC BY 4.0." in text
    assert meta["sources"][-1]["name"] == "en_big" and "/private" not in text
    assert "Teacher" not in readme(card_meta(trained.meta, card, CommandRecords()))
