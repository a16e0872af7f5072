"""The tags, and which sequences of them are legal BILUO.

Tags are numbered: 0 is O, and label number k has B, I, L and U at 4k + 1 to
4k + 4. Texts of a batch stand one after the other, without padding.
"""

from functools import cache, lru_cache
from typing import Optional

import numpy
from thinc.types import Floats1d, Floats2d, Ints1d, Ints2d

OUTSIDE = 0
BEGIN, INSIDE, LAST, UNIT = range(1, 5)


def n_tags(n_labels: int) -> int:
    """RETURNS (int): The number of tags of so many labels."""
    return 1 + 4 * n_labels


def tag_names(labels: tuple[str, ...]) -> list[str]:
    """RETURNS (list[str]): The name of each tag, e.g. "O", "B-PER"."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BILU")]


@lru_cache(maxsize=1)
def tag_numbers(labels: tuple[str, ...]) -> dict[Optional[str], int]:
    """RETURNS (dict[str | None, int]): The number of each tag by its name; -1 for what
    stands for an unknown one. Made once: there may be thousands of labels."""
    numbers: dict[Optional[str], int] = {name: i for i, name in enumerate(tag_names(labels))}
    return {**numbers, None: -1, "-": -1, "": -1}


def position_of(tags: Ints1d) -> Ints1d:
    """RETURNS (Ints1d): For each tag OUTSIDE, BEGIN, INSIDE, LAST or UNIT."""
    return ((tags - 1) % 4 + 1) * (tags > 0)


def label_of(tags: Ints1d) -> Ints1d:
    """RETURNS (Ints1d): For each tag the number of its label; -1 for O."""
    return (tags - 1) // 4


@cache
def states_around(n_labels: int) -> tuple[Ints1d, Ints1d]:
    """Say between which states each tag moves: 0 is outside of all entities, k + 1 within
    one of label k. A tag may follow another if it starts in the state where that ends; a
    text starts and ends outside.

    n_labels (int): The number of labels.
    RETURNS (tuple[Ints1d, Ints1d]): The state before each tag, and the state after it.
        Shape: (tags,)
    """
    tags = numpy.arange(n_tags(n_labels))
    position, state = position_of(tags), label_of(tags) + 1
    before = state * ((position == INSIDE) | (position == LAST))
    after = state * ((position == BEGIN) | (position == INSIDE))
    return before, after


def mean_softmax(emissions: Floats2d, spans: Ints2d) -> Floats1d:
    """Compute the mean probability of the tags of spans, each token taken by
    itself: what is left when it is not asked which sequences are legal.

    emissions (Floats2d): The score of each tag for each token, on the CPU.
        Shape: (tokens, tags)
    spans (Ints2d): First token, token after the last, and number of the label of
        each. Shape: (spans, 3)
    RETURNS (Floats1d): The means. Shape: (spans,)
    """
    scores = emissions.astype("float64")
    scores = numpy.exp(scores - scores.max(axis=1, keepdims=True, initial=-numpy.inf))
    scores /= scores.sum(axis=1, keepdims=True)
    start, end, label = spans.T
    tag = 1 + 4 * label
    inner = numpy.zeros((len(scores) + 1, (scores.shape[1] - 1) // 4))
    numpy.cumsum(scores[:, INSIDE::4], axis=0, out=inner[1:])
    several = scores[start, tag] + scores[end - 1, tag + LAST - BEGIN]
    several += inner[end - 1, label] - inner[numpy.minimum(start + 1, end - 1), label]
    single = scores[start, tag + UNIT - BEGIN]
    return numpy.where(end - start == 1, single, several / (end - start))


def spans_of(tags: Ints1d) -> list[tuple[int, int, int]]:
    """Read the entities of a legal sequence, or of many one after the other.

    tags (Ints1d): The tags. Shape: (tokens,)
    RETURNS (list[tuple[int, int, int]]): Start, end and label of each.
    """
    position = position_of(tags)
    starts = numpy.flatnonzero((position == BEGIN) | (position == UNIT))
    ends = numpy.flatnonzero((position == LAST) | (position == UNIT)) + 1
    return list(zip(starts.tolist(), ends.tolist(), label_of(tags[starts]).tolist()))
