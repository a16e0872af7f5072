"""Encoders with some of the layers of another one."""

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from spacy_transformer_ner.encoder.layers import Layers, keep_layers
from spacy_transformer_ner.encoder.network import Encoder, InputOptions
from spacy_transformer_ner.encoder.sources import resolve_encoder
from spacy_transformer_ner.errors import InputError

from ..conftest import SHAPE, train_tokenizer


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """An encoder of four layers."""
    from transformers import DistilBertConfig, DistilBertModel

    folder = tmp_path_factory.mktemp("deep")
    tokenizer = train_tokenizer("wordpiece")
    config = DistilBertConfig(
        vocab_size=len(tokenizer), n_layers=4, n_heads=4, dim=32, hidden_dim=64
    )
    DistilBertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "layers,kept",
    [("2", (0, 3)), ("3", (0, 1, 3)), ("1,2", (1, 2)), ("1", (0,)), ("4", (0, 1, 2, 3))],
)
def test_keeps_layers_and_all_else(deep, tmp_path, layers, kept):
    (tmp_path / "new").mkdir()  # of an earlier run
    assert keep_layers(str(deep), layers, tmp_path / "new") == Layers(kept, False)
    before, after = (
        AutoModel.from_pretrained(f) for f in (deep, resolve_encoder(str(tmp_path / "new")))
    )
    assert after.config.num_hidden_layers == len(after.transformer.layer) == len(kept)
    pairs = [
        (before.transformer.layer[old], after.transformer.layer[new])
        for new, old in enumerate(kept)
    ]
    for old, new in [*pairs, (before.embeddings, after.embeddings)]:
        for (_, a), (_, b) in zip(old.named_parameters(), new.named_parameters(), strict=True):
            assert torch.equal(a, b)


def test_takes_the_weights_of_a_fine_tuned_encoder(deep, encoders, tmp_path, monkeypatch):
    def encoder(folder):
        network = AutoModel.from_pretrained(folder)
        for weights in network.parameters():
            weights.data += 1
        return Encoder(network, AutoTokenizer.from_pretrained(folder), InputOptions())

    tuned = encoder(deep)
    kept = keep_layers(str(deep), "1,2", tmp_path / "new", tuned)
    assert kept == Layers((1, 2), True)
    before, after = tuned.transformer, AutoModel.from_pretrained(tmp_path / "new")
    pairs = [(before.embeddings, after.embeddings)]
    pairs += [(before.transformer.layer[n], after.transformer.layer[n - 1]) for n in (1, 2)]
    for old, new in pairs:
        for (_, a), (_, b) in zip(old.named_parameters(), new.named_parameters(), strict=True):
            assert torch.equal(a, b)

    renamed = encoder(deep)  # another vocabulary, of the same size
    vocabulary = renamed.wordpieces.tokenizer.get_vocab()
    monkeypatch.setattr(
        renamed.wordpieces.tokenizer, "get_vocab", lambda: {**vocabulary, "Oslo": 5}
    )
    for other in (encoder(encoders["wordpiece"]), renamed):
        assert keep_layers(str(deep), "1,2", tmp_path / "new", other) == Layers((1, 2), False)


@pytest.mark.parametrize("layers", ["0", "5", "2,1", "1,4", "-1,2", "a", ""])
def test_other_layers_are_refused(deep, tmp_path, layers):
    with pytest.raises(InputError, match="the encoder has 4 layers. Expected"):
        keep_layers(str(deep), layers, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["byte-bpe", "unigram"])
def test_other_architectures(encoders, tmp_path, kind):
    assert keep_layers(str(encoders[kind]), "1", tmp_path / "new").numbers == (0,)
    assert AutoModel.from_pretrained(tmp_path / "new").config.num_hidden_layers == 1
    assert SHAPE["num_hidden_layers"] == 2
