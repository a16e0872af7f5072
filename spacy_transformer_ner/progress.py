"""Progress callbacks."""

from collections.abc import Callable, Iterable

# Takes a stream and its length or description, and returns the stream, e.g. with a bar.
Progress = Callable[[Iterable, object], Iterable]


def no_progress(stream: Iterable, about: object) -> Iterable:
    """RETURNS (Iterable): The stream, unchanged."""
    return stream


def in_words(seconds: float) -> str:
    """seconds (float): A duration.
    RETURNS (str): The duration in words, e.g. "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60:,} h {minutes % 60} min"
