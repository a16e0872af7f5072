import random

import numpy
import pytest
import spacy
import torch
from spacy.training import Example

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.recogniser.loss import distillation

from ..conftest import SENTENCES, entities

TEXTS = [text for text, _ in SENTENCES]


def raw(nlp, texts=TEXTS):
    """Raw texts, as in spaCy's documentation of rehearsal."""
    return [Example.from_dict(nlp.make_doc(text), {}) for text in texts]


def unlearn(nlp, optimizer, steps=12):
    """Train on texts without entities."""
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": []}) for text in TEXTS]
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)


@pytest.fixture
def nlp(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    return spacy.load(tmp_path / "pipeline")


@pytest.mark.parametrize("listens", [True, False])
def test_rehearsal_restores_predictions_from_raw_text(nlp, listens):
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    if not listens:
        nlp.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
        nlp.remove_pipe("transformer")
        model = nlp.get_pipe("transformer_ner").model
        (encoder,) = [shim.encoder for node in model.walk() for shim in node.shims]
    expected = [ents for _, ents in SENTENCES]
    optimizer = nlp.resume_training(sgd=create_adamw(3e-3, head_factor=3.0))
    unlearn(nlp, optimizer)
    assert not any(doc.ents for doc in nlp.pipe(TEXTS))
    random.seed(0)  # the order in which spaCy asks components to rehearse
    examples, losses = raw(nlp), []
    for _ in range(40):
        before = [parameter.clone() for parameter in encoder.parameters()]
        losses.append(nlp.rehearse(examples, sgd=optimizer)["transformer_ner"])
        # Each call updates the encoder too.
        assert not all(torch.equal(a, b) for a, b in zip(before, encoder.parameters()))
    assert losses[-1] < 0.1 * losses[0]
    assert [entities(nlp(text)) for text in TEXTS] == expected
    assert not any(example.reference.ents for example in examples)


def test_labels_added_later_are_ignored(nlp):
    ner = nlp.get_pipe("transformer_ner")
    for when in ("before", "after"):
        if when == "before":
            ner.add_label("CAR")
        optimizer = nlp.resume_training(sgd=create_adamw(3e-3, head_factor=3.0))
        if when == "after":
            ner.add_label("TRAIN")
        head = ner.model.get_ref("output_layer")
        new = head.get_param("W")[-4:].copy()
        assert not new.any()
        for _ in range(3):
            nlp.rehearse(raw(nlp), sgd=optimizer)
        assert not head.get_param("W")[-4:].any()


def test_loss_is_zero_without_forgetting(nlp):
    optimizer = nlp.resume_training(sgd=create_adamw(1e-9, head_factor=1.0, weight_decay=0.0))
    assert nlp.rehearse(raw(nlp), sgd=optimizer)["transformer_ner"] == pytest.approx(0, abs=1e-5)


def test_gradients_only_without_an_optimizer(nlp):
    ner = nlp.get_pipe("transformer_ner")
    optimizer = nlp.resume_training(sgd=create_adamw(3e-3))
    unlearn(nlp, optimizer, steps=2)
    head = ner.model.get_ref("output_layer")
    before = head.get_param("W").copy()
    ner.rehearse(raw(nlp, ["", *TEXTS]), sgd=None)
    numpy.testing.assert_array_equal(before, head.get_param("W"))
    assert head.get_grad("W").any()
    assert ner.rehearse(raw(nlp, [""]), sgd=optimizer) == {"transformer_ner": 0.0}


def test_requirements(nlp):
    ner = nlp.get_pipe("transformer_ner")
    with pytest.raises(InputError, match=r"call nlp.resume_training\(\) before"):
        nlp.rehearse(raw(nlp), sgd=create_adamw(1e-3))
    nlp.resume_training(sgd=create_adamw(1e-3))
    with pytest.raises(InputError, match=r"nlp.resume_training\(sgd=optimizer\)"):
        nlp.rehearse(raw(nlp), sgd=create_adamw(2e-3))
    # A sourced component does not know its new pipeline: it can train but not rehearse.
    other = spacy.blank("en")
    for name in nlp.pipe_names:
        other.add_pipe(name, source=nlp)
    nlp.remove_pipe("transformer")
    optimizer = other.resume_training(sgd=create_adamw(1e-3))
    assert ner._rehearsal_model is None
    other.update(raw(other), sgd=optimizer)
    with pytest.raises(InputError, match="nlp.to_disk"):
        other.rehearse(raw(other), sgd=optimizer)


def test_distillation_equals_torch():
    generator = numpy.random.default_rng(0)
    scores = generator.normal(size=(7, 13)).astype("float32")
    wanted = generator.normal(size=(7, 9)).astype("float32")
    known = numpy.arange(9) < 5
    loss, gradient = distillation(scores, wanted, known)
    logits = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.kl_div(
        logits[:, :5].log_softmax(1),
        torch.tensor(wanted)[:, :5].log_softmax(1),
        reduction="batchmean",
        log_target=True,
    )
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    numpy.testing.assert_allclose(gradient, logits.grad.numpy(), atol=1e-6)
    assert gradient.dtype == "float32" and not gradient[:, 5:].any()
