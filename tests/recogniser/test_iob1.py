import numpy
import pytest
import spacy
import torch

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.recogniser.constraints import tag_names
from spacy_transformer_ner.recogniser.iob1 import iob1_starts
from spacy_transformer_ner.recogniser.posterior import Posterior
from spacy_transformer_ner.recogniser.viterbi import viterbi

from ..conftest import SENTENCES, blank_pipeline, entities, make_examples

TAGS = tag_names(("LOC", "PER"))


def scores(*tokens):
    """The layer's input: log probabilities of O, B-LOC, I-LOC, B-PER and I-PER."""
    rows = numpy.log(numpy.array(tokens))
    return rows[:, [0, 1, 2, 2, 1, 3, 4, 4, 3]].astype("float32")


def test_starts_and_neighbours():
    emissions = scores(
        [0.02, 0.02, 0.92, 0.02, 0.02],  # I-LOC starts an entity
        [0.02, 0.02, 0.92, 0.02, 0.02],  # I-LOC continues it
        [0.02, 0.92, 0.02, 0.02, 0.02],  # B-LOC starts another
        [0.02, 0.02, 0.02, 0.02, 0.92],  # I-PER starts one of another type
        [0.92, 0.02, 0.02, 0.02, 0.02],
        [0.02, 0.02, 0.02, 0.92, 0.02],  # B-PER without an entity before it
    )
    (output,), _ = iob1_starts()([emissions], is_train=False)
    best = [TAGS[tag] for tag in viterbi(output, numpy.array([6]))]
    assert best == ["B-LOC", "L-LOC", "U-LOC", "U-PER", "O", "U-PER"]


@pytest.mark.parametrize("certain", [0.6, 0.9, 0.999])
def test_probabilities(certain):
    other = [1e-9, 1e-9, 1.0, 1e-9, 1e-9]
    (output,), _ = iob1_starts()(
        [scores([1 - certain, 1e-9, certain, 1e-9, 1e-9], other)], is_train=False
    )
    (both,) = Posterior(output, numpy.array([2])).spans(numpy.array([[0, 2, 0]]))
    assert both == pytest.approx(certain, abs=1e-4)


def test_texts_are_independent():
    text = scores([0.01, 0.01, 0.96, 0.01, 0.01])
    outputs, _ = iob1_starts()([text, text, text[:0]], is_train=False)
    numpy.testing.assert_array_equal(outputs[0], outputs[1])
    assert outputs[2].shape == (0, 9)


def test_gradient():
    generator = numpy.random.default_rng(0)
    text = generator.normal(size=(1, 9)).astype("float32")
    weights = generator.normal(size=(1, 9)).astype("float32")
    layer = iob1_starts()
    _, backprop = layer([text], is_train=True)
    (gradient,) = backprop([weights])
    for tag in range(9):
        shifted = [text.copy(), text.copy()]
        shifted[0][0, tag] += 1e-2
        shifted[1][0, tag] -= 1e-2
        (more, less), _ = layer(shifted, is_train=False)
        slope = ((more - less) * weights).sum() / 2e-2
        assert gradient[0, tag] == pytest.approx(slope, abs=1e-3)


def test_training(encoders, tmp_path):
    torch.manual_seed(0)
    nlp = blank_pipeline(encoders["wordpiece"], word_shape=True)
    nlp.remove_pipe("transformer_ner")
    nlp.add_pipe("transformer_ner", config={"model": {"iob1": True}})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    nlp.get_pipe("transformer_ner").add_label("NEW")
    nlp.to_disk(tmp_path)
    for text, expected in SENTENCES:
        assert entities(spacy.load(tmp_path)(text)) == expected
