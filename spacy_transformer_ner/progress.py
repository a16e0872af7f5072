"""How work that takes long says how far it is."""

from collections.abc import Callable, Iterable

# Takes a stream and its length, or what it is, and gives the same stream.
Progress = Callable[[Iterable, object], Iterable]


def no_progress(stream: Iterable, about: object) -> Iterable:
    """RETURNS (Iterable): The stream as it is."""
    return stream
