"""What is found in a Doc, and what may be found at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy
from spacy.attrs import ENT_IOB, IS_SPACE, PREFIX, SENT_START
from spacy.strings import hash_string
from spacy.tokens import Doc
from thinc.types import Floats1d, Ints1d, Ints2d

from . import constraints

# Characters that leave no mark on paper, beside blanks: control characters, the braille
# pattern without dots, and what Unicode calls Default_Ignorable_Code_Point (zero-width
# spaces and joiners, marks of direction, variation selectors, fillers).
RANGES = (
    "\0\x1f \x7f\x9f \xad\xad \u034f\u034f \u061c\u061c \u115f\u1160 \u17b4\u17b5 \u180b\u180f "
    "\u200b\u200f \u202a\u202e \u2060\u206f \u2800\u2800 \u3164\u3164 \ufe00\ufe0f \ufeff\ufeff "
    "\uffa0\uffa0 \ufff0\ufff8 \U0001bca0\U0001bca3 \U0001d173\U0001d17a \U000e0001\U000e0001 "
    "\U000e0020\U000e007f \U000e0100\U000e01ef"
)
INVISIBLE = frozenset(
    chr(code) for first, last in RANGES.split(" ") for code in range(ord(first), ord(last) + 1)
)
HASHES = numpy.sort(numpy.array(list(map(hash_string, INVISIBLE)), dtype="uint64"))


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


def are_invisible(docs: Sequence[Doc], prefixes: numpy.ndarray) -> numpy.ndarray:
    """Say which tokens leave no mark on paper. To spaCy a zero-width space is no space.

    docs (Sequence[Doc]): The Docs.
    prefixes (ndarray): PREFIX of their tokens. Shape: (tokens,), uint64.
    RETURNS (ndarray): Which are invisible. Shape: (tokens,), bool.
    """
    places = numpy.searchsorted(HASHES, prefixes)
    found = HASHES[numpy.minimum(places, len(HASHES) - 1)] == prefixes
    ends = numpy.cumsum([len(doc) for doc in docs])
    for token in numpy.flatnonzero(found).tolist():
        owner = int(numpy.searchsorted(ends, token, side="right"))
        text = docs[owner][token - int(ends[owner])].text
        found[token] = all(char in INVISIBLE or char.isspace() for char in text)
    return found


def allowed_tags(docs: Sequence[Doc], n_labels: int) -> Optional[numpy.ndarray]:
    """Say which tags each token may have.

    docs (Sequence[Doc]): The Docs, none of them empty.
    n_labels (int): The number of entity types.
    RETURNS (ndarray | None): None if every token may have every tag.
        Shape: (tokens, tags), bool.
    """
    attrs = [IS_SPACE, SENT_START, ENT_IOB, PREFIX]
    table = numpy.concatenate([doc.to_array(attrs) for doc in docs])
    is_space = table[:, 0].astype("bool") | are_invisible(docs, table[:, 3])
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
