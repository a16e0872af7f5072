"""Error handling, shared parameters and progress bars of the commands."""

import errno
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import click
import typer
from wasabi import msg

from ..errors import InputError
from ..progress import Progress

# Parameters of several commands.
PIPELINE: Any = typer.Argument(..., help="Name or path of the pipeline")
CORPUS: Any = typer.Argument(
    ..., help="Annotated corpus: a .spacy file, or any format that convert reads"
)
RECIPE: Any = typer.Argument(
    ..., help="Name of a recipe (minilm, bert-base-cased, …), or a config file"
)
TRAIN: Any = typer.Option(
    None,
    "--train",
    help="Training data: a .spacy file or folder, or any format that convert reads; paths.train of the config if not given",
)
DEV: Any = typer.Option(
    None, "--dev", help="Development data; paths.dev of the config if not given"
)
PIPELINE_LANG: Any = typer.Option(
    None, "--lang", "-l", help="Language of the pipeline; the config's if not given"
)
TRAINING_SEED: Any = typer.Option(None, "--seed", help="Random seed; the config's if not given")
CODE: Any = typer.Option(
    None, "--code", "-c", help="Python file with registered functions, imported before training"
)
ENCODER: Any = typer.Option(
    "default",
    "--encoder",
    show_default=False,
    help="Encoder: a folder, minilm, or a name on the Hugging Face hub; the recipe's if not given",
)
GPU_ID: Any = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU")
MANIFEST: Any = typer.Argument(
    ..., help="JSON file written by package --manifest; the wheels must be in its folder"
)


@contextmanager
def clear_failure() -> Iterator[None]:
    """Print an error that the user can fix as one message and exit with code 1. Also works as
    a decorator."""
    for stream in (sys.stdout, sys.stderr):
        # The terminal may not have all characters of a corpus.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        yield
    except InputError as error:
        _fail(str(error))
    except click.ClickException as error:  # raised by spaCy
        _fail(error.format_message())
    except OSError as error:
        # E.g. a missing permission, a full disk, or a file where a folder is expected.
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


def choices(name: str, values: Iterable[str]) -> Any:
    """Create the type of an option with a fixed set of values.

    name (str): The name of the type.
    values (Iterable[str]): The values.
    RETURNS (Any): A subclass of `Enum`. Annotate the variable that holds it with `Any`:
        mypy only accepts an Enum as a type if its values are literals.
    """
    return Enum(name, [(value, value) for value in values], type=str)


def progress_bar(unit: str) -> Progress:
    """Create a progress bar.

    unit (str): The name of the items, in the plural.
    RETURNS (Callable): Wraps an iterable. Takes the iterable, and its length or a description.
    """

    def wrap(stream: Iterable, about: object) -> Iterable:
        from tqdm import tqdm

        known: dict = {"total": about} if isinstance(about, int) else {"desc": str(about)}
        # disable=None: no bar if the output is not a terminal.
        return tqdm(stream, unit=f" {unit}", leave=False, disable=None, **known)

    return wrap
