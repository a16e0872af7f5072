"""Temporary files and folders that replace the real ones when they are complete."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from .errors import InputError

# Temporary files are named .NAME-1234abcd.tmp
TEMPORARY = ".tmp"
# Characters of NAME: file names have at most 255 bytes, and a character up to 4.
NAME_KEPT = 40
# The disk is full, or a quota or the file size limit is exceeded. Only writes raise these.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The error code in the messages of shutil and of Rust libraries (safetensors, tokenizers).
ERROR_CODE = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Write a file or folder under a temporary name next to it. When the block ends, it is
    fsynced and renamed. If the block fails, it is removed.

    path (Path): The file or folder. Its parents are created.
    YIELDS (Path): The temporary path, where nothing exists yet.
    RAISES: InputError if it cannot be written.
    """
    # The name is unique: two machines may write the same shard, if one was considered lost.
    name = f".{path.name[:NAME_KEPT]}-{uuid4().hex[:8]}{TEMPORARY}"
    place = Path(os.path.abspath(path))
    new = place.with_name(name)
    with writing(path, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield new
            sync(new)
            os.replace(new, place)
        except BaseException:
            with suppress(OSError):
                remove(new)
            raise
        sync_folder(path.parent)


@contextmanager
def writing(path: str | Path, new: Path | None = None) -> Iterator[None]:
    """Convert errors from writing a file into an InputError.

    path (str | Path): The file or folder that is written.
    new (Path | None): Its temporary path, if it has one.
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
            isinstance(error, OSError) and _is_of(error, Path(new or path))
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


def files_in(path: str | Path) -> list[Path]:
    """path (str | Path): A folder or file.
    RETURNS (list[Path]): All files in the folder and its subfolders, or the file."""
    path = Path(path)
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def sync(path: Path) -> None:
    """Fsync a file, or a folder with its content.

    path (Path): The file or folder.
    """
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
