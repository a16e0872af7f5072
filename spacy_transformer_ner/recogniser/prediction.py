"""What is found in a Doc, and what may be found at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy
from spacy.attrs import ENT_IOB, IS_SPACE, SENT_START
from spacy.tokens import Doc
from thinc.types import Floats1d, Ints1d, Ints2d

from . import constraints


@dataclass(frozen=True)
class Prediction:
    """What was found in one Doc.

    spans (Ints2d): First token, token after the last, and number of the label of
        each entity. Shape: (entities, 3)
    scores (Floats1d | None): How probable it is that each is right; None if
        nobody asks. Shape: (entities,)
    marginals (Floats1d | None): The same before calibration.
    candidates (Ints2d | None): Spans that may be entities, the most probable
        first, if they are asked for. Shape: (candidates, 3)
    candidate_scores, candidate_marginals (Floats1d | None): As of entities.
    """

    spans: Ints2d
    scores: Optional[Floats1d] = None
    marginals: Optional[Floats1d] = None
    candidates: Optional[Ints2d] = None
    candidate_scores: Optional[Floats1d] = None
    candidate_marginals: Optional[Floats1d] = None


def by_doc(
    starts: Ints1d, spans: Ints2d, *more: numpy.ndarray
) -> Iterator[tuple[numpy.ndarray, ...]]:
    """Part spans whose tokens are counted over all Docs.

    starts (Ints1d): The first token of each Doc. Shape: (docs,)
    spans (Ints2d): First token, token after the last, and number of the label of
        each, in order. Shape: (spans, 3)
    more (ndarray): Arrays with an entry for each span.
    YIELDS (tuple[ndarray, ...]): For each Doc its spans, their tokens counted in
        it, and its part of the other arrays.
    """
    ends = numpy.searchsorted(spans[:, 0], starts[1:])
    for start, part, *others in zip(
        starts.tolist(), numpy.split(spans, ends), *(numpy.split(array, ends) for array in more)
    ):
        yield part - [start, start, 0], *others


def allowed_tags(docs: Sequence[Doc], n_labels: int) -> Optional[numpy.ndarray]:
    """Say which tags each token may have.

    docs (Sequence[Doc]): The Docs, none of them empty.
    n_labels (int): The number of entity types.
    RETURNS (ndarray | None): None if every token may have every tag.
        Shape: (tokens, tags), bool.
    """
    table = numpy.concatenate([doc.to_array([IS_SPACE, SENT_START, ENT_IOB]) for doc in docs])
    is_space = table[:, 0].astype("bool")
    starts = table[:, 1] == 1
    # What the first token of a Doc may be is known without this.
    starts[numpy.cumsum([0, *map(len, docs)])[:-1]] = False
    ends = numpy.append(starts[1:], False)
    taken = (table[:, 2] & 1).astype("bool")  # IN_ENTITY or BEGINS_ENTITY
    if not (is_space.any() or taken.any() or starts.any()):
        return None
    tags = numpy.arange(constraints.n_tags(n_labels))
    position = constraints.position_of(tags)

    def are(*positions: int) -> numpy.ndarray:
        return numpy.isin(position, positions)

    forbidden = is_space[:, None] & are(constraints.BEGIN, constraints.LAST, constraints.UNIT)
    forbidden |= starts[:, None] & are(constraints.INSIDE, constraints.LAST)
    forbidden |= ends[:, None] & are(constraints.BEGIN, constraints.INSIDE)
    forbidden |= taken[:, None] & (tags > 0)
    return ~forbidden
