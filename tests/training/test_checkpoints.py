"""A training that is interrupted ends as if it had not been."""

import random
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.running.recipe import load_recipe
from spacy_transformer_ner.training.state import digest_of_weights

from ..conftest import ROOT, blank_pipeline, make_examples


@pytest.fixture
def corpus(encoders, tmp_path):
    docs = [e.reference for e in make_examples(blank_pipeline(encoders["wordpiece"]))]
    DocBin(docs=docs * 4).to_disk(tmp_path / "corpus.spacy")
    return tmp_path / "corpus.spacy"


@pytest.fixture
def run(encoders, corpus, tmp_path, monkeypatch):
    """Trains from the beginning or from the checkpoint that there is; `until` interrupts at
    that update of it."""

    def run(name="run", until=None, **overrides):
        overrides = {
            "paths.train": str(corpus),
            "paths.dev": str(corpus),
            "paths.encoder": str(encoders["wordpiece"]),
            "paths.history": str(tmp_path / name / "history.jsonl"),
            "paths.checkpoints": str(tmp_path / name / "checkpoints"),
            "components.transformer.model.window": 64,
            "training.eval_frequency": 3,
            "training.max_steps": 16,
            "training.max_epochs": 0,
            "training.dropout": 0.2,
            "training.batcher.size.start": 40,
            "training.optimizer.learn_rate.initial_rate": 2e-5,
            **{key.replace("__", "."): value for key, value in overrides.items()},
        }
        updates = [0]
        update = TransformerNER.update

        def interrupted(self, *args, **kwargs):
            updates[0] += 1
            if updates[0] == until:
                raise KeyboardInterrupt
            return update(self, *args, **kwargs)

        nlp = init_nlp(load_recipe(ROOT / "configs" / "minilm.cfg", overrides))
        (tmp_path / name).mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            patch.setattr(TransformerNER, "update", interrupted)
            train(nlp, tmp_path / name)
        return digest_of_weights(nlp), updates[0]

    return run


def files_of(pipeline: Path) -> dict[str, bytes]:
    return {str(p.relative_to(pipeline)): p.read_bytes() for p in pipeline.rglob("model")}


def history(folder: Path) -> list[dict]:
    records = list(srsly.read_jsonl(folder / "history.jsonl"))
    for record in records:
        assert record.pop("seconds") >= 0
        record["scores"].pop("speed")
    return records


def test_the_same_in_the_end(run, tmp_path, capsys):
    whole, n_updates = run("whole")
    assert n_updates == 17 and not (tmp_path / "whole" / "checkpoints").exists()
    for at in (6, 5, 4):  # each time from where it was
        with pytest.raises(KeyboardInterrupt):
            run(until=at)
        assert "Interrupted. The same command goes on from" in capsys.readouterr().out
        assert len(list((tmp_path / "run" / "checkpoints").iterdir())) <= 2
    weights, n_updates = run()
    assert n_updates < 10 and "Goes on from" in capsys.readouterr().out
    assert weights == whole
    for name in ("model-best", "model-last"):
        assert files_of(tmp_path / "run" / name) == files_of(tmp_path / "whole" / name)
    assert history(tmp_path / "run") == history(tmp_path / "whole")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_the_best_is_kept(run, tmp_path, monkeypatch):
    """That of an evaluation before the newest checkpoint, too."""
    scores = {0: 0.1, 3: 0.9, 6: 0.2, 9: 0.3, 12: 0.1, 15: 0.1}
    evaluate = spacy.Language.evaluate

    def scored(self, *args, **kwargs):
        given = evaluate(self, *args, **kwargs)
        return {**given, "ents_f": scores[left.pop(0)]}

    monkeypatch.setattr(spacy.Language, "evaluate", scored)
    left = list(scores)
    whole, _ = run("whole")
    left = list(scores)
    with pytest.raises(KeyboardInterrupt):
        run(until=12)
    left = [12, 15]
    assert run()[0] == whole
    assert files_of(tmp_path / "run" / "model-best") == files_of(tmp_path / "whole" / "model-best")
    assert files_of(tmp_path / "run" / "model-best") != files_of(tmp_path / "run" / "model-last")


@pytest.mark.parametrize(
    "change, what",
    [
        ({"training__dropout": 0.3}, "the config changed"),
        ({"system__seed": 5}, "the config and the weights to begin with changed"),
    ],
)
def test_another_training_starts_anew(run, tmp_path, capsys, change, what):
    with pytest.raises(KeyboardInterrupt):
        run(until=6)
    assert run(**change)[1] == 17
    assert what in " ".join(capsys.readouterr().out.split())


def test_another_corpus_starts_anew(run, corpus, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(until=6)
    docs = list(DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab))
    DocBin(docs=docs[1:]).to_disk(corpus)
    assert run()[1] == 17
    assert "the corpus changed" in " ".join(capsys.readouterr().out.split())


def test_damaged_checkpoint(run, tmp_path, capsys):
    """The one before is taken, and what was being written is cleared away."""
    whole, _ = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run(until=9)
    folder = tmp_path / "run" / "checkpoints"
    older, newest = sorted(folder.iterdir())
    (newest / "state.safetensors").write_bytes(b"half")
    (folder / ".step-000009-x").mkdir()
    assert run()[0] == whole
    assert f"{newest} cannot be read" in " ".join(capsys.readouterr().out.split())


def test_batches_that_differ(run, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(until=9)
    shuffle = random.shuffle
    monkeypatch.setattr(random, "shuffle", lambda items: (shuffle(items), items.reverse()))
    with pytest.raises(InputError, match="the batches come out otherwise"):
        run()


def test_full_disk(run, tmp_path, monkeypatch, capsys):
    from spacy_transformer_ner.training import checkpoints

    whole, _ = run("whole")
    save = checkpoints.save_file

    def full(tensors, path):
        if "step-000006" in str(path):
            raise OSError(28, "No space left on device", str(path))
        save(tensors, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        with pytest.raises(SystemExit):
            run()
    assert "No space left on device" in " ".join(capsys.readouterr().out.split())
    assert [p.name for p in sorted((tmp_path / "run" / "checkpoints").iterdir())] == [
        "step-000000", "step-000003"
    ]  # fmt: skip
    assert run()[0] == whole


def test_no_room_for_the_best(run, tmp_path, monkeypatch, capsys):
    """spaCy removes the old one before it copies the new one."""
    whole, _ = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run(until=9)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
        with pytest.raises(SystemExit):
            run()
    assert "Make room and give the same command again" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "run" / "model-last").exists()
    assert run()[0] == whole


@pytest.mark.slow
def test_killed(encoders, corpus, tmp_path):
    """By the command line, with no chance to tidy up."""

    def command(name):
        settings = {
            "paths.train": corpus, "paths.dev": corpus, "paths.encoder": encoders["wordpiece"],
            "paths.checkpoints": tmp_path / name / "checkpoints",
            "components.transformer.model.window": 64, "training.eval_frequency": 5,
            "training.max_steps": 60, "training.max_epochs": 0, "training.batcher.size.start": 40,
        }  # fmt: skip
        overrides = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        return [
            sys.executable, "-m", "spacy", "train", str(ROOT / "configs" / "minilm.cfg"),
            "--output", str(tmp_path / name), *overrides,
        ]  # fmt: skip

    subprocess.run(command("whole"), check=True, capture_output=True)
    for _ in range(2):
        process = subprocess.Popen(command("run"), stdout=subprocess.PIPE, text=True)
        steps = set()
        for line in process.stdout:
            found = line.split()
            if len(found) > 6 and found[1].isdigit():
                steps.add(int(found[1]))
            if len(steps) == 4 + _ * 4:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command("run"), check=True, capture_output=True, text=True)
    assert "Goes on from" in done.stdout
    assert files_of(tmp_path / "run" / "model-best") == files_of(tmp_path / "whole" / "model-best")
