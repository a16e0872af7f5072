"""The folders that a training writes to: locks, so that only one training writes to each, and
checks of free disk space. spaCy empties its output folder before it sets up its loggers, so
both are done when the config is resolved and the loggers are created."""

import errno
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

from ..atomic import files_in
from ..errors import InputError

LOCK = ".lock"
# The folders that this process has locked, and the thread that locked each.
_LOCKED: dict[Path, tuple[int, FileLock]] = {}


@dataclass(frozen=True)
class Call:
    """A call of spaCy's `train`.

    nlp (Language): The initialized pipeline.
    output (Path | None): The folder for model-best and model-last.
    """

    nlp: Language
    output: Optional[Path]


def current_call() -> Optional[Call]:
    """Find the running call of spaCy's `train` on the stack. spaCy tells its loggers the
    output folder only after the first evaluation, so this reads the arguments of the call.

    RETURNS (Call | None): The call; None outside of a training, e.g. when a config is checked.
    """
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_code is not loop.train.__code__:
        frame = frame.f_back
    if frame is None:
        return None
    return Call(frame.f_locals["nlp"], frame.f_locals["output_path"])


def lock_output() -> None:
    """Lock the output folder of the running training, if any."""
    call = current_call()
    if call is not None and call.output is not None:
        lock(call.output, "--output")


def lock(folder: Path, setting: str) -> None:
    """Lock a folder for this training. Exits if another training has locked it.

    folder (Path): The folder. It is created.
    setting (str): The setting that changes the folder, for the message.
    """
    folder = folder.resolve()
    # A thread trains one pipeline at a time: it holds the lock from another logger of the same
    # training, or from an earlier training that failed.
    if folder in _LOCKED and _LOCKED[folder][0] == get_ident():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(folder / LOCK)
        file_lock.acquire(timeout=0)
    except Timeout:
        stop(
            f"Another training is running and writes to {folder}. Wait until it ends, or change "
            f"the folder with {setting}."
        )
    except OSError as error:
        stop(f"{write_failure(error, folder)} Change the folder with {setting}.")
    except NotImplementedError:
        msg.warn(f"The file system of {folder} has no locks: run only one training at a time")
        return
    _LOCKED[folder] = get_ident(), file_lock


def unlock(folder: Path) -> None:
    """folder (Path): A folder that was locked with `lock`. Others are ignored."""
    _, file_lock = _LOCKED.pop(folder.resolve(), (0, None))
    if file_lock is not None:
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
        file_lock.release()


def require_room(needs: dict[Path, int]) -> None:
    """Check that the disks have enough free space. Exits if not.

    needs (dict[Path, int]): The bytes to be written, by folder. The files already in a folder
        count as free space, since the training replaces them.
    """
    disks: dict[int, list[Path]] = {}
    for folder in needs:
        disks.setdefault(folder.stat().st_dev, []).append(folder)
    for folders in disks.values():
        need = sum(needs[folder] for folder in folders)
        files = {file for folder in folders for file in files_in(folder)}
        free = shutil.disk_usage(folders[0]).free + sum(file.stat().st_size for file in files)
        if free < need:
            stop(
                f"Not enough disk space in {' and '.join(map(str, folders))}: the training needs "
                f"at least {need / 1e9:.2f} GB, but {free / 1e9:.2f} GB are free. Free some "
                "space and run the same command again."
            )


def write_failure(error: Exception, path: str | Path) -> str:
    """error (Exception): The error from writing a file.
    path (str | Path): The file.
    RETURNS (str): The message for the user."""
    if isinstance(error, InputError):
        return str(error)  # names the file already
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
    remedy = (
        " Free some space and run the same command again. It resumes from the newest "
        "checkpoint, if the config enables checkpoints."
    )
    return f"{path}: {getattr(error, 'strerror', None) or error}.{remedy if full else ''}"


def stop(why: str) -> NoReturn:
    """Exit with a message instead of a traceback.

    why (str): What is wrong and how to fix it.
    """
    msg.fail("Training stopped", why)
    raise SystemExit(1)
