"""Atomic file writes, safe against crashes and power loss. All outputs are written by these
functions."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly

from .atomic import files_in, sync, sync_folder, temporary, writing
from .errors import InputError

# A disk with fewer free bytes counts as full.
MIN_FREE = 1 << 20


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file atomically, via a temporary path next to it. When the block ends, the file
    is fsynced and renamed. If the block fails, the temporary file is removed and an existing
    file at `path` is kept. Devices and pipes are written to directly.

    path (str | Path): The file to write. Its folder is created.
    YIELDS (Path): The temporary path, where no file exists yet.
    RAISES: InputError if `path` is a folder, or the file cannot be written.
    """
    path = Path(path)
    _require_no_folder(path)
    if _is_device(path):
        with tempfile.TemporaryDirectory() as folder, writing(path):
            yield Path(folder, "new")
            with open(Path(folder, "new"), "rb") as source, open(path, "wb") as device:
                shutil.copyfileobj(source, device)
    else:
        with temporary(path) as new:
            yield new


def check_writable(path: str | Path, size: int = 0) -> None:
    """Check that a file can be written, before computing its content.

    path (str | Path): The file. Its folder is created.
    size (int): The minimum size in bytes, if known.
    RAISES: InputError if `path` is a folder or the disk is full; OSError if the folder is not
        writable.
    """
    path = Path(path)
    _require_no_folder(path)
    if not _is_device(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
        check_room(path, size)


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def check_room(path: str | Path, size: int = 0) -> None:
    """Check that a disk has enough free space, before computing what is to be written.

    path (str | Path): The file or folder to write. It need not exist.
    size (int): The minimum size in bytes, if known.
    RAISES: InputError if there is not enough space.
    """
    path = Path(path)
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    free, needed = shutil.disk_usage(folder).free, max(size, MIN_FREE)
    if free < needed:
        raise InputError(
            f"the disk has {_mib(free)} left, but {_mib(needed)} are needed. Free some space, "
            "or use a path on another disk.",
            path=folder,
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"


def size_of(path: str | Path) -> int:
    """path (str | Path): A file or folder.
    RETURNS (int): The size in bytes of the file, or of all files in the folder."""
    return sum(file.stat().st_size for file in files_in(path))


def _require_no_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError("is a folder. Pass the path of a file.", path=path)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Write a folder atomically, via a temporary path next to it. When the block ends, its
    files are fsynced and it is renamed. If the block fails, it is removed.

    path (str | Path): The folder to write. Its parents are created.
    YIELDS (Path): The temporary path, where no folder exists yet.
    RAISES: InputError if `path` exists and is not an empty folder, or cannot be written.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("already exists. Pass another folder, or remove it.", path=path)
    with temporary(path) as new:
        yield new


def replace_together(made: Path, folder: Path, gone: Iterable[str] = ()) -> None:
    """Move the content of one folder into another, replacing entries with the same names:
    either everything is moved, or nothing. If the process is killed meanwhile, entries may be
    missing, but new ones are never mixed with old ones.

    made (Path): The folder with the new entries, on the same disk.
    folder (Path): The folder to move them to.
    gone (Iterable[str]): Names of other entries to remove from `folder`.
    """
    names = sorted(path.name for path in made.iterdir())
    old = [name for name in dict.fromkeys((*names, *gone)) if os.path.lexists(folder / name)]
    sync(made)
    with tempfile.TemporaryDirectory(prefix=".old-", dir=folder) as aside:
        moves = [(folder / name, Path(aside, name)) for name in old]
        moves += [(made / name, folder / name) for name in names]
        try:
            for source, target in moves:
                os.replace(source, target)
        except BaseException:
            for source, target in reversed(moves):
                if os.path.lexists(target) and not os.path.lexists(source):
                    os.replace(target, source)
            raise
    sync_folder(folder)


def append_line(path: str | Path, line: str) -> None:
    """Append a line to a file, and fsync it.

    path (str | Path): The file. It is created if it does not exist.
    line (str): The line, without a newline.
    RAISES: InputError if the file cannot be written.
    """
    with writing(path), open(path, "ab") as file:
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file atomically.

    path (str | Path): The file. Its folder is created.
    content (bytes): The content.
    RAISES: InputError if `path` is a folder, or the file cannot be written.
    """
    with replacing(path) as new:
        new.write_bytes(content)


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file atomically.

    path (str | Path): The file. Its folder is created.
    content (Any): The content.
    RAISES: InputError if `path` is a folder, or the file cannot be written.
    """
    with replacing(path) as new:
        srsly.write_json(new, content)


def write_jsonl(path: str | Path, records: Iterable[Any]) -> None:
    """Write a JSON Lines file atomically.

    path (str | Path): The file. Its folder is created.
    records (Iterable[Any]): The records, one per line.
    RAISES: InputError if `path` is a folder, or the file cannot be written.
    """
    with replacing(path) as new:
        srsly.write_jsonl(new, records)


def sha256(path: str | Path) -> str:
    """path (str | Path): A file.
    RETURNS (str): Its SHA-256, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(path: str | Path, made_by: str) -> Any:
    """Read a JSON file that a command of `spacy ner` wrote.

    path (str | Path): The file.
    made_by (str): The command, for the error message.
    RETURNS (Any): The content.
    RAISES: InputError if the file does not exist or is not JSON.
    """
    return _read(path, made_by, srsly.read_json, "JSON")


def read_jsonl(path: str | Path, made_by: str) -> list[Any]:
    """Read a JSON Lines file that a command of `spacy ner` wrote.

    path (str | Path): The file.
    made_by (str): The command, for the error message.
    RETURNS (list[Any]): The records.
    RAISES: InputError if the file does not exist or is not JSON Lines.
    """
    return _read(path, made_by, lambda path: list(srsly.read_jsonl(path)), "JSON Lines")


def _read(path: str | Path, made_by: str, read: Callable[[str | Path], Any], what: str) -> Any:
    if not Path(path).is_file():
        raise InputError(f"not found. Run `spacy ner {made_by}` first.", path=path)
    try:
        return read(path)
    except ValueError:
        raise InputError(f"is not {what}. Run `spacy ner {made_by}` again.", path=path) from None
