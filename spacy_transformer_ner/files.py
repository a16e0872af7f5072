"""Reading and writing files so that nobody ever meets half of one."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly

from .errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write a file to, and move it into
    place when the block ends well. When it fails nothing is left and what
    stood at `path` stays.

    path (str | Path): Where the file is to be. Its folder is made.
    YIELDS (Path): The temporary path. There is no file yet.
    RAISES: InputError if `path` is a folder.
    """
    path = Path(path)
    _require_no_folder(path)
    with _made_beside(path) as new:
        yield new


def check_writable(path: str | Path) -> None:
    """See that a file can be written, before the work is done that it is to hold.

    path (str | Path): The file. Its folder is made.
    RAISES: InputError if `path` is a folder; OSError if its folder cannot be written to.
    """
    path = Path(path)
    _require_no_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=path.parent).close()


def _require_no_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError("is a folder. Name a file to write to.", path=path)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to make a folder at, and move it into place
    when the block ends well; when it fails nothing is left.

    path (str | Path): Where the folder is to be. Its parents are made.
    YIELDS (Path): The temporary path. There is no folder yet.
    RAISES: InputError if there is something already.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError("is there already. Name another folder, or remove it.", path=path)
    with _made_beside(path) as new:
        yield new


@contextmanager
def _made_beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield workspace / path.name
        os.replace(workspace / path.name, path)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


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
