import shutil

import pytest
import torch
from spacy.tokens import DocBin

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.gpu import check_gpu
from spacy_transformer_ner.training.preflight import check_training
from spacy_transformer_ner.training.recipe import BUILT_IN

CONFIG = BUILT_IN / "minilm.cfg"


def test_ready(overrides):
    check_training(CONFIG, overrides)


@pytest.mark.parametrize(
    "override, said",
    [
        ({"training.droput": 0.1}, "Did you mean 'dropout'"),
        ({"training.batcher.sise": 1}, "sise"),
        ({"training.optimizer.@optimizers": "Adamm.v1"}, "Adamm.v1"),
        ({"components.transformer.model.windw": 64}, "windw"),
        ({"components.transformer.model.precision": "fp8"}, "fp8"),
        ({"components.transformer.model.window": 500}, "at most 128"),
        ({"paths.encoder": "./nothing"}, "no such folder"),
        ({"paths.train": "nothing.spacy"}, "train corpus not found"),
        ({"paths.dev": None}, "no dev corpus is set"),
        ({"training.logger.@loggers": "spacy-transformer-ner.New.v1"}, "install it again"),
        ({"nlp.lang": "enx"}, "enx"),
        ({"nlp.pipeline": ["transformer", "tranformer_ner"]}, "tranformer_ner"),
        ({"training.max_steps": 0, "training.max_epochs": 0}, "max_epochs or max_steps"),
    ],
    ids=str,
)
def test_invalid_settings(overrides, override, said):
    with pytest.raises(InputError) as error:
        check_training(CONFIG, {**overrides, **override})
    assert said in str(error.value)


@pytest.mark.parametrize(
    "settings, expected",
    [
        # The last step is evaluated, however small the corpus is.
        ({"max_epochs": 12}, (0, 11, 11)),
        ({"max_epochs": 1}, (0, 1, 1)),
        # A run that ends with an evaluation is left as it is.
        ({"max_epochs": 12, "max_steps": 10, "eval_frequency": 5}, (12, 10, 5)),
        # The recipe's epochs are too few for a small corpus.
        ({}, (0, 300, 50)),
        ({"optimizer.learn_rate.min_steps": 60}, (0, 60, 30)),
        ({"max_steps": 80}, (0, 80, 40)),
    ],
    ids=str,
)
def test_steps_fit_the_corpus(overrides, settings, expected):
    settings = {f"training.{name}": value for name, value in settings.items()}
    run = {**overrides, "training.eval_frequency": 50, **settings}
    training = check_training(CONFIG, run)["training"]
    names = "max_epochs", "max_steps", "eval_frequency"
    assert tuple(training[name] for name in names) == expected


@pytest.mark.parametrize("content, said", [(b"random", "not a .spacy file"), (None, "no entities")])
def test_unusable_dev_corpus(overrides, tmp_path, content, said):
    path = tmp_path / "dev.spacy"
    path.write_bytes(content) if content else DocBin().to_disk(path)
    with pytest.raises(InputError, match=said):
        check_training(CONFIG, {**overrides, "paths.dev": str(path)})


def test_invalid_config(overrides, tmp_path):
    path = tmp_path / "x.cfg"
    path.write_text("garbage\n")
    with pytest.raises(InputError):
        check_training(path, overrides)


def test_damaged_weights(overrides, encoders, tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(encoders["wordpiece"], folder)
    (folder / "model.safetensors").write_bytes(b"123")
    with pytest.raises(InputError, match="cannot load the encoder"):
        check_training(CONFIG, {**overrides, "paths.encoder": str(folder)})


def test_no_config(tmp_path):
    with pytest.raises(InputError, match="no such config"):
        check_training(tmp_path / "x.cfg", {})


def test_no_gpu(monkeypatch):
    check_gpu(-1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch finds none"):
        check_gpu(0)


def test_no_cupy(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("spacy_transformer_ner.gpu.has_cupy_gpu", False)
    with pytest.raises(InputError, match="only 1"):
        check_gpu(1)
    with pytest.raises(InputError, match="CuPy"):
        check_gpu(0)
