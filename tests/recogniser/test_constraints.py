import tracemalloc
from itertools import product

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spacy_transformer_ner.recogniser import constraints
from spacy_transformer_ner.recogniser.posterior import Posterior
from spacy_transformer_ner.recogniser.viterbi import viterbi


def is_legal(names):
    """Reference implementation of the BILUO constraints."""
    inside = None
    for name in names:
        prefix, _, label = name.partition("-")
        if inside is None:
            if prefix in "IL":
                return False
            inside = label if prefix == "B" else None
        else:
            if prefix not in "IL" or label != inside:
                return False
            inside = label if prefix == "I" else None
    return inside is None


@st.composite
def batches(draw):
    n_labels = draw(st.integers(1, 2))
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    shape = (sum(lengths), constraints.n_tags(n_labels))
    scores = draw(arrays("float32", shape, elements=st.integers(-8, 8).map(lambda n: n / 2)))
    allowed = None
    if draw(st.booleans()):
        allowed = draw(arrays("bool", shape))
        allowed[:, constraints.OUTSIDE] = True
    return n_labels, lengths, scores, allowed


@settings(max_examples=150, deadline=None)
@given(batches())
def test_viterbi_is_the_best_legal_sequence(batch):
    n_labels, lengths, scores, allowed = batch
    names = constraints.tag_names(tuple("AB"[:n_labels]))
    tags = viterbi(scores, numpy.array(lengths), allowed)
    assert tags.shape == (sum(lengths),)
    masked = scores if allowed is None else numpy.where(allowed, scores, -numpy.inf)
    start = 0
    for length in lengths:
        text, best = masked[start : start + length], tags[start : start + length]
        assert is_legal([names[tag] for tag in best])
        reached = sum(text[i, tag] for i, tag in enumerate(best))
        expected = max(
            sum(text[i, tag] for i, tag in enumerate(path))
            for path in product(range(len(names)), repeat=length)
            if is_legal([names[tag] for tag in path])
        )
        assert reached == expected
        start += length


def test_legal_transitions():
    names = constraints.tag_names(("A", "B"))
    before, after = constraints.states_around(2)
    follows = after[:, None] == before[None, :]
    closers = {"B": "L", "I": "L"}
    for i, a in enumerate(names):
        assert (before[i] > 0) == (a[0] in "IL")
        assert (after[i] > 0) == (a[0] in "BI")
        for j, b in enumerate(names):
            if a[0] in "IL":
                to = [f"B-{a[2:]}", a]
            else:
                to = [a]
            and_from = [b] if b[0] not in closers else [b, f"L-{b[2:]}"]
            assert follows[i, j] == is_legal(to + and_from)


def test_no_entity_crosses_texts():
    # Two texts of one token each cannot have an entity of two tokens.
    scores = numpy.zeros((2, 5), dtype="float32")
    scores[0, constraints.BEGIN] = scores[1, constraints.LAST] = 9.0
    assert viterbi(scores, numpy.array([2])).tolist() == [constraints.BEGIN, constraints.LAST]
    assert viterbi(scores, numpy.array([1, 1])).tolist() == [0, 0]


def test_spans():
    names = constraints.tag_names(("A", "B"))
    path = ["B-A", "L-A", "O", "U-B", "B-A", "I-A", "L-A"]
    tags = numpy.array([names.index(name) for name in path])
    assert constraints.spans_of(tags) == [(0, 2, 0), (3, 4, 1), (4, 7, 0)]


def test_memory_is_linear_in_the_labels():
    """A table of 8,000 by 8,000 tags or states would take 64 MB and more."""
    n_labels, lengths = 8000, numpy.array([2, 3])
    scores = numpy.zeros((5, constraints.n_tags(n_labels)), dtype="float32")
    label = 1 + 4 * 7000
    scores[1, label] = 9.0  # illegal at the end of a text: runs the search
    scores[2, [0, label]] = 1.0, 2.0
    scores[3, label + constraints.LAST - constraints.BEGIN] = 5.0
    tracemalloc.start()
    try:
        tags = viterbi(scores, lengths)
        Posterior(scores, lengths).spans([[2, 4, 7000]])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert constraints.spans_of(tags) == [(2, 4, 7000)]
    assert peak < 16 * scores.nbytes < 16e6


@pytest.mark.parametrize("length", [0, 1, 10_000])
def test_lengths(length):
    rng = numpy.random.default_rng(0)
    scores = rng.normal(size=(length, 17)).astype("float32")
    tags = viterbi(scores, numpy.array([length]))
    names = constraints.tag_names(("A", "B", "C", "D"))
    assert is_legal([names[tag] for tag in tags])
