"""The BILUO tags and the constraints on their order.

Tags are numbered: 0 is O, and B, I, L and U of label k are 4k + 1 to 4k + 4. The texts
of a batch are concatenated, without padding.
"""

from functools import cache, lru_cache
from typing import Optional

import numpy

from ..errors import InputError
from .arrays import Floats, Ints

OUTSIDE = 0
BEGIN, INSIDE, LAST, UNIT = range(1, 5)


def n_tags(n_labels: int) -> int:
    """RETURNS (int): The number of tags for a number of labels."""
    return 1 + 4 * n_labels


def tag_names(labels: tuple[str, ...]) -> list[str]:
    """RETURNS (list[str]): The name of each tag, e.g. "O", "B-PER"."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BILU")]


@lru_cache(maxsize=1)
def tag_numbers(labels: tuple[str, ...]) -> dict[Optional[str], int]:
    """RETURNS (dict[str | None, int]): The number of each tag by its name; -1 for the names
    of a missing tag. Cached: there may be thousands of labels."""
    numbers: dict[Optional[str], int] = {name: i for i, name in enumerate(tag_names(labels))}
    return {**numbers, None: -1, "-": -1, "": -1}


def check_labels(name: str, labels: object, n_tags_of_model: int) -> None:
    """Check that the labels of a loaded component match its model.

    name (str): The component's name.
    labels (object): Its labels.
    n_tags_of_model (int): The number of tags of the model.
    RAISES: InputError if they do not.
    """
    if not isinstance(labels, list) or not all(isinstance(x, str) and x for x in labels):
        problem = f"are not a list of names: {str(labels)[:100]}"
    elif len(set(labels)) < len(labels):
        problem = f"have a duplicate: {str(labels)[:100]}"
    elif n_tags_of_model != n_tags(len(labels)):
        problem = (
            f"do not match its model: {len(labels)} labels need {n_tags(len(labels))} tags, the "
            f"model has {n_tags_of_model}"
        )
    else:
        return
    raise InputError(
        f"the labels of the component {name!r} (file cfg in its directory) {problem}. Copy the "
        "component's cfg and model from the same trained pipeline."
    )


def position_of(tags: Ints) -> Ints:
    """RETURNS (Ints): OUTSIDE, BEGIN, INSIDE, LAST or UNIT for each tag."""
    return ((tags - 1) % 4 + 1) * (tags > 0)


def label_of(tags: Ints) -> Ints:
    """RETURNS (Ints): The number of each tag's label; -1 for O."""
    return (tags - 1) // 4


@cache
def states_around(n_labels: int) -> tuple[Ints, Ints]:
    """Get the states before and after each tag: 0 is outside of all entities, k + 1 inside
    an entity of label k. A tag may follow another if its state before is the other's state
    after; a text starts and ends in state 0.

    n_labels (int): The number of labels.
    RETURNS (tuple[Ints, Ints]): The state before and the state after each tag.
        Shape: (tags,)
    """
    tags = numpy.arange(n_tags(n_labels))
    position, state = position_of(tags), label_of(tags) + 1
    before = state * ((position == INSIDE) | (position == LAST))
    after = state * ((position == BEGIN) | (position == INSIDE))
    return before, after


def mean_softmax(emissions: Floats, spans: Ints) -> Floats:
    """Compute the mean softmax probability of the tags of each span, without the BILUO
    constraints.

    emissions (Floats): The score of each tag for each token. Shape: (tokens, tags)
    spans (Ints): Start token, end token (exclusive) and label number of each span.
        Shape: (spans, 3)
    RETURNS (Floats): The means. Shape: (spans,)
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


def spans_of(tags: Ints) -> list[tuple[int, int, int]]:
    """Get the entities of a legal sequence, or of several concatenated.

    tags (Ints): The tags. Shape: (tokens,)
    RETURNS (list[tuple[int, int, int]]): Start token, end token (exclusive) and label
        number of each entity.
    """
    position = position_of(tags)
    starts = numpy.flatnonzero((position == BEGIN) | (position == UNIT))
    ends = numpy.flatnonzero((position == LAST) | (position == UNIT)) + 1
    return list(zip(starts.tolist(), ends.tolist(), label_of(tags[starts]).tolist()))
