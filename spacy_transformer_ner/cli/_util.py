"""What the commands share: how they fail and how they show progress."""

import errno
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum

import click
from wasabi import msg

from ..errors import InputError
from ..progress import Progress


@contextmanager
def clear_failure() -> Iterator[None]:
    """Turn an error that the user can fix into one message and exit code 1. A decorator
    too."""
    for stream in (sys.stdout, sys.stderr):
        # Text of a corpus may have characters that the terminal lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        yield
    except InputError as error:
        _fail(str(error))
    except click.ClickException as error:  # of spaCy's functions
        _fail(error.format_message())
    except OSError as error:
        # A missing permission, a full disk, a file where a folder should be.
        name = error.filename2 or error.filename
        message = f"{name}: {error.strerror}" if name else str(error)
        if error.errno == errno.ENOSPC:
            message = f"{message}. Free some space and run the same command again."
        _fail(message)


def _fail(message: str) -> None:
    first, _, rest = message.partition("\n")
    msg.fail(first)
    if rest:
        print(rest)
    raise SystemExit(1)


def choices(name: str, values: Iterable[str]) -> type[Enum]:
    """Make the type of an option that takes one of some values.

    name (str): The type's name.
    values (Iterable[str]): The values.
    RETURNS (type[Enum]): The type.
    """
    return Enum(name, [(value, value) for value in values], type=str)  # type: ignore[return-value]


def progress_bar(unit: str) -> Progress:
    """Make a wrapper of a stream that shows progress.

    unit (str): What the stream consists of.
    RETURNS (Callable): Takes the stream and its length, or a description.
    """

    def wrap(stream: Iterable, about: object) -> Iterable:
        from tqdm import tqdm

        known: dict = {"total": about} if isinstance(about, int) else {"desc": str(about)}
        # Nothing is drawn where the output is not a terminal.
        return tqdm(stream, unit=f" {unit}", leave=False, disable=None, **known)

    return wrap
