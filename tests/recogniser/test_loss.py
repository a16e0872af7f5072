import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_transformer_ner.recogniser import lattice
from spacy_transformer_ner.recogniser.loss import loss_of

from .test_lattice import batches
from .test_posterior import paths_of


@st.composite
def tagged(draw):
    """Scores of a batch with gold tags, some of them unknown."""
    n_labels, lengths, scores, _ = draw(batches())
    truths = []
    for length in lengths:
        paths, _ = paths_of(numpy.zeros((length, scores.shape[1])), n_labels)
        truths.extend(draw(st.sampled_from(paths)))
    truths = numpy.array(truths, dtype="int64")
    unknown = draw(st.lists(st.booleans(), min_size=len(truths), max_size=len(truths)))
    truths[numpy.array(unknown, dtype=bool)] = -1
    return n_labels, numpy.array(lengths), scores, truths


@settings(max_examples=60, deadline=None)
@given(tagged())
def test_crf_is_the_likelihood_of_what_is_known(batch):
    n_labels, lengths, scores, truths = batch
    loss, gradient = loss_of("crf", scores, truths, lengths)
    n_known = (truths >= 0).sum()
    expected, start = 0.0, 0
    expected_gradient = numpy.zeros(scores.shape)
    for length in lengths.tolist():
        text, gold = scores[start : start + length], truths[start : start + length]
        paths, probabilities = paths_of(text, n_labels)
        fits = [all(g in (-1, tag) for g, tag in zip(gold, path)) for path in paths]
        bound = numpy.where(fits, probabilities, 0.0)
        expected -= numpy.log(bound.sum())
        for path, p, q in zip(paths, probabilities, bound / bound.sum()):
            expected_gradient[range(start, start + length), list(path)] += p - q
        start += length
    if not n_known:
        assert loss == 0 and not gradient.any()
        return
    assert loss == pytest.approx(expected / n_known, abs=1e-6)
    assert gradient == pytest.approx(expected_gradient / n_known, abs=1e-6)


def test_only_what_decoding_may_choose_is_compared_with():
    scores = numpy.zeros((2, 5), dtype="float32")
    allowed = numpy.ones((2, 5), dtype=bool)
    # A sentence starts between the two: O or U each, and no entity of both.
    allowed[0, [lattice.BEGIN, lattice.INSIDE]] = allowed[1, [lattice.INSIDE, lattice.LAST]] = False
    truths, lengths = numpy.array([0, 0]), numpy.array([2])
    assert loss_of("crf", scores, truths, lengths)[0] == pytest.approx(numpy.log(5) / 2)
    assert loss_of("crf", scores, truths, lengths, allowed)[0] == pytest.approx(numpy.log(4) / 2)
    # The gold is, even where decoding could not give it.
    across = numpy.array([lattice.BEGIN, lattice.LAST])
    loss, gradient = loss_of("crf", scores, across, lengths, allowed)
    assert loss == pytest.approx(numpy.log(5) / 2) and numpy.isfinite(gradient).all()


def test_cross_entropy_is_torch_s():
    generator = numpy.random.default_rng(0)
    scores = generator.normal(size=(7, 9)).astype("float32")
    truths = numpy.array([0, 3, -1, 8, 0, -1, 1])
    loss, gradient = loss_of("cross_entropy", scores, truths, numpy.array([3, 4]))
    logits = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(truths), ignore_index=-1)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    numpy.testing.assert_allclose(gradient, logits.grad.numpy(), atol=1e-7)


def test_what_cannot_be_legal_teaches_nothing():
    # B, then something unknown, then O after what cannot be: of two labels.
    begin, last = 1 + lattice.BEGIN - 1, 4 + lattice.LAST
    truths = numpy.array([begin, -1, last, 0])
    scores = numpy.zeros((4, 9), dtype="float32")
    loss, gradient = loss_of("crf", scores, truths, numpy.array([3, 1]))
    assert not gradient[:3].any() and gradient[3].any()
    assert loss == pytest.approx(numpy.log(3) / 3)
    assert numpy.isfinite(gradient).all()
