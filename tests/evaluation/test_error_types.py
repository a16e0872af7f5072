from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from spacy.training import Example

from spacy_transformer_ner.corpus.origin import set_origin
from spacy_transformer_ner.evaluation.counts import Counts
from spacy_transformer_ner.evaluation.error_types import (
    NONE,
    confusion,
    match_entities,
    partial_credit,
)
from spacy_transformer_ner.evaluation.figures import compute_figures
from spacy_transformer_ner.evaluation.mistakes import mistakes
from spacy_transformer_ner.evaluation.slices import TrainingForms, slices
from spacy_transformer_ner.evaluation.units import Units, align

from .conlleval import chunks, conlleval
from .test_evaluation import corpora, doc_of

GOLD = ((0, 2, "A"), (3, 4, "A"), (5, 7, "B"), (8, 9, "B"), (10, 11, "A"))
PREDICTED = ((0, 2, "A"), (3, 4, "B"), (6, 7, "B"), (8, 10, "A"), (12, 13, "B"))
TEXT = Units(GOLD, PREDICTED, (True,) * 13)


def test_each_error_type():
    found = match_entities([TEXT])
    assert [o.kind for o in found] == ["right", "type", "boundary", "both", "missed", "spurious"]
    assert [(o.gold, o.predicted) for o in found] == [
        *zip(GOLD[:4], PREDICTED[:4]),
        (GOLD[4], None),
        (None, PREDICTED[4]),
    ]


def test_the_best_pair_is_taken():
    gold = ((0, 4, "A"),)
    for predicted, best in (
        (((0, 1, "B"), (1, 2, "A")), (1, 2, "A")),  # the same label
        (((0, 1, "A"), (1, 4, "A")), (1, 4, "A")),  # more in common
    ):
        first, second = sorted(
            match_entities([Units(gold, predicted, (True,) * 4)]), key=lambda o: o.kind
        )
        assert (first.kind, first.predicted, second.kind) == ("boundary", best, "spurious")


@given(corpora())
def test_error_types_match_counts(texts):
    found = match_entities(texts)
    kinds = Counter(o.kind for o in found)
    wrong = kinds["type"] + kinds["boundary"] + kinds["both"]
    counts = compute_figures(texts).all
    assert counts == Counts(kinds["right"], wrong + kinds["spurious"], wrong + kinds["missed"])
    assert sum(o.gold is not None for o in found) == sum(len(t.gold) for t in texts)
    assert sum(o.predicted is not None for o in found) == sum(len(t.predicted) for t in texts)
    table = confusion(found)
    assert sum(sum(row.values()) for row in table.values()) == len(found)
    credit = partial_credit(found)
    assert credit["strict"]["f"] == pytest.approx(counts.f)
    assert credit["strict"]["f"] <= credit["exact"]["f"] <= credit["partial"]["f"]
    assert credit["strict"]["f"] <= credit["type"]["f"]


def test_partial_credit():
    credit = partial_credit(match_entities([TEXT]))
    points = {name: (of["correct"], of["partial"], of["incorrect"]) for name, of in credit.items()}
    assert points == {
        "strict": (1, 0, 3),
        "exact": (2, 0, 2),
        "partial": (2, 2, 0),
        "type": (2, 0, 2),
        "muc": (4, 0, 4),
    }
    assert credit["partial"]["p"] == credit["partial"]["r"] == 3 / 5
    assert credit["muc"]["f"] == pytest.approx(0.4) and credit["muc"]["missed"] == 2


def test_confusion():
    table = confusion(match_entities([TEXT]))
    assert table["A"] == {"A": 1, "B": 1, NONE: 1}
    assert table["B"] == {"A": 1, "B": 1, NONE: 0}
    assert table[NONE] == {"A": 0, "B": 1, NONE: 0}


TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=9)


@given(TAGS)
def test_chunks_equal_seqeval(tags):
    assert chunks(tags) == [(start, end + 1, label) for label, start, end in get_entities(tags)]


def test_chunks_of_other_schemes():
    assert chunks(["I-A", "E-A", "E-A", "O", "E-B"]) == [(0, 2, "A"), (2, 3, "A"), (4, 5, "B")]


@given(st.lists(st.tuples(TAGS, st.randoms()), min_size=1, max_size=4))
def test_conlleval_equals_seqeval_default(sentences):
    gold = [tags for tags, _ in sentences]
    predicted = [random.sample(tags, len(tags)) for tags, random in sentences]
    if not any(map(chunks, gold + predicted)):
        return
    figures = conlleval(gold, predicted)
    for name, score in (
        ("precision", precision_score),
        ("recall", recall_score),
        ("fb1", f1_score),
    ):
        assert figures[name] == pytest.approx(100 * score(gold, predicted, zero_division=0))


def test_averages_equal_seqeval():
    figures = compute_figures([TEXT])
    report = classification_report(
        [TEXT.gold_tags()], [TEXT.predicted_tags()], zero_division=0, output_dict=True
    )
    for name in ("macro", "weighted"):
        row = report[f"{name} avg"]
        theirs = {"p": row["precision"], "r": row["recall"], "f": row["f1-score"]}
        assert figures.averages[name] == pytest.approx(theirs)


def test_tokens_of_each_tag():
    tokens = compute_figures([TEXT]).tokens
    assert tokens["B-A"] == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 3, "f1-score": 2 / 5, "support": 3}
    )


@pytest.fixture
def example():
    words = [
        "Ann",
        "Lee",
        "saw",
        "Oslo",
        ".",
        "Then",
        "IBM",
        "saw",
        "Bob",
        "in",
        "Rome",
        "on",
        "May",
        "day",
        ".",
    ]
    gold = doc_of(words, [(0, 2, "PER"), (3, 4, "LOC"), (6, 7, "ORG"), (10, 11, "LOC")])
    predicted = doc_of(words, [(0, 2, "PER"), (3, 4, "ORG"), (8, 9, "PER"), (10, 11, "LOC")])
    for token in gold:
        token.is_sent_start = token.i in (0, 5)
    set_origin(gold, "a.conll", [(0, range(3, 18))])
    return Example(predicted, gold)


def test_slices(example):
    units = align(example)
    training = doc_of(
        ["Oslo", "Rome", "Rome", "Ann", "Lee"], [(0, 1, "ORG"), (1, 2, "LOC"), (2, 3, "LOC")]
    )
    parts = slices(match_entities([units]), [units], [example.reference], TrainingForms([training]))
    assert parts["seen in training"] == {
        "seen": Counts(1, 1, 0),  # Rome; Oslo as ORG
        "seen with another type": Counts(0, 0, 1),
        "not seen": Counts(1, 1, 1),
    }
    assert list(parts["times in training"]) == ["0", "1", "2 to 4"]
    assert parts["length in tokens"] == {"1": Counts(1, 2, 2), "2": Counts(1, 0, 0)}
    assert parts["case"] == {"Title Case": Counts(2, 2, 1), "UPPER CASE": Counts(0, 0, 1)}
    assert parts["tokens of the sentence"] == {
        "1 to 5": Counts(1, 1, 1),
        "6 to 10": Counts(1, 1, 1),
    }
    assert parts["place in the document"]["first quarter"] == Counts(1, 1, 1)
    for counts in parts.values():
        assert sum(counts.values(), Counts(0, 0, 0)) == compute_figures([units]).all


def test_mistakes(example):
    units = align(example)
    units = Units(units.gold, units.predicted, units.known, (0.9, 0.6, 0.8, 0.9), units.ends)
    spurious, of_type, missed = mistakes(match_entities([units]), [units], [example.reference])
    assert (spurious.kind, spurious.predicted.text, spurious.score) == ("spurious", "Bob", 0.8)
    assert (of_type.kind, of_type.gold.label, of_type.predicted.label) == ("type", "LOC", "ORG")
    assert of_type.before + of_type.text + of_type.after == example.reference.text
    assert (of_type.place, of_type.gold.start) == ("a.conll:6", 12)
    assert (missed.kind, missed.predicted, missed.score) == ("missed", None, None)


def test_context_is_cut_at_word_boundaries():
    words = ["word"] * 60 + ["Ann"] + ["word"] * 60
    units = align(example := Example(doc_of(words, []), doc_of(words, [(60, 61, "PER")])))
    (mistake,) = mistakes(match_entities([units]), [units], [example.reference])
    assert mistake.before.startswith("…word ") and mistake.after.endswith(" word…")
