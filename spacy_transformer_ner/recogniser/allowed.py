"""The tags that each token may have."""

from collections.abc import Sequence
from typing import Optional

import numpy
from spacy.attrs import ENT_IOB, IS_SPACE, PREFIX, SENT_START
from spacy.strings import hash_string  # type: ignore[attr-defined]
from spacy.tokens import Doc

from . import constraints
from .arrays import Bools, Ints

# Invisible characters other than whitespace: control characters, the blank braille pattern,
# and Unicode's Default_Ignorable_Code_Point (zero-width spaces and joiners, directional
# marks, variation selectors, fillers).
RANGES = (
    "\0\x1f \x7f\x9f \xad\xad \u034f\u034f \u061c\u061c \u115f\u1160 \u17b4\u17b5 \u180b\u180f "
    "\u200b\u200f \u202a\u202e \u2060\u206f \u2800\u2800 \u3164\u3164 \ufe00\ufe0f \ufeff\ufeff "
    "\uffa0\uffa0 \ufff0\ufff8 \U0001bca0\U0001bca3 \U0001d173\U0001d17a \U000e0001\U000e0001 "
    "\U000e0020\U000e007f \U000e0100\U000e01ef"
)
INVISIBLE = frozenset(
    chr(code) for ends in RANGES.split(" ") for code in range(ord(ends[0]), ord(ends[1]) + 1)
)
HASHES = numpy.sort(numpy.array(list(map(hash_string, INVISIBLE)), dtype="uint64"))


def are_invisible(docs: Sequence[Doc], prefixes: Ints) -> Bools:
    """Find the tokens of invisible characters only. `token.is_space` misses some, such as
    the zero-width space.

    docs (Sequence[Doc]): The Docs.
    prefixes (Ints): PREFIX of their tokens. Shape: (tokens,), uint64.
    RETURNS (Bools): Whether each token is invisible. Shape: (tokens,)
    """
    places = numpy.searchsorted(HASHES, prefixes)
    found = HASHES[numpy.minimum(places, len(HASHES) - 1)] == prefixes
    ends = numpy.cumsum([len(doc) for doc in docs])
    for token in numpy.flatnonzero(found).tolist():
        owner = int(numpy.searchsorted(ends, token, side="right"))
        text = docs[owner][token - int(ends[owner])].text
        found[token] = all(char in INVISIBLE or char.isspace() for char in text)
    return found


def allowed_tags(docs: Sequence[Doc], n_labels: int) -> Optional[Bools]:
    """Find the tags that each token may have.

    docs (Sequence[Doc]): The Docs, none of them empty.
    n_labels (int): The number of labels.
    RETURNS (Bools | None): Whether each token may have each tag; None if all may have all.
        Shape: (tokens, tags)
    """
    attrs = [IS_SPACE, SENT_START, ENT_IOB, PREFIX]
    table = numpy.concatenate([doc.to_array(attrs) for doc in docs])
    is_space = table[:, 0].astype("bool") | are_invisible(docs, table[:, 3])
    starts = table[:, 1] == 1
    # The BILUO constraints already cover the start of a Doc.
    starts[numpy.cumsum([0, *map(len, docs)])[:-1]] = False
    ends = numpy.append(starts[1:], False)
    taken = (table[:, 2] & 1).astype("bool")  # IN_ENTITY or BEGINS_ENTITY
    if not (is_space.any() or taken.any() or starts.any()):
        return None
    tags = numpy.arange(constraints.n_tags(n_labels))
    position = constraints.position_of(tags)

    def are(*positions: int) -> Bools:
        return numpy.isin(position, positions)

    forbidden = is_space[:, None] & are(constraints.BEGIN, constraints.LAST, constraints.UNIT)
    forbidden |= starts[:, None] & are(constraints.INSIDE, constraints.LAST)
    forbidden |= ends[:, None] & are(constraints.BEGIN, constraints.INSIDE)
    forbidden |= taken[:, None] & (tags > 0)
    return ~forbidden
