"""Trainings of a few steps."""

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
        "training.dropout": 0.2,
        "training.batcher.size.start": 40,
        "training.optimizer.learn_rate.initial_rate": 2e-5,
        **overrides,
    }
    nlp = init_nlp(load_recipe("minilm", overrides))
    folder.mkdir(exist_ok=True)
    train(nlp, folder)
    return digest_of_weights(nlp)


@pytest.fixture(scope="module")
def whole(encoders, tmp_path_factory):
    """The weights of an uninterrupted training."""
    folder = tmp_path_factory.mktemp("whole")
    corpus = write_corpus(encoders["wordpiece"], folder / "corpus.spacy")
    return train_tiny(encoders["wordpiece"], corpus, folder / "run", {})


@pytest.fixture
def run(encoders, corpus, tmp_path, monkeypatch):
    """Trains from the start or the newest checkpoint; `until` interrupts it at that update."""

    def run(name="run", until=None, **overrides):
        updates = [0]
        update = TransformerNER.update

        def interrupted(self, *args, **kwargs):
            updates[0] += 1
            if updates[0] == until:
                raise KeyboardInterrupt
            return update(self, *args, **kwargs)

        settings = {key.replace("__", "."): value for key, value in overrides.items()}
        with monkeypatch.context() as patch:
            patch.setattr(TransformerNER, "update", interrupted)
            weights = train_tiny(encoders["wordpiece"], corpus, tmp_path / name, settings)
        return weights, updates[0]

    return run


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
