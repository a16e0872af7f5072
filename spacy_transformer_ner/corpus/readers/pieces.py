"""Pieces of entities that are labelled with tags, like the output of transformers' pipeline."""

import re
from collections.abc import Collection, Iterable

from ..spelling import PREFIXES
from .entities import Entry

# Tags, from pieces of words.
PIECE = re.compile(rf"(?:O|[{''.join(PREFIXES)}]-.+)", re.DOTALL)


def are_pieces(labels: Collection[str]) -> bool:
    """Check whether labels are tags.

    labels (Collection[str]): The distinct labels.
    RETURNS (bool): Whether all are tags, and there are several, because one can be a type like
        B-cell.
    """
    return len(labels) > 1 and all(PIECE.fullmatch(label) for label in labels)


def merge_pieces(pieces: Iterable[Entry], text: str) -> list[Entry]:
    """Merge pieces to entities.

    pieces (Iterable[Entry]): The pieces, with offsets in characters and tags as labels.
    text (str): The text.
    RETURNS (list[Entry]): The entities. A piece with I- continues the entity before it, as does
        any piece of the same word and label.
    """
    merged: list[Entry] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        prefix, _, label = str(piece.label).partition("-")
        if prefix == "O":
            continue
        last = merged[-1] if merged else None
        if last is not None and last.label == label:
            between = text[last.end : piece.start]
            inside = PREFIXES.get(prefix) in ("I", "E") and "\n" not in between
            if piece.start <= last.end or (inside and not between.strip()):
                merged[-1] = Entry(last.start, piece.end, label)
                continue
        merged.append(Entry(piece.start, piece.end, label))
    return merged
