from itertools import product

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_transformer_ner.recogniser import constraints, forward, posterior
from spacy_transformer_ner.recogniser.posterior import Posterior
from spacy_transformer_ner.recogniser.viterbi import viterbi

from .test_constraints import batches, is_legal


def paths_of(scores, n_labels):
    """All legal sequences of a text and their probabilities, by brute force."""
    names = constraints.tag_names(tuple("AB"[:n_labels]))
    paths = [
        path
        for path in product(range(len(names)), repeat=len(scores))
        if is_legal([names[tag] for tag in path])
    ]
    weights = numpy.array(
        [sum(float(scores[i, tag]) for i, tag in enumerate(path)) for path in paths]
    )
    weights = numpy.exp(weights - weights.max())
    return paths, weights / weights.sum()


def cut_into(patch, piece):
    """Always cut texts into pieces of this many tokens."""
    patch.setattr(forward, "PIECE", piece)
    patch.setattr(forward, "STEP", 1 << 40)


def spans_of_path(path):
    return constraints.spans_of(numpy.array(path, dtype="int64"))


@settings(max_examples=100, deadline=None)
@given(batches(), st.sampled_from([1, 2, 3, 1024]))
def test_marginals_are_sums_over_all_legal_sequences(batch, piece):
    n_labels, lengths, scores, allowed = batch
    with pytest.MonkeyPatch.context() as patch:
        cut_into(patch, piece)
        found = Posterior(scores, numpy.array(lengths), allowed)
    entropies, tags = found.entropies(), found.tags()
    masked = scores if allowed is None else numpy.where(allowed, scores, -numpy.inf)
    candidates = {}
    spans = found.candidates(1e-4)
    for span, probability in zip(spans, found.spans(spans)):
        candidates[tuple(span.tolist())] = probability
    start = 0
    for text, length in enumerate(lengths):
        paths, probabilities = paths_of(masked[start : start + length], n_labels)
        known = probabilities[probabilities > 0]
        assert entropies[text] == pytest.approx(-(known * numpy.log(known)).sum(), abs=1e-6)
        marginals = numpy.zeros((length, scores.shape[1]))
        spans = {}
        for path, probability in zip(paths, probabilities):
            marginals[numpy.arange(length), list(path)] += probability
            for a, b, label in spans_of_path(path):
                key = start + a, start + b, label
                spans[key] = spans.get(key, 0.0) + probability
        assert tags[start : start + length] == pytest.approx(marginals, abs=1e-6)
        if spans:
            assert found.spans(list(spans)) == pytest.approx(list(spans.values()), abs=1e-6)
        for key, probability in spans.items():
            if probability > 1.01e-4:
                assert candidates.pop(key) == pytest.approx(probability, abs=1e-6)
            elif probability < 0.99e-4:
                assert key not in candidates
            else:
                candidates.pop(key, None)
        start += length
    assert not candidates


@settings(max_examples=100, deadline=None)
@given(batches(), st.sampled_from([1, 2, 3, 1024]))
def test_the_best_sequence_is_the_most_probable(batch, piece):
    n_labels, lengths, scores, allowed = batch
    with pytest.MonkeyPatch.context() as patch:
        cut_into(patch, piece)
        best = viterbi(scores, numpy.array(lengths), allowed)
    masked = scores if allowed is None else numpy.where(allowed, scores, -numpy.inf)
    start = 0
    for length in lengths:
        paths, probabilities = paths_of(masked[start : start + length], n_labels)
        path = tuple(best[start : start + length].tolist())
        assert probabilities[paths.index(path)] == pytest.approx(probabilities.max())
        start += length


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0, 3000.0])
def test_large_and_small_scores_are_stable(scale):
    generator = numpy.random.default_rng(0)
    scores = (generator.normal(size=(3000, 9)) * scale).astype("float32")
    lengths = numpy.array([2500, 0, 499, 1])
    found = Posterior(scores, lengths)
    tags = viterbi(scores, lengths)
    probabilities = found.spans(constraints.spans_of(tags))
    assert numpy.isfinite(probabilities).all()
    assert (probabilities >= 0).all() and (probabilities <= 1 + 1e-9).all()
    assert found.tags().sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    if scale > 1000:
        assert numpy.median(probabilities) > 0.99
    entropies = found.entropies()
    assert numpy.isfinite(entropies).all() and entropies[1] == 0


def test_cutting_long_texts_does_not_change_the_result(monkeypatch):
    generator = numpy.random.default_rng(1)
    scores = generator.normal(size=(500, 13)) * 3
    lengths = numpy.array([20, 333, 147])
    spans = constraints.spans_of(viterbi(scores, lengths))
    whole = Posterior(scores, lengths)
    cut_into(monkeypatch, 17)
    pieces = Posterior(scores, lengths)
    assert pieces.spans(spans) == pytest.approx(whole.spans(spans), abs=1e-9)
    assert pieces.entropies() == pytest.approx(whole.entropies(), abs=1e-6)


def test_log_sum_equals_sum(monkeypatch):
    generator = numpy.random.default_rng(2)
    scores = generator.normal(size=(400, 13)) * 5
    scores[:, 1:][generator.random((400, 12)) < 0.3] = -numpy.inf
    lengths = numpy.array([1, 250, 149])
    allowed = ~numpy.isneginf(scores)
    fast = Posterior(scores, lengths, allowed)
    monkeypatch.setattr(posterior, "WIDEST", 0.0)
    slow = Posterior(scores, lengths, allowed)
    assert fast.tags() == pytest.approx(slow.tags(), abs=1e-9)
    assert fast.entropies() == pytest.approx(slow.entropies(), abs=1e-6)


@pytest.mark.parametrize("n_tokens", [5, 300])
def test_illegal_sequences_of_high_weight(n_tokens):
    """O, the only legal sequence, scores far lower than entities that cannot end."""
    scores = numpy.zeros((n_tokens, 5))
    scores[:, 0] = -250.0
    allowed = numpy.isin(numpy.arange(5), (constraints.LAST, constraints.UNIT), invert=True)
    found = Posterior(scores, [n_tokens], numpy.tile(allowed, (n_tokens, 1)))
    assert found.tags()[:, 0] == pytest.approx(numpy.ones(n_tokens))
    assert found.entropies() == pytest.approx(numpy.zeros(1), abs=1e-6)


def test_only_texts_that_save_steps_are_cut():
    n_states = 5
    assert len(forward.cut(numpy.array([200] * 50), n_states).starts) == 50
    pieces = forward.cut(numpy.array([40, 2000, 3]), n_states)
    assert len(pieces.starts) == 2 + -(-2000 // forward.PIECE)
    assert pieces.lengths.sum() == 2043 and pieces.lengths.max() == forward.PIECE
    assert pieces.is_first.sum() == pieces.is_last.sum() == 3


def test_empty_texts():
    found = Posterior(numpy.zeros((0, 5)), numpy.zeros(2, dtype="int64"))
    assert found.entropies().tolist() == [0, 0]
    assert found.spans([]).shape == (0,)
    assert found.candidates(0.1).shape == (0, 3)
