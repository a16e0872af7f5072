"""Splitting long texts into windows, and batching the windows.

Each window consists of a core, the wordpieces that are read from it, and of context on both
sides. The cores partition the text, so every wordpiece is read exactly once, from the
window in which it has the most context. Nothing is truncated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

# Windows are padded to a multiple of this length.
LENGTH_STEP = 4


@dataclass(frozen=True)
class Window:
    """A slice of wordpieces, as positions in `Wordpieces`.

    start, end (int): The wordpieces that are encoded.
    core_start, core_end (int): The wordpieces whose vectors are read.
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
    """Split a text into windows. A text that fits is a single window.

    length (int): The number of wordpieces in the text.
    size (int): Maximum number of wordpieces in a window.
    context (int): The number of context wordpieces on each side, unless the text ends there.
        Less than half of `size`.
    token_starts (Sequence[int]): The first wordpieces of the tokens, ascending. Cores end at
        token boundaries.
    sentence_starts (Sequence[int]): The first wordpieces of the sentences, ascending. Cores
        end at sentence boundaries if they are still more than half full.
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
    """RETURNS (int): The length that a window of n wordpieces is padded to."""
    return -(-n // LENGTH_STEP) * LENGTH_STEP


@dataclass(frozen=True)
class Batching:
    """How windows are batched on a device.

    max_items (int): Maximum number of wordpieces in a batch, including padding and special
        ones. A single window may have more.
    cost (int): The fixed cost of a batch, as an equivalent number of wordpieces.
    counts (ndarray): The allowed numbers of windows in a batch, ascending from 1.
    """

    max_items: int
    cost: int
    counts: numpy.ndarray


# Batches of more than four windows of 256 are not faster and take more memory. The cost is
# that of MiniLM (benchmarks/results/kernels.json). Matrix products are compiled and cached
# for each shape, so fewer shapes take less time and memory.
ON_CPU = Batching(
    max_items=4 * 260,
    cost=40,
    counts=numpy.unique([factor << shift for factor in (2, 3) for shift in range(16)] + [1]),
)
# The cost of a batch is the time of the host, in which a GPU encodes thousands of wordpieces.
ON_GPU = Batching(max_items=64 * 260, cost=4096, counts=numpy.arange(1, 1 << 14))


def batch_windows(
    windows: Sequence[Window], n_special: int, batching: Batching
) -> list[list[Window]]:
    """Group windows of similar length into batches, longest first, with the lowest total
    cost. Uses dynamic programming: the cheapest batches of the first n windows are a last
    batch and the cheapest batches of the windows before it.

    windows (Sequence[Window]): The windows.
    n_special (int): Number of special wordpieces added to each window.
    batching (Batching): How windows are batched on the device.
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
