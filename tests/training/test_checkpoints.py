"""An interrupted training ends like an uninterrupted one."""

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
import torch
from filelock import FileLock
from safetensors.torch import save_file
from spacy.cli.train import train as spacy_train
from spacy.tokens import DocBin

from spacy_transformer_ner.training.checkpoint_files import (
    DAMAGED,
    checkpoints_in,
    read_checkpoint,
)
from spacy_transformer_ner.training.recipe import BUILT_IN

from .conftest import files_of, history


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_resumed_training_is_identical(run, whole, whole_folder, tmp_path, capsys):
    assert left(whole_folder) == ["finished.json"]
    # The calibration in cfg names the corpus.
    corpus = str(whole_folder.with_name("corpus.spacy"))
    same = {"paths__train": corpus, "paths__dev": corpus}
    for at in (6, 5):  # each run resumes from the last
        with pytest.raises(KeyboardInterrupt):
            run(until=at, **same)
        assert "Interrupted. Run the same command to resume from" in capsys.readouterr().out
        assert len(list((tmp_path / "run" / "checkpoints").iterdir())) <= 2
    weights, n_updates = run(**same)
    assert n_updates < 13 and "Resuming from" in capsys.readouterr().out
    assert weights == whole
    for name in ("model-best", "model-last"):
        assert files_of(tmp_path / "run" / name) == files_of(whole_folder / name)
    assert history(tmp_path / "run") == history(whole_folder)
    assert left(tmp_path / "run") == ["finished.json"]
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.parametrize("best", [3, 9])
def test_model_best_is_kept(run, tmp_path, monkeypatch, best):
    """Whether it is from before the newest checkpoint, or from its step."""
    scores = {0: 0.1, 3: 0.4, 6: 0.2, 9: 0.3, 12: 0.1, 15: 0.1, best: 0.9}
    evaluate = spacy.Language.evaluate

    def scored(self, *args, **kwargs):
        given = evaluate(self, *args, **kwargs)
        return {**given, "ents_f": scores[steps.pop(0)]}

    monkeypatch.setattr(spacy.Language, "evaluate", scored)
    steps = list(scores)
    whole, _ = run("whole")
    steps = list(scores)
    with pytest.raises(KeyboardInterrupt):
        run(until=12)
    steps = [12, 15]
    assert run()[0] == whole
    assert files_of(tmp_path / "run" / "model-best") == files_of(tmp_path / "whole" / "model-best")
    assert files_of(tmp_path / "run" / "model-best") != files_of(tmp_path / "run" / "model-last")


@pytest.mark.parametrize(
    "change, what",
    [
        ({"training__dropout": 0.3}, "the config changed"),
        ({"system__seed": 5}, "the config and the initial weights changed"),
    ],
)
def test_changed_config_starts_from_scratch(run, tmp_path, capsys, change, what):
    with pytest.raises(KeyboardInterrupt):
        run(until=6)
    assert run(**change)[1] == 17
    assert what in " ".join(capsys.readouterr().out.split())


def test_changed_corpus_starts_from_scratch(run, corpus, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(until=6)
    docs = list(DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab))
    DocBin(docs=docs[1:]).to_disk(corpus)
    assert run()[1] == 17
    assert "the corpus changed" in " ".join(capsys.readouterr().out.split())


def edit(checkpoint, change):
    state = json.loads((checkpoint / "state.json").read_text("utf-8"))
    (checkpoint / "state.json").write_text(json.dumps(change(state)), "utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda newest: (newest / "state.safetensors").write_bytes(b"half"),
        lambda newest: next((newest / "best").rglob("model")).unlink(),
        lambda newest: shutil.rmtree(newest / "best"),
        lambda newest: edit(newest, lambda state: []),
        lambda newest: edit(newest, lambda state: {"format": state["format"]}),
        lambda newest: edit(newest, lambda state: {**state, "evaluations": []}),
        lambda newest: edit(newest, lambda state: {**state, "step": 3}),
        lambda newest: edit(newest, lambda state: {**state, "made_of": "x"}),
    ],
)
def test_damaged_checkpoint(interrupted, tmp_path, damage):
    newest = shutil.copytree(
        interrupted / "run" / "checkpoints" / "step-000006", tmp_path / "step-000006"
    )
    assert read_checkpoint(newest)[0]["step"] == 6
    damage(newest)
    with pytest.raises(DAMAGED):
        read_checkpoint(newest)


def test_resuming_beside_a_damaged_checkpoint(resume, whole, tmp_path, capsys):
    """The checkpoint before it is used, and partly written ones are removed."""
    folder = tmp_path / "run" / "checkpoints"
    older, newest = sorted(folder.glob("step-*"))
    (newest / "state.safetensors").write_bytes(b"half")
    (folder / ".step-000009-x").mkdir()
    assert resume()[0] == whole
    assert f"Removing {newest}" in " ".join(capsys.readouterr().out.split())


def test_other_format_starts_from_scratch(resume, tmp_path, capsys):
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("step-*"):
        edit(checkpoint, lambda state: {"format": 1})
    assert resume()[1] == 17
    assert "the checkpoint format changed" in " ".join(capsys.readouterr().out.split())


def test_other_batches(resume, tmp_path, monkeypatch, capsys):
    best = files_of(tmp_path / "run" / "model-best")
    shuffle = random.shuffle
    monkeypatch.setattr(random, "shuffle", lambda items: (shuffle(items), items.reverse()))
    with pytest.raises(SystemExit):
        resume()
    assert "the batches differ" in " ".join(capsys.readouterr().out.split())
    assert files_of(tmp_path / "run" / "model-best") == best
    assert not files_of(tmp_path / "run" / "model-last")


def test_interrupted_while_resuming(resume, whole, tmp_path, monkeypatch):
    """Partly restored weights are not written, and model-best is kept."""
    best = files_of(tmp_path / "run" / "model-best")

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("spacy_transformer_ner.training.checkpoints.set_state", interrupt)
        resume()
    assert files_of(tmp_path / "run" / "model-best") == best != {}
    assert not files_of(tmp_path / "run" / "model-last")
    assert resume()[0] == whole


def test_tensors_of_another_pipeline(resume, tmp_path, capsys):
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("step-*"):
        file = checkpoint / "state.safetensors"
        save_file({"weights/of another": torch.zeros(3)}, file)
        sizes = {file.name: file.stat().st_size}
        edit(checkpoint, lambda state: {**state, "sizes": sizes})
    with pytest.raises(SystemExit):
        resume()
    assert "does not fit the pipeline" in " ".join(capsys.readouterr().out.split())


def test_checkpoint_without_output(resume, tmp_path, capsys):
    """Such a checkpoint has no best pipeline."""
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("step-*"):
        shutil.rmtree(checkpoint / "best")
        edit(checkpoint, lambda state: {
            **state,
            "sizes": {},
            # So that the best is not the last.
            "evaluations": [
                {**e, "scores": {**e["scores"], "ents_f": 1.0 - 0.1 * i}}
                for i, e in enumerate(state["evaluations"])
            ],
        })  # fmt: skip
    with pytest.raises(SystemExit):
        resume()
    assert "was written without --output" in " ".join(capsys.readouterr().out.split())


def test_other_files_are_kept(run, tmp_path):
    """Also if the folder of the checkpoints is that of the pipelines."""
    folder = tmp_path / "run"
    (folder / "step-by-step").mkdir(parents=True)
    (folder / "step-000003.txt").touch()
    run(paths__checkpoints=str(folder))
    assert files_of(folder / "model-best") and files_of(folder / "model-last")
    assert not (folder / "step-000003").exists()
    assert (folder / "step-by-step").is_dir() and (folder / "step-000003.txt").is_file()


def test_no_folder(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        run(paths__checkpoints=str(tmp_path / "file"))
    assert "Change the folder with paths.checkpoints" in " ".join(capsys.readouterr().out.split())


def test_two_at_once(run, resume, tmp_path, capsys):
    folder = tmp_path / "run" / "checkpoints"
    before = sorted(folder.rglob("*"))
    with FileLock(folder / ".lock"), pytest.raises(SystemExit):
        run("other", paths__checkpoints=str(folder))
    assert "Another training is running" in " ".join(capsys.readouterr().out.split())
    assert sorted(set(folder.rglob("*")) - {folder / ".lock"}) == before


def test_checkpoints_are_ordered_by_step(tmp_path):
    for step in (999_950, 1_000_000, 50):
        (tmp_path / f"step-{step:06d}").mkdir()
    names = [path.name for path in checkpoints_in(tmp_path)]
    assert names == ["step-000050", "step-999950", "step-1000000"]


def test_full_disk(run, whole, tmp_path, monkeypatch, capsys):
    from spacy_transformer_ner.training import checkpoint_files

    save = checkpoint_files.save_file

    def full(tensors, path):
        if "step-000006" in str(path):
            raise OSError(28, "No space left on device", str(path))
        save(tensors, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_files, "save_file", full)
        with pytest.raises(SystemExit):
            run()
    assert "No space left on device" in " ".join(capsys.readouterr().out.split())
    assert [p.name for p in sorted((tmp_path / "run" / "checkpoints").iterdir())] == [
        "step-000000", "step-000003"
    ]  # fmt: skip
    assert run()[0] == whole


def test_no_space_for_model_best(resume, whole, tmp_path, monkeypatch, capsys):
    """spaCy removes the old pipeline before it copies the new one."""
    with monkeypatch.context() as patch:
        # Enough for the checks before the training and of two loggers, too little later.
        free = iter([10**9] * 3)
        patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=next(free, 10)))
        with pytest.raises(SystemExit):
            resume()
    assert "Free some space and run the same command again" in " ".join(
        capsys.readouterr().out.split()
    )
    assert not files_of(tmp_path / "run" / "model-last")
    assert resume()[0] == whole


@pytest.mark.slow
def test_killed(encoders, corpus, tmp_path, capsys):
    """A training on the command line, killed without cleanup; and a second one that starts in
    its folder while it runs."""
    recipe = BUILT_IN / "minilm.cfg"

    def settings(name):
        return {
            "paths.train": str(corpus), "paths.dev": str(corpus),
            "paths.encoder": str(encoders["wordpiece"]),
            "paths.checkpoints": str(tmp_path / name / "checkpoints"),
            "components.transformer.model.window": 64, "training.eval_frequency": 5,
            "training.max_steps": 60, "training.max_epochs": 0, "training.batcher.size.start": 40,
        }  # fmt: skip

    overrides = [part for k, value in settings("run").items() for part in (f"--{k}", str(value))]
    command = [sys.executable, "-m", "spacy", "train", str(recipe), "--output", tmp_path / "run"]
    spacy_train(recipe, tmp_path / "whole", overrides=settings("whole"))
    for _ in range(2):
        process = subprocess.Popen([*command, *overrides], stdout=subprocess.PIPE, text=True)
        steps = set()
        for line in process.stdout:
            step, of, _rest = line.strip().partition(" of ")
            if of and step.isdigit():
                steps.add(int(step))
            if len(steps) == 4 + _ * 4:
                if _ == 0:
                    process.send_signal(signal.SIGSTOP)
                    with pytest.raises(SystemExit) as end:
                        spacy_train(recipe, tmp_path / "run", overrides=settings("run"))
                    assert end.value.code == 1
                    assert "Another training is running" in capsys.readouterr().out
                    assert files_of(tmp_path / "run" / "model-best")
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        assert process.returncode == -signal.SIGKILL
    spacy_train(recipe, tmp_path / "run", overrides=settings("run"))
    assert "Resuming from" in capsys.readouterr().out
    assert files_of(tmp_path / "run" / "model-best") == files_of(tmp_path / "whole" / "model-best")
