"""Progress callbacks."""

from collections.abc import Callable, Iterable

# Takes a stream and its length or description, and returns the stream, e.g. with a bar.
Progress = Callable[[Iterable, object], Iterable]


def no_progress(stream: Iterable, about: object) -> Iterable:
    """RETURNS (Iterable): The stream, unchanged."""
    return stream
