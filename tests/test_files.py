import errno
import os
import resource
import shutil
from pathlib import Path

import pytest

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.files import (
    append_line,
    check_room,
    check_writable,
    new_folder,
    read_json,
    replace_together,
    replacing,
    write_bytes,
    write_json,
    write_jsonl,
)


def test_replacing(tmp_path):
    path = tmp_path / "deep" / "file"
    with replacing(path) as new:
        new.write_text("a")
        assert not path.exists()
    assert path.read_text() == "a"
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as new:
        new.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_folder_is_not_replaced(tmp_path):
    (tmp_path / "keep").touch()
    with pytest.raises(InputError, match="is a folder"), replacing(tmp_path) as new:
        new.touch()
    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path)
    assert (tmp_path / "keep").exists()


def test_check_writable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        check_writable(tmp_path / "file" / "x.json")
    check_writable(tmp_path / "new" / "x.json")
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("content", [None, "", "{"])
def test_invalid_json(tmp_path, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="`spacy ner train`"):
        read_json(path, "train")


def test_new_folder(tmp_path):
    path = tmp_path / "deep" / "folder"
    with new_folder(path) as new:
        new.mkdir()
        (new / "a").touch()
        assert not path.exists()
    assert [p.name for p in path.iterdir()] == ["a"] and list(path.parent.iterdir()) == [path]
    with pytest.raises(InputError, match="already exists"), new_folder(path) as new:
        new.mkdir()
    with pytest.raises(RuntimeError), new_folder(tmp_path / "other") as new:
        new.mkdir()
        raise RuntimeError
    assert not (tmp_path / "other").exists()


def test_full_disk(capsys):
    from spacy_transformer_ner.cli._util import clear_failure

    with pytest.raises(SystemExit), clear_failure():
        raise OSError(errno.ENOSPC, "No space left on device", "from", None, "to/file")
    printed = " ".join(capsys.readouterr().out.split())
    assert "to/file: No space left on device. Free some space and run the same command" in printed


def test_full_disk_names_path(tmp_path, monkeypatch):
    """The message names the target, not the temporary file, for errors of Rust libraries too."""
    path = tmp_path / "file"
    path.write_text("old")
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
        Exception("I/O error: No space left on device (os error 28)"),
        InputError("cannot be exported (OSError: [Errno 28] No space left on device)"),
    ):
        with pytest.raises(InputError, match="^/.*file: cannot be written: .*Free some space"):
            with replacing(path) as new:
                new.write_text("half")
                raise error
        assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match=r"folder: cannot be written: No space"):
        with new_folder(tmp_path / "folder") as new:
            new.mkdir()
            raise OSError(errno.ENOSPC, "No space left on device", str(new / "weights"))
    # Other errors are raised unchanged.
    for error in (OSError(errno.EACCES, "Permission denied", "/elsewhere"), InputError("x")):
        with pytest.raises(type(error), match="Permission denied|x"), replacing(path):
            raise error


def test_system_errors(tmp_path):
    """/dev/full raises the error of a full disk, and a file size limit is reported the same."""
    with pytest.raises(InputError, match="/dev/full: cannot be written: No space left"):
        write_json("/dev/full", {})
    assert not Path("/dev/full").is_file()
    write_json("/dev/null", {})
    assert not Path("/dev/null").is_file()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for write in (
            lambda: write_bytes(tmp_path / "a", b"a" * 2000),
            lambda: write_jsonl(tmp_path / "a", [{"a": "a" * 500}] * 5),
            lambda: [append_line(tmp_path / "b", "b" * 600) for _ in range(2)],
        ):
            with pytest.raises(InputError, match="/[ab]: cannot be written: File too large"):
                write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_check_room(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5 << 20))
    check_room(tmp_path / "new" / "deep", 5 << 20)
    check_writable(tmp_path / "file")
    with pytest.raises(InputError, match=r"has 5\.0 MiB left, but 6\.0 MiB are needed"):
        check_writable(tmp_path / "file", 6 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    for check in (check_room, check_writable):
        with pytest.raises(InputError, match=f"^{tmp_path}: the disk has 0.0 MiB left"):
            check(tmp_path / "file")


def test_everything_is_fsynced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
    )
    with new_folder(tmp_path / "folder") as new:
        (new / "deep").mkdir(parents=True)
        (new / "deep" / "a").touch()
    assert synced == [new / "deep" / "a", new, new / "deep", tmp_path]
    synced.clear()
    with replacing(tmp_path / "file") as new:
        new.touch()
    assert synced == [new, tmp_path]
    synced.clear()
    append_line(tmp_path / "file", "x")
    assert synced == [tmp_path / "file"]


@pytest.mark.parametrize("fail_at", range(7))
def test_replace_together_is_atomic(tmp_path, monkeypatch, fail_at):
    """Whichever move fails, the old files are restored."""
    folder, made = tmp_path / "folder", tmp_path / "folder" / ".made"
    made.mkdir(parents=True)
    for name in ("train", "gone"):
        (folder / name).write_text("old")
    (folder / "dev").mkdir()
    (folder / "dev" / "0").write_text("old")
    (folder / "other").write_text("mine")
    for name in ("train", "dev", "test"):
        (made / name).write_text("new")
    replace, moves = os.replace, []

    def failing(source, target):
        moves.append(source)
        if len(moves) == fail_at + 1:
            raise KeyboardInterrupt
        replace(source, target)

    def content():
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*")
            if path.is_file() and made not in path.parents
        }

    monkeypatch.setattr(os, "replace", failing)
    if fail_at < 6:
        with pytest.raises(KeyboardInterrupt):
            replace_together(made, folder, ["gone", "not there"])
        assert content() == {"train": "old", "gone": "old", "dev/0": "old", "other": "mine"}
        assert len(list(made.iterdir())) == 3
    else:
        replace_together(made, folder, ["gone", "not there"])
        assert content() == dict.fromkeys(("train", "dev", "test"), "new") | {"other": "mine"}
    assert not list(folder.glob(".old-*"))


def test_long_names(tmp_path, monkeypatch):
    write_json(tmp_path / ("日" * 80 + ".json"), {})
    monkeypatch.chdir(tmp_path / ".")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with new_folder(".") as new:
        new.mkdir()
        (new / "a").touch()
    assert (tmp_path / "empty" / "a").exists()
