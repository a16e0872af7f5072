"""Trainings of a few steps."""

import shutil
from pathlib import Path

import pytest
import srsly
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train

from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.training.recipe import load_recipe
from spacy_transformer_ner.training.state import digest_of_weights

from ..conftest import blank_pipeline, make_examples


def write_corpus(encoder, path):
    docs = [e.reference for e in make_examples(blank_pipeline(encoder))]
    DocBin(docs=docs * 4).to_disk(path)
    return path


@pytest.fixture
def corpus(encoders, tmp_path):
    return write_corpus(encoders["wordpiece"], tmp_path / "corpus.spacy")


def train_tiny(encoder, corpus, folder, overrides):
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.encoder": str(encoder),
        "paths.history": str(folder / "history.jsonl"),
        "paths.checkpoints": str(folder / "checkpoints"),
        "paths.calibration": str(folder / "calibration.json"),
        "components.transformer.model.window": 64,
        "components.transformer.model.precision": "fp32",
        "training.eval_frequency": 3,
        "training.max_steps": 16,
        "training.max_epochs": 0,
        "components.transformer.model.augment": None,
        "training.dropout": 0.2,
        "training.batcher.size.start": 40,
        # High enough for all tokenizers, whose training is not deterministic.
        "training.optimizer.rate_width": None,
        "training.optimizer.learn_rate.initial_rate": 3e-3,
        **overrides,
    }
    nlp = init_nlp(load_recipe("minilm", overrides))
    folder.mkdir(exist_ok=True)
    train(nlp, folder)
    return digest_of_weights(nlp)


@pytest.fixture(scope="session")
def whole_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("whole") / "run"


@pytest.fixture(scope="session")
def whole(encoders, whole_folder):
    """The weights of an uninterrupted training, in `whole_folder`."""
    corpus = write_corpus(encoders["wordpiece"], whole_folder.with_name("corpus.spacy"))
    weights, n_updates = train_until(encoders["wordpiece"], corpus, whole_folder, None, {})
    assert n_updates == 17
    return weights


def train_until(encoder, corpus, folder, until, overrides):
    """Train from the start or the newest checkpoint; `until` interrupts it at that update."""
    updates = [0]
    update = TransformerNER.update

    def interrupted(self, *args, **kwargs):
        updates[0] += 1
        if updates[0] == until:
            raise KeyboardInterrupt
        return update(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransformerNER, "update", interrupted)
        return train_tiny(encoder, corpus, folder, overrides), updates[0]


@pytest.fixture
def run(encoders, corpus, tmp_path):
    """Trains, see `train_until`."""

    def run(name="run", until=None, **overrides):
        settings = {key.replace("__", "."): value for key, value in overrides.items()}
        return train_until(encoders["wordpiece"], corpus, tmp_path / name, until, settings)

    return run


@pytest.fixture(scope="module")
def interrupted(encoders, tmp_path_factory):
    """A folder with a training that was interrupted at its ninth update, and its corpus."""
    folder = tmp_path_factory.mktemp("interrupted")
    corpus = write_corpus(encoders["wordpiece"], folder / "corpus.spacy")
    with pytest.raises(KeyboardInterrupt):
        train_until(encoders["wordpiece"], corpus, folder / "run", 9, {})
    return folder


@pytest.fixture
def resume(encoders, interrupted, tmp_path):
    """Resumes the interrupted training, in a copy."""
    shutil.copytree(interrupted / "run", tmp_path / "run")

    def resume():
        corpus = interrupted / "corpus.spacy"
        return train_until(encoders["wordpiece"], corpus, tmp_path / "run", None, {})

    return resume


def files_of(pipeline: Path) -> dict[str, bytes]:
    """The weights and cfg files of the components."""
    return {
        str(path.relative_to(pipeline)): path.read_bytes()
        for path in pipeline.rglob("*")
        if path.name in ("model", "cfg") and path.parent != pipeline
    }


def history(folder: Path) -> list[dict]:
    records = list(srsly.read_jsonl(folder / "history.jsonl"))
    for record in records:
        assert record.pop("seconds") >= 0
        record["scores"].pop("speed")
    return records
