"""What the scripts share: how they fail and how they show progress."""

import errno
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum

import click
from tqdm import tqdm
from wasabi import msg

from spacy_transformer_ner.errors import InputError

for stream in (sys.stdout, sys.stderr):
    # What is shown of a corpus may have characters that the terminal has not.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


@contextmanager
def clear_failure() -> Iterator[None]:
    """Turn an error the user can mend into one message and exit code 1."""
    try:
        yield
    except InputError as error:
        message = str(error)
    except click.ClickException as error:
        message = error.format_message()
    except OSError as error:
        # A missing permission, a full disk, a file where a folder should be.
        name = error.filename2 or error.filename
        message = f"{name}: {error.strerror}" if name else str(error)
        if error.errno == errno.ENOSPC:
            message = f"{message}. Make room and give the same command again."
    else:
        return
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
    return Enum(name, [(value, value) for value in values], type=str)


def progress_bar(unit: str) -> Callable[[Iterable, object], Iterable]:
    """Make a wrapper of a stream that shows how far it is.

    unit (str): What the stream consists of.
    RETURNS (Callable): Takes the stream and its length, or a description.
    """

    def wrap(stream: Iterable, about: object) -> Iterable:
        known = {"total": about} if isinstance(about, int) else {"desc": str(about)}
        # Nothing is drawn where the output is no terminal.
        return tqdm(stream, unit=f" {unit}", leave=False, disable=None, **known)

    return wrap
