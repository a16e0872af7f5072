"""Cutting long texts into windows that the encoder can take.

Each window has a core, the wordpieces that are read from it, and context on
both sides that is encoded only to be seen. The cores partition the text, so
every wordpiece is read exactly once and from the window in which it has most
context; nothing is truncated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class Window:
    """A slice of wordpieces, as positions in the batch.

    start, end (int): What is encoded.
    core_start, core_end (int): What is read from it.
    """

    start: int
    end: int
    core_start: int
    core_end: int


def cut_windows(
    length: int,
    size: int,
    context: int,
    token_starts: Sequence[int] = (),
    sentence_starts: Sequence[int] = (),
    offset: int = 0,
) -> list[Window]:
    """Cut a text into windows. One that fits is one window.

    length (int): The text's wordpieces.
    size (int): How many wordpieces a window holds at most.
    context (int): How many of them are context on either side, where the text
        goes on there. Less than half of `size`.
    token_starts (Sequence[int]): Where tokens start, ascending: cores end there.
    sentence_starts (Sequence[int]): Where sentences start, ascending. Cores end
        there where that leaves them at least half full.
    offset (int): The position of the text's first wordpiece.
    RETURNS (list[Window]): The windows, in order.
    """
    if length <= size:
        return [Window(offset, offset + length, offset, offset + length)] if length else []
    windows = []
    core_start = 0
    while core_start < length:
        start = max(0, core_start - context)
        if length - start <= size:
            core_end = length
        else:
            furthest = start + size - context
            half = core_start + (furthest - core_start) // 2
            core_end = (
                _last_between(sentence_starts, half, furthest)
                or _last_between(token_starts, core_start, furthest)
                or furthest  # a single token longer than the window
            )
        end = min(length, core_end + context)
        windows.append(
            Window(offset + start, offset + end, offset + core_start, offset + core_end)
        )
        core_start = core_end
    return windows


def _last_between(positions: Sequence[int], above: int, upto: int) -> int:
    """RETURNS (int): The last position p with above < p <= upto, or 0."""
    i = int(numpy.searchsorted(positions, upto, side="right"))
    return int(positions[i - 1]) if i and positions[i - 1] > above else 0


def batch_windows(windows: Sequence[Window], max_items: int) -> list[list[Window]]:
    """Group windows of similar length, longest first.

    windows (Sequence[Window]): The windows.
    max_items (int): The size a batch has at most, padding included, unless a
        single window is larger. One of a quarter of it takes no windows that would
        be padded by more than an eighth: they start the next.
    RETURNS (list[list[Window]]): The batches.
    """
    batches: list[list[Window]] = []
    longest = 0
    for window in sorted(windows, key=lambda w: w.start - w.end):
        length, size = window.end - window.start, len(batches[-1]) if batches else 0
        is_full = longest * (size + 1) > max_items
        is_apart = 8 * length < 7 * longest and 4 * longest * size >= max_items
        if not batches or is_full or is_apart:
            batches.append([])
            longest = length
        batches[-1].append(window)
    return batches
