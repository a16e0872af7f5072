"""Cutting long texts into windows that the encoder can take.

Each window has a core, the wordpieces that are read from it, and context on
both sides that is encoded only to be seen. The cores partition the text, so
every wordpiece is read exactly once and from the window in which it has most
context; nothing is truncated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

# Windows are padded to a multiple of this.
LENGTH_STEP = 4


@dataclass(frozen=True)
class Window:
    """A slice of wordpieces, as positions in `Wordpieces`.

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
        windows.append(Window(offset + start, offset + end, offset + core_start, offset + core_end))
        core_start = core_end
    return windows


def _last_between(positions: Sequence[int], above: int, upto: int) -> int:
    """RETURNS (int): The last position p with above < p <= upto, or 0."""
    i = int(numpy.searchsorted(positions, upto, side="right"))
    return int(positions[i - 1]) if i and positions[i - 1] > above else 0


def padded_length(n: int) -> int:
    """RETURNS (int): What so many wordpieces are padded to, in a batch of their own."""
    return -(-n // LENGTH_STEP) * LENGTH_STEP


@dataclass(frozen=True)
class Batching:
    """What is good for batches on a device.

    max_items (int): How many wordpieces are encoded at once, special ones and padding
        included, unless a single window has more.
    cost (int): What a batch costs beside its wordpieces, as so many wordpieces more.
    counts (ndarray): How many windows can make a batch, ascending from 1.
    """

    max_items: int
    cost: int
    counts: numpy.ndarray


# More at once are no faster than four windows of 256, and take more memory; the cost is
# MiniLM's (benchmarks/results/kernels.json). A product of matrices is compiled for each
# shape that is met, and that is kept: the fewer shapes, the less memory and time for it.
ON_CPU = Batching(
    max_items=4 * 260,
    cost=40,
    counts=numpy.unique([factor << shift for factor in (2, 3) for shift in range(16)] + [1]),
)
# What a batch costs is the host's time, in which a GPU encodes thousands.
ON_GPU = Batching(max_items=64 * 260, cost=4096, counts=numpy.arange(1, 1 << 14))


def batch_windows(
    windows: Sequence[Window], n_special: int, batching: Batching
) -> list[list[Window]]:
    """Group windows of similar length, longest first, so that all batches together take
    the least time. The cheapest grouping of the first n windows is that of some fewer
    and a last batch (dynamic programming).

    windows (Sequence[Window]): The windows.
    n_special (int): How many special wordpieces each gets.
    batching (Batching): What is good for batches.
    RETURNS (list[list[Window]]): The batches.
    """
    ordered = sorted(windows, key=lambda window: window.start - window.end)
    lengths = numpy.array(
        [padded_length(window.end - window.start + n_special) for window in ordered], "int64"
    )
    costs = numpy.zeros(len(ordered) + 1)
    last_counts = [0]
    for end in range(1, len(ordered) + 1):
        most = min(end, max(1, batching.max_items // lengths[end - 1]))
        counts = batching.counts[: numpy.searchsorted(batching.counts, most, side="right")]
        items = counts * lengths[end - counts]
        totals = costs[end - counts] + items
        totals[1:][items[1:] > batching.max_items] = numpy.inf
        best = totals.argmin()
        costs[end] = totals[best] + batching.cost
        last_counts.append(int(counts[best]))
    batches = []
    end = len(ordered)
    while end:
        batches.append(ordered[end - last_counts[end] : end])
        end -= last_counts[end]
    return batches[::-1]
