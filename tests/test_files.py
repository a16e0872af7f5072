import errno

import pytest

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.files import check_writable, new_folder, read_json, replacing

from .conftest import ROOT


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    with replacing(path) as new:
        new.write_text("a")
        assert not path.exists()
    assert path.read_text() == "a"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as new:
        new.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_never_replaced(tmp_path):
    (tmp_path / "keep").touch()
    with pytest.raises(InputError, match="is a folder"), replacing(tmp_path) as new:
        new.touch()
    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path)
    assert (tmp_path / "keep").exists()


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        check_writable(tmp_path / "file" / "x.json")
    check_writable(tmp_path / "new" / "x.json")
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("content", [None, "", "{"])
def test_no_json(tmp_path, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="with the train command"):
        read_json(path, "train")


def test_a_folder_appears_whole(tmp_path):
    path = tmp_path / "deep" / "folder"
    with new_folder(path) as new:
        new.mkdir()
        (new / "a").touch()
        assert not path.exists()
    assert [p.name for p in path.iterdir()] == ["a"] and list(path.parent.iterdir()) == [path]
    with pytest.raises(InputError, match="there already"), new_folder(path) as new:
        new.mkdir()
    with pytest.raises(RuntimeError), new_folder(tmp_path / "other") as new:
        new.mkdir()
        raise RuntimeError
    assert not (tmp_path / "other").exists()


def test_full_disk(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    from common import clear_failure

    with pytest.raises(SystemExit), clear_failure():
        raise OSError(errno.ENOSPC, "No space left on device", "from", None, "to/file")
    printed = " ".join(capsys.readouterr().out.split())
    assert "to/file: No space left on device. Make room and give the same command" in printed
