"""Advice from causes."""

from dataclasses import replace

import pytest

from spacy_transformer_ner.report import causes
from spacy_transformer_ner.report.advice import Advice, as_text
from spacy_transformer_ner.report.causes import advise
from spacy_transformer_ner.report.contents import Contents


def row(tp, fn, fp=0):
    return {"tp": tp, "fn": fn, "fp": fp, "p": 1.0, "r": tp / (tp + fn), "f": 0.5}


def figures(types, confusion=(), slices=None, ece=0.01, boundary=0, **more):
    """The figures of types with "tp" and "fn", and of (gold, found, times)."""
    labels = [*types, ""]
    matrix = {gold: dict.fromkeys(labels, 0) for gold in labels}
    for gold, found, n in confusion:
        matrix[gold][found] = n
    tp, fn = (sum(counts[i] for counts in types.values()) for i in (0, 1))
    kinds = {"right": tp, "type": fn, "boundary": boundary, "both": 0, "missed": 0, "spurious": 0}
    reliability = {"ece": ece, "mean_score": 0.9, "precision": 0.7}
    return {
        "entities": row(tp, fn, fn) | {"f": tp / (tp + fn)},
        "entities_per_type": {label: row(*counts) for label, counts in types.items()},
        "confusion": matrix,
        "error_types": kinds,
        "slices": slices or {},
        "intervals": {"all": {"f": {"low": 0.6, "high": 0.65}}},
        "confidence": {"before": reliability, "after": reliability},
        **more,
    }  # fmt: skip


def contents(text, gold=None, **more):
    evaluation = {"model": "m", "corpus": "corpus/test.spacy", "text": text, "gold": gold or text}
    return Contents(evaluation, **more)


def check(findings=(), **splits):
    """A check of splits with their tokens and entities per type."""
    return {
        "findings": findings,
        "splits": {
            name: {"tokens": tokens, "labels": labels} for name, (tokens, labels) in splits.items()
        },
    }


POLITICS = figures(
    {"person": (14, 340), "politician": (400, 85), "party": (3000, 370)},
    [("person", "politician", 300), ("person", "", 40), ("party", "", 30), ("politician", "party", 9)],
)  # fmt: skip
TRAIN = {"person": 14, "politician": 359, "party": 931}


def test_a_type_that_train_lacks():
    """The confused types are explained by the counts, so no guidelines are blamed."""
    known = contents(POLITICS, check=check(train=(9000, TRAIN), dev=(500, TRAIN)))
    first, *rest = advise(known)
    assert first.kind == "few-examples"
    assert first.do == (
        "Annotate more texts with <bdi>person</bdi>, or split the data again: "
        "<code>convert --split 80,10,10</code>."
    )
    assert first.why == (
        "<bdi>person</bdi>: 14 in train (1%) and 354 in test (8%). Most often they are mistaken for "
        "<bdi>politician</bdi> (300 times)."
    )
    # At the recall of the other types, 3400 of 3855, it would be found 312 times instead of 14.
    assert first.mistakes == pytest.approx(354 * 3400 / 3855 - 14)
    (pair,) = (piece for piece in rest if piece.kind == "confused")
    assert "politician" in pair.do and "party" in pair.do and "person" not in pair.do
    assert pair.mistakes == 9
    # Evaluate knows the counts as well, if it has the training data.
    alone = contents(POLITICS | {"entities_in_training": TRAIN})
    assert advise(alone)[0] == first
    # Without any counts, the confusion is all that is known.
    assert advise(contents(POLITICS))[0].kind == "confused"


def test_a_type_without_enough_for_anybody():
    """Rare everywhere: another split would not help."""
    text = figures({"A": (0, 30), "B": (900, 100)}, [("A", "", 30)])
    (first, *_) = advise(contents(text, check=check(train=(9000, {"A": 19, "B": 700}))))
    assert first.do == "Annotate more texts with <bdi>A</bdi>." and "missed (30 times)" in first.why
    enough = check(train=(9000, {"A": 20, "B": 700}))
    assert advise(contents(text, check=enough))[0].kind == "weak-type"


def test_unseen_names_and_a_large_dev_set():
    slices = {"seen in training": {"seen": row(90, 10), "not seen": row(200, 200)}}
    text = figures({"A": (290, 210)}, slices=slices)
    (piece,) = (p for p in advise(contents(text)) if p.kind == "unseen")
    assert piece.mistakes == pytest.approx(0.4 * 400)
    assert "80% of the entities of test do not occur in train. Recall is 50%" in piece.why
    assert "90%" in piece.why and not piece.gain
    known = contents(text, check=check(train=(8384, {"A": 500}), dev=(24624, {"A": 900})))
    (piece,) = (p for p in advise(known) if p.kind == "large-dev")
    assert piece.why.startswith("Dev has 24,624 tokens, and train only 8,384. 80% of")
    assert piece.mistakes == pytest.approx(0.4 * 400)
    assert "unseen" not in {p.kind for p in advise(known)}
    # The learning curve knows better what it gives.
    points = [{"f": 0.5}, {"f": 0.6}]
    curve = {"all": {"points": points, "more": {"2": {"f": 0.71, "low": 0.65, "high": 0.76}}}}
    (piece,) = (p for p in advise(replace(known, learning_curve=curve)) if p.kind == "large-dev")
    assert "an F1 of 0.710 on dev (0.650 to 0.760), after 0.600" in piece.gain


@pytest.mark.parametrize("last, rises", [(0.70, True), (0.604, False)])
def test_a_training_that_was_too_short(last, rises):
    scores = [0.1, 0.3, 0.5, 0.6, 0.58, last]
    history = [{"step": 50 * i, "epoch": i // 3, "score": f} for i, f in enumerate(scores)]
    found = [p for p in advise(contents(POLITICS, history=history)) if p.kind == "short-training"]
    assert len(found) == rises
    if rises:
        assert "--training.max_steps 500 --training.max_epochs 4" in found[0].do
        assert "rose by 0.100 in the last fifth of the 250 steps (2 epochs)" in found[0].why
        assert found[0].mistakes == pytest.approx(0.1 * (354 + 485 + 3370))


def test_tokens_that_raw_text_does_not_have():
    text, gold = figures({"A": (80, 20)}), figures({"A": (90, 10)})
    finding = {"kind": "tokeniser-boundary", "severity": "warning", "examples": ["x:1: [Na]+"],
               "message": "9 entities of test (9.00%) do not match", "splits": ["test"],
               "count": 9}  # fmt: skip
    (piece,) = (
        p for p in advise(contents(text, gold, check=check([finding]))) if p.kind == "tokens"
    )
    assert piece.mistakes == 10 and "0.900 on the tokens" in piece.why and "[Na]+" in piece.why
    assert "tokenizer" in piece.do
    # If the tokens are the same, it is the sentences.
    finding["count"] = 2
    (piece,) = (
        p for p in advise(contents(text, gold, check=check([finding]))) if p.kind == "tokens"
    )
    assert "into sentences" in piece.do and "2 entities do not match" in piece.why
    assert not [p for p in advise(contents(text, text)) if p.kind == "tokens"]


def mistake(document, start, text, score=0.95):
    mention = {"start": start, "end": start + len(text), "label": "A", "text": text}
    return {"kind": "spurious", "document": document, "gold": None, "predicted": mention,
            "score": score, "text": text, "before": "", "after": "", "place": ""}  # fmt: skip


def suspect(split, document, offset, start, text, sources=("check",)):
    return {
        "meta": {"split": split, "why": "none here, but A in 9 of 10", "place": ""},
        "suspect": {"document": document, "offset": offset, "start": start, "text": text,
                    "sources": list(sources)},
    }  # fmt: skip


def test_labels_that_check_and_pipeline_doubt():
    mistakes = [mistake(3, 40, "New York"), mistake(3, 90, "Oslo"), mistake(4, 40, "York")]
    suspects = [
        suspect("test", 3, 30, 14, "York"),
        suspect("test", 3, 30, 60, "Rome"),  # other characters
        suspect("test", 5, 0, 40, "York"),  # another document
        suspect("dev", 4, 0, 40, "York"),  # another split
        suspect("test", 4, 0, 40, "York", ["model"]),  # only the pipeline
        suspect("train", 3, 0, 90, "Oslo"),
    ]
    known = contents(POLITICS, mistakes=mistakes, suspects=suspects)
    assert known.doubted == {0: suspects[0]}
    (piece,) = (p for p in advise(known) if p.kind == "suspects")
    assert piece.mistakes == 1
    assert piece.why.startswith("In 1 mistake, the check finds the annotation of test")
    assert "1 suspect is in train: correcting it also improves the pipeline" in piece.why
    # Confident mistakes alone are counted only if the scores can be trusted.
    several = [mistake(i, 0, "x") for i in range(5)]
    (piece,) = (p for p in advise(contents(POLITICS, mistakes=several)) if p.kind == "suspects")
    assert "5 mistakes have a score of 0.9 or more" in piece.why
    doubtful = POLITICS | {"confidence": figures({"A": (1, 1)}, ece=0.2)["confidence"]}
    kinds = {p.kind for p in advise(contents(doubtful, mistakes=several))}
    assert "suspects" not in kinds and "calibration" in kinds


def test_what_spans_that_overlap_cannot_do_is_not_advised():
    several = [mistake(i, 0, "x") for i in range(5)]
    for ece, kind in ((0.01, "suspects"), (0.2, "calibration")):
        text = POLITICS | {"confidence": figures({"A": (1, 1)}, ece=ece)["confidence"]}
        assert kind in {p.kind for p in advise(contents(text, mistakes=several))}
        text["spans_sc_f"] = 0.5
        assert kind not in {p.kind for p in advise(contents(text, mistakes=several))}


def test_what_makes_the_figures_worthless_comes_first():
    message = "9 documents of test (9.0%) are duplicates of a document of "
    finding, other = (
        {
            "kind": "duplicate-across",
            "severity": "warning",
            "message": message + split,
            "splits": [split, "test"],
        }
        for split in ("train", "dev")
    )
    error = {"kind": "no-entities", "severity": "error", "message": "dev has no entities"}
    known = contents(POLITICS, check=check([error, other, finding], train=(9, TRAIN)))
    assert [p.kind for p in advise(known)][:3] == [
        "corpus-error",
        "duplicate-across",
        "few-examples",
    ]
    train = replace(known, evaluation=known.evaluation | {"corpus": "corpus/train.spacy"})
    assert "evaluated-on-train" in {p.kind for p in advise(train)}


def test_scores_and_small_test_sets():
    text = figures({"A": (20, 10)}, ece=0.2, intervals={"all": {"f": {"low": 0.5, "high": 0.7}}})
    found = {p.kind: p for p in advise(contents(text, calibration={"calibration": None}))}
    assert "too little to calibrate" in found["calibration"].do
    assert (
        "from 0.50 to 0.70" in found["small-test"].why and "30 entities" in found["small-test"].why
    )
    assert "spacy ner calibrate" in {p.kind: p for p in advise(contents(text))}["calibration"].do


def test_a_new_cause_is_one_function(monkeypatch):
    def cause(c):
        yield Advice("mine", "Do <this>.", f"{c.n_mistakes} mistakes.", mistakes=1)

    monkeypatch.setattr(causes, "CAUSES", (cause,))
    assert as_text(advise(contents(POLITICS))) == ["1. Do <this>. (1 mistake)", "   795 mistakes."]


def test_estimated_f1():
    known = contents(POLITICS)
    assert known.fixed(0) == pytest.approx(3414 / 4209)
    # No entity is missed, so a correct one replaces a wrong one.
    assert known.fixed(100) == pytest.approx(3514 / 4209) and known.fixed(9999) == 1.0
