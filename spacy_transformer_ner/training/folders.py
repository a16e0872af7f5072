"""The folders that a training writes to: one training at a time, with room for what it
writes. spaCy empties its output folder before it sets up its loggers, so both are checked
where spaCy makes the loggers, from the config, before it touches anything."""

import errno
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from types import FrameType
from typing import NoReturn, Optional

from filelock import FileLock, Timeout
from spacy.language import Language
from spacy.training import loop
from wasabi import msg

LOCK = ".lock"
# The folders that this process has locked, and the thread that did it.
_LOCKED: dict[Path, tuple[int, FileLock]] = {}


@dataclass(frozen=True)
class Call:
    """A call of spaCy's `train`.

    nlp (Language): The pipeline, initialized.
    output (Path | None): Where its model-best and model-last go.
    """

    nlp: Language
    output: Optional[Path]


def current_call() -> Optional[Call]:
    """Find the call of spaCy's `train` that we are in. spaCy tells its loggers where the
    pipeline goes only after the first evaluation, so this looks at the arguments of the
    call itself.

    RETURNS (Call | None): The call; None outside of one, as where a config is only checked.
    """
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_code is not loop.train.__code__:
        frame = frame.f_back
    if frame is None:
        return None
    return Call(frame.f_locals["nlp"], frame.f_locals["output_path"])


def lock_output() -> None:
    """Lock the output folder of the training that we are in, if any."""
    call = current_call()
    if call is not None and call.output is not None:
        lock(call.output, "--output")


def lock(folder: Path, setting: str) -> None:
    """Lock a folder for this training, or end the program if another training has it.

    folder (Path): The folder. It is made.
    setting (str): What to set for another folder.
    """
    folder = folder.resolve()
    # One thread trains one pipeline at a time: the lock is from another logger of the same
    # training, or from a training before it that failed.
    if folder in _LOCKED and _LOCKED[folder][0] == get_ident():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(folder / LOCK)
        file_lock.acquire(timeout=0)
    except Timeout:
        stop(
            f"Another training is running and writes to {folder}. Wait until it ends, or set "
            f"another folder with {setting}."
        )
    except OSError as error:
        stop(f"{write_failure(error, folder)} Set another folder with {setting}.")
    except NotImplementedError:
        msg.warn(f"The file system of {folder} has no locks: run one training at a time there")
        return
    _LOCKED[folder] = get_ident(), file_lock


def unlock(folder: Path) -> None:
    """folder (Path): A folder that `lock` locked; others are left alone."""
    _, file_lock = _LOCKED.pop(folder.resolve(), (0, None))
    if file_lock is not None:
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
        file_lock.release()


def require_room(needs: dict[Path, int]) -> None:
    """End the program if a disk has too little room.

    needs (dict[Path, int]): The bytes that are to be written, by folder. What the folders
        hold already is taken as room, since a training replaces it.
    """
    disks: dict[int, list[Path]] = {}
    for folder in needs:
        disks.setdefault(folder.stat().st_dev, []).append(folder)
    for folders in disks.values():
        need = sum(needs[folder] for folder in folders)
        files = {file for folder in folders for file in folder.rglob("*") if file.is_file()}
        free = shutil.disk_usage(folders[0]).free + sum(file.stat().st_size for file in files)
        if free < need:
            stop(
                f"There is not enough room in {' and '.join(map(str, folders))}: the training "
                f"needs {need / 1e9:.2f} GB at least, and {free / 1e9:.2f} GB are free. Make "
                "room and run the same command again."
            )


def write_failure(error: Exception, path: str | Path) -> str:
    """error (Exception): Why something could not be written.
    path (str | Path): What.
    RETURNS (str): A message for it."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
    remedy = (
        " Make room and run the same command again: it resumes from the newest checkpoint, "
        "if the config keeps them."
    )
    return f"{path}: {getattr(error, 'strerror', None) or error}.{remedy if full else ''}"


def disk_full(path: Path) -> OSError:
    """path (Path): What there is no room for.
    RETURNS (OSError): The error of the system for it."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def stop(why: str) -> NoReturn:
    """End the program with a message instead of a traceback.

    why (str): What is wrong and what to do.
    """
    msg.fail("The training stops", why)
    raise SystemExit(1)
