from contextlib import contextmanager

import pytest
import srsly
from spacy.tokens import DocBin

from ..conftest import SENTENCES, blank_pipeline, make_examples

TEXTS = [" ".join(SENTENCES[(i + j) % 5][0] for j in range(1 + i % 3)) for i in range(24)]


@pytest.fixture(scope="session")
def teacher(trained, tmp_path_factory):
    """The folder of a pipeline that finds all entities of the sentences."""
    folder = tmp_path_factory.mktemp("teacher") / "pipeline"
    trained.to_disk(folder)
    meta = srsly.read_json(folder / "meta.json")
    srsly.write_json(folder / "meta.json", {**meta, "license": "MIT"})
    return folder


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for text in TEXTS))
    return path


@pytest.fixture
def gold(encoders, tmp_path):
    """The sentences, labelled."""
    path = tmp_path / "gold.spacy"
    docs = [e.reference for e in make_examples(blank_pipeline(encoders["wordpiece"]))]
    DocBin(docs=docs).to_disk(path)
    return path


def settings():
    return (
        "--components.transformer.model.window", 64, "--components.transformer.model.context", 8,
        "--components.transformer.model.precision", "fp32",
        "--components.transformer.model.augment", "null",
        "--training.max_steps", 4, "--training.max_epochs", 0,
        "--training.eval_frequency", 2,
    )  # fmt: skip


def files_of(folder):
    """The files of a run, without those that hold times."""
    names = ("model", "distillation.json", "self-training.json", "round.json")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.name in names or path.suffix == ".spacy"
    }


@contextmanager
def interrupting(monkeypatch, owner, name, at):
    """Interrupt a function when it is called for the given time, as Ctrl+C does."""
    method, calls = getattr(owner, name), []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return method(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        yield
    assert len(calls) >= at
