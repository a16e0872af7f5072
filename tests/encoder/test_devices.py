"""The encoder on another device than the CPU, which needs no GPU: tensors on torch's device
"meta" have no values, and operations that mix them with tensors on the CPU fail, as on a GPU."""

import numpy
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from spacy_transformer_ner.encoder import shim
from spacy_transformer_ner.encoder.network import Encoder, InputOptions
from spacy_transformer_ner.encoder.windows import ON_GPU, Window
from spacy_transformer_ner.encoder.wordpieces import Wordpieces
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.gpu import check_gpu

from ..conftest import blank_pipeline

# The shorter window is padded. The wordpieces of the fifth token are read from both.
WINDOWS = [Window(0, 6, 0, 5), Window(4, 10, 5, 10), Window(10, 11, 10, 11)]
LENGTHS = [1, 1, 1, 1, 2, 1, 1, 1, 1, 1]


@pytest.fixture
def encoder(encoders):
    folder = encoders["wordpiece"]
    with torch.device("meta"):
        # Other attention than "eager" looks at the values of the mask.
        config = AutoConfig.from_pretrained(folder, attn_implementation="eager")
        transformer = AutoModel.from_config(config)
        options = InputOptions(word_shape=True, word_boundaries=True)
        return Encoder(transformer, AutoTokenizer.from_pretrained(folder), options)


def encode(encoder):
    n = sum(LENGTHS)
    pieces = Wordpieces(
        ids=numpy.arange(n),
        shapes=numpy.zeros(n, dtype="int64"),
        continues=numpy.zeros(n, dtype="int64"),
        token_lengths=numpy.array(LENGTHS),
        doc_lengths=numpy.array([len(LENGTHS)]),
    )
    return encoder(pieces, WINDOWS, ON_GPU)


@pytest.mark.parametrize("is_train", [True, False])
def test_all_on_one_device(encoder, is_train):
    encoder.train(is_train)
    encoder.word_dropout = 0.1
    vectors = encode(encoder)
    assert vectors.device.type == "meta" and vectors.shape == (len(LENGTHS), 32)
    vectors.sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.device.type == "meta", name


def test_two_devices_are_found(encoder):
    """If the hidden states were on the CPU, the test above would fail."""
    encoder._run = lambda inputs: torch.zeros(*inputs["input_ids"].shape, 32)
    with pytest.raises(RuntimeError, match="expected device"):
        encode(encoder)


def test_apple_gpu(encoders, monkeypatch):
    """What works there is not known, so it is refused."""
    monkeypatch.setattr(shim, "get_torch_default_device", lambda: torch.device("mps"))
    with pytest.raises(InputError, match="Apple GPUs are not supported"):
        blank_pipeline(encoders["wordpiece"]).get_pipe("transformer").model.initialize()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(InputError, match="Apple GPUs are not supported"):
        check_gpu(0)
    check_gpu(-1)
