"""Reading and writing files so that nobody ever meets half of one, not even after a loss of
power. All that is written for good is written by these functions."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import srsly

from .errors import InputError

# What a file is called until it is whole: .NAME-1234abcd.tmp
TEMPORARY = ".tmp"
# A name may have 255 bytes, and a character of it four.
NAME_KEPT = 40
# No room on the disk, a quota or a limit on the size of files: never the fault of a read.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What shutil and libraries written in Rust (safetensors, tokenizers) make of an OSError.
TOLD = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
# A disk with less room is full.
LEAST_ROOM = 1 << 20


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write a file to. When the block ends well, the
    file is brought to the disk and moved into place. When it fails nothing is left, and what
    stood at `path` stays. A device or a pipe is written to, and not replaced.

    path (str | Path): Where the file is to be. Its folder is made.
    YIELDS (Path): The temporary path. There is no file yet.
    RAISES: InputError if `path` is a folder, or the file cannot be written.
    """
    path = Path(path)
    _require_no_folder(path)
    if _is_device(path):
        with tempfile.TemporaryDirectory() as folder, writing(path):
            yield Path(folder, "new")
            with open(Path(folder, "new"), "rb") as made, open(path, "wb") as device:
                shutil.copyfileobj(made, device)
    else:
        with _made_beside(path) as new:
            yield new


def check_writable(path: str | Path, size: int = 0) -> None:
    """See that a file can be written, before the work is done that it is to hold.

    path (str | Path): The file. Its folder is made.
    size (int): How many bytes it will have at least, if that is known.
    RAISES: InputError if `path` is a folder, or the disk has no room for it; OSError if its
        folder cannot be written to.
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
    """See that a disk has room, before the work is done that is to be written there.

    path (str | Path): The file or folder to write. It need not exist.
    size (int): How many bytes it will have at least, if that is known.
    RAISES: InputError if there is less room.
    """
    path = Path(path)
    there = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    free, needed = shutil.disk_usage(there).free, max(size, LEAST_ROOM)
    if free < needed:
        raise InputError(
            f"the disk has {_mib(free)} left, and {_mib(needed)} are to be written. Free some "
            "space there, or name a path on another disk.",
            path=there,
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"


def size_of(path: str | Path) -> int:
    """path (str | Path): A file or folder.
    RETURNS (int): The bytes of the file, or of all files in the folder."""
    return sum(file.stat().st_size for file in _files_in(Path(path)))


def _require_no_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError("is a folder. Name a file to write to.", path=path)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to make a folder at. When the block ends well, all
    its files are brought to the disk and it is moved into place; when it fails nothing is
    left.

    path (str | Path): Where the folder is to be. Its parents are made.
    YIELDS (Path): The temporary path. There is no folder yet.
    RAISES: InputError if there is something already, or it cannot be written.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("is there already. Name another folder, or remove it.", path=path)
    with _made_beside(path) as new:
        yield new


@contextmanager
def _made_beside(path: Path) -> Iterator[Path]:
    # Two machines may write the same shard of an annotation, if the one is believed lost.
    name = f".{path.name[:NAME_KEPT]}-{uuid4().hex[:8]}{TEMPORARY}"
    place = Path(os.path.abspath(path))
    new = place.with_name(name)
    with writing(path, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield new
            _sync(new)
            os.replace(new, place)
        except BaseException:
            with suppress(OSError):
                remove(new)
            raise
        sync_folder(path.parent)


@contextmanager
def writing(path: str | Path, temporary: Path | None = None) -> Iterator[None]:
    """Turn what is raised when a file cannot be written into an InputError.

    path (str | Path): The file or folder that is written.
    temporary (Path | None): What it is called until it is whole, if not `path`.
    RAISES: InputError if the disk is full, or the system refuses to write this file.
        What is raised of other files stays.
    """
    try:
        yield
    except Exception as error:
        # An InputError of another place may tell it too.
        told = TOLD.search(str(error))
        code = int(told[1] or told[2]) if told else None
        if code not in FULL and not (
            isinstance(error, OSError) and _is_of(error, Path(temporary or path))
        ):
            raise
        reason = os.strerror(code) if code is not None else str(error)
        raise InputError(
            f"cannot be written: {reason}. "
            + ("Free some space" if code in FULL else "Change that")
            + " and run the same command again.",
            path=path,
        ) from None


def _is_of(error: OSError, root: Path) -> bool:
    """Whether an error is of a path, or of what is in it."""
    named = [
        Path(os.fsdecode(n))
        for n in (error.filename, error.filename2)
        if isinstance(n, (str, bytes))
    ]
    return any(name == root or root in name.parents for name in named)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it.

    path (Path): The file or folder; it need not exist.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _files_in(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _sync(path: Path) -> None:
    """Bring a file, or all of a folder, to the disk."""
    for file in _files_in(path):
        # Windows refuses it of a file that was opened to be read.
        with open(file, "r+b" if os.name == "nt" else "rb") as opened:
            os.fsync(opened.fileno())
    if path.is_dir():
        for folder in (path, *(each for each in path.rglob("*") if each.is_dir())):
            sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    folder (Path): The folder.
    """
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def replace_together(made: Path, folder: Path, gone: Iterable[str] = ()) -> None:
    """Move all that one folder holds into another, in place of what has the same names there:
    all of it, or nothing. What ends the process on the way leaves some missing, but never
    new ones beside old ones.

    made (Path): The folder that holds them, on the same disk.
    folder (Path): Where they are to be.
    gone (Iterable[str]): Names that `folder` is to have no more.
    """
    names = sorted(path.name for path in made.iterdir())
    old = [name for name in dict.fromkeys((*names, *gone)) if os.path.lexists(folder / name)]
    _sync(made)
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
    """Add a line to a file and bring it to the disk.

    path (str | Path): The file; it is made if it does not exist.
    line (str): The line, without its end.
    RAISES: InputError if it cannot be written.
    """
    with writing(path), open(path, "ab") as file:
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    path (str | Path): The file. Its folder is made.
    content (bytes): What it is to hold.
    RAISES: InputError if `path` is a folder, or it cannot be written.
    """
    with replacing(path) as new:
        new.write_bytes(content)


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file, whole or not at all.

    path (str | Path): The file. Its folder is made.
    content (Any): What it is to hold.
    RAISES: InputError if `path` is a folder.
    """
    with replacing(path) as new:
        srsly.write_json(new, content)


def write_jsonl(path: str | Path, records: Iterable[Any]) -> None:
    """Write a JSON Lines file, whole or not at all.

    path (str | Path): The file. Its folder is made.
    records (Iterable[Any]): What it is to hold, a line each.
    RAISES: InputError if `path` is a folder.
    """
    with replacing(path) as new:
        srsly.write_jsonl(new, records)


def sha256(path: str | Path) -> str:
    """path (str | Path): A file.
    RETURNS (str): Its SHA-256, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(path: str | Path, made_by: str) -> Any:
    """Read a JSON file that one of the commands wrote.

    path (str | Path): The file.
    made_by (str): The command, for the error's remedy.
    RETURNS (Any): What it holds.
    RAISES: InputError if it is not there or no JSON.
    """
    return _read(path, made_by, srsly.read_json, "JSON")


def read_jsonl(path: str | Path, made_by: str) -> list[Any]:
    """Read a JSON Lines file that one of the commands wrote.

    path (str | Path): The file.
    made_by (str): The command, for the error's remedy.
    RETURNS (list[Any]): What its lines hold.
    RAISES: InputError if it is not there or no JSON Lines.
    """
    return _read(path, made_by, lambda path: list(srsly.read_jsonl(path)), "JSON Lines")


def _read(path: str | Path, made_by: str, read: Callable[[str | Path], Any], what: str) -> Any:
    if not Path(path).is_file():
        raise InputError(f"is not there. Make it with the {made_by} command.", path=path)
    try:
        return read(path)
    except ValueError:
        raise InputError(
            f"is not {what}. Make it again with the {made_by} command.", path=path
        ) from None
