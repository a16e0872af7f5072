import numpy
import pytest
import torch

from spacy_transformer_ner.recogniser.loss import cross_entropy


def test_equals_torch():
    generator = numpy.random.default_rng(0)
    scores = generator.normal(size=(7, 9)).astype("float32")
    truths = numpy.array([0, 3, -1, 8, 0, -1, 1])
    loss, gradient = cross_entropy(scores, truths)
    logits = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(truths), ignore_index=-1)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    numpy.testing.assert_allclose(gradient, logits.grad.numpy(), atol=1e-7)


def test_no_known_tags():
    loss, gradient = cross_entropy(numpy.ones((2, 5), dtype="float32"), numpy.array([-1, -1]))
    assert loss == 0.0 and gradient.shape == (2, 5) and not gradient.any()
