"""Cutting long texts into windows that the encoder can take.

Each window has a core, the wordpieces that are read from it, and context on
both sides that is encoded only to be seen. The cores partition the text, so
every wordpiece is read exactly once and from the window in which it has most
context; nothing is truncated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

# A CPU's products of matrices are compiled for each shape of a batch that is met, and that
# is kept: the fewer shapes, the less memory and time for it. So windows are padded to a
# multiple of this,
LENGTH_STEP = 4
# and so many make a batch, beside 1.
BATCH_COUNTS = sorted(factor << shift for factor in (2, 3) for shift in range(16))
# What a batch costs beside its wordpieces, as so many wordpieces more, for MiniLM on a CPU
# (`python benchmarks/kernels.py`).
BATCH_COST = 40


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


def padded_length(n: int) -> int:
    """RETURNS (int): What so many wordpieces are padded to, in a batch of their own."""
    return -(-n // LENGTH_STEP) * LENGTH_STEP


def batch_windows(windows: Sequence[Window], max_items: int, n_special: int) -> list[list[Window]]:
    """Group windows of similar length, longest first, so that all batches together take
    the least time: a batch costs as much as all its wordpieces, padding included, and
    `BATCH_COST` more. The cheapest grouping of the first n windows is that of some fewer
    and a last batch (dynamic programming).

    windows (Sequence[Window]): The windows.
    max_items (int): How many wordpieces a batch has at most, padding and special ones
        included, unless a single window is larger.
    n_special (int): How many special wordpieces each window gets.
    RETURNS (list[list[Window]]): The batches.
    """
    ordered = sorted(windows, key=lambda window: window.start - window.end)
    lengths = [padded_length(window.end - window.start + n_special) for window in ordered]
    costs, counts = [0], [0]
    for end in range(1, len(ordered) + 1):
        best, best_count = costs[-1] + lengths[end - 1] + BATCH_COST, 1
        for count in BATCH_COUNTS:
            if count > end or count * lengths[end - count] > max_items:
                break
            cost = costs[end - count] + count * lengths[end - count] + BATCH_COST
            if cost < best:
                best, best_count = cost, count
        costs.append(best)
        counts.append(best_count)
    batches = []
    end = len(ordered)
    while end:
        batches.append(ordered[end - counts[end] : end])
        end -= counts[end]
    return batches[::-1]
