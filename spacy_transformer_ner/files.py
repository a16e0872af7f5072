"""Atomic file writes, safe against crashes and power loss. All outputs are written by these
functions."""

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

# Temporary files are named .NAME-1234abcd.tmp
TEMPORARY = ".tmp"
# Characters of NAME: file names have at most 255 bytes, and a character up to 4.
NAME_KEPT = 40
# The disk is full, or a quota or the file size limit is exceeded. Only writes raise these.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The error code in the messages of shutil and of Rust libraries (safetensors, tokenizers).
ERROR_CODE = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
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
        with _temporary(path) as new:
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


def files_in(path: str | Path) -> list[Path]:
    """path (str | Path): A folder or file.
    RETURNS (list[Path]): All files in the folder and its subfolders, or the file."""
    path = Path(path)
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


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
    with _temporary(path) as new:
        yield new


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    # The name is unique: two machines may write the same shard, if one was considered lost.
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
    """Convert errors from writing a file into an InputError.

    path (str | Path): The file or folder that is written.
    temporary (Path | None): Its temporary path, if it has one.
    RAISES: InputError if the disk is full, or the system does not allow writing this file.
        Errors about other files are raised unchanged.
    """
    try:
        yield
    except Exception as error:
        # The code may also be in the message of another library's error, or an InputError.
        found = ERROR_CODE.search(str(error))
        code = int(found[1] or found[2]) if found else None
        if code not in FULL and not (
            isinstance(error, OSError) and _is_of(error, Path(temporary or path))
        ):
            raise
        reason = os.strerror(code) if code is not None else str(error)
        raise InputError(
            f"cannot be written: {reason}. "
            + ("Free some space" if code in FULL else "Fix this")
            + " and run the same command again.",
            path=path,
        ) from None


def _is_of(error: OSError, root: Path) -> bool:
    """Whether an error is about a path, or a path inside it."""
    named = [
        Path(os.fsdecode(n))
        for n in (error.filename, error.filename2)
        if isinstance(n, (str, bytes))
    ]
    return any(name == root or root in name.parents for name in named)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its content.

    path (Path): The file or folder; it need not exist.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Fsync a file, or a folder with its content."""
    for file in files_in(path):
        # On Windows, fsync fails for files opened for reading.
        with open(file, "r+b" if os.name == "nt" else "rb") as opened:
            os.fsync(opened.fileno())
    if path.is_dir():
        for folder in (path, *(each for each in path.rglob("*") if each.is_dir())):
            sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Fsync a folder, so that new and renamed files in it survive a crash.

    folder (Path): The folder.
    """
    if hasattr(os, "O_DIRECTORY"):  # not available on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
