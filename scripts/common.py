"""What the scripts share: how they fail and how they show progress."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tqdm import tqdm
from wasabi import msg

from spacy_transformer_ner.errors import InputError


@contextmanager
def clear_failure() -> Iterator[None]:
    """Turn an error the user can mend into one message and exit code 1."""
    try:
        yield
    except InputError as error:
        first, _, rest = str(error).partition("\n")
        msg.fail(first)
        if rest:
            print(rest)
        raise SystemExit(1) from None


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
