"""Locks and free space of the folders of a training."""

import pytest
from filelock import FileLock

from spacy_transformer_ner.training.folders import current_call, require_room

from .conftest import files_of


@pytest.mark.parametrize("locked", ["output", "checkpoints"])
def test_second_training_stops(run, tmp_path, capsys, locked):
    folder = tmp_path / "run"
    settings = {"training__max_steps": 3, "paths__checkpoints": str(tmp_path / "checkpoints")}
    run(**settings)
    lock = folder if locked == "output" else tmp_path / "checkpoints"
    before = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    with FileLock(lock / ".lock"), pytest.raises(SystemExit) as end:
        run(training__dropout=0.5, **settings)
    assert end.value.code == 1
    out = " ".join(capsys.readouterr().out.split())
    assert f"Another training is running and writes to {lock}" in out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files_of(folder / "model-best")
    # The lock ends with the training.
    assert run(training__dropout=0.5, **settings)[1] == 4


def test_without_checkpoints(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.jsonl").write_text("of the first\n")
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(SystemExit):
        run(paths__checkpoints=None)
    assert (tmp_path / "run" / "history.jsonl").read_text() == "of the first\n"


def test_no_space(run, tmp_path, capsys, monkeypatch):
    """Reported before any file of the previous training is removed."""
    run(training__max_steps=3)
    best = files_of(tmp_path / "run" / "model-best")
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(
            "spacy_transformer_ner.training.checkpoints.size_of_weights", lambda nlp: 1 << 50
        )
        run(training__dropout=0.5)
    out = " ".join(capsys.readouterr().out.split())
    assert "Not enough disk space in" in out and "Free some space" in out
    assert files_of(tmp_path / "run" / "model-best") == best


def test_replaced_files_count_as_free(tmp_path, monkeypatch):
    class Usage:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    (tmp_path / "old").write_bytes(bytes(10))
    require_room({tmp_path: 20})
    with pytest.raises(SystemExit):
        require_room({tmp_path: 21})


def test_outside_of_training():
    assert current_call() is None
