"""The origin of each token: file and line, stored in the Doc's user data."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from spacy.tokens import Doc

KEY = "spacy_transformer_ner.origin"


def set_origin(doc: Doc, path: str, lines: Iterable[tuple[int, Sequence[int]]]) -> None:
    """Store the origin of a Doc in its user data.

    doc (Doc): The Doc.
    path (str): The file.
    lines (Iterable[tuple[int, Sequence[int]]]): The first token of each stretch of tokens, and
        the line of each token in it, counted from 1.
    """
    doc.user_data[KEY] = (path, [s for first, stretch in lines for s in _steps(first, stretch)])


def _steps(token: int, lines: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Compress the lines of tokens into runs with a constant step of 0 or 1. Yields the first
    token, its line, and the step."""
    if isinstance(lines, range):
        yield token, lines[0], 1
        return
    i = 0
    while i < len(lines):
        end = i + 1
        step = lines[end] - lines[i] if end < len(lines) else 0
        step = step if step in (0, 1) else 0
        while end < len(lines) and lines[end] - lines[end - 1] == step:
            end += 1
        yield token + i, lines[i], step
        i = end


def origin_of(doc: Doc, i: int) -> tuple[str, int] | None:
    """Get the file and line of a token.

    doc (Doc): The document.
    i (int): The index of the token.
    RETURNS (tuple[str, int] | None): File and line. None if unknown.
    """
    if KEY not in doc.user_data:
        return None
    path, stretches = doc.user_data[KEY]
    # The last stretch that starts at or before the token.
    number = bisect_right(stretches, i, key=lambda stretch: stretch[0]) - 1
    token, line, step = stretches[max(number, 0)]
    return path, line + step * (i - token)


def token_at(doc: Doc, character: int) -> int:
    """doc (Doc): A document.
    character (int): A character offset.
    RETURNS (int): The index of the token with this character, or of the one before it."""
    return max(0, bisect_right(doc, character, key=lambda token: token.idx) - 1)


def place_of(doc: Doc, i: int) -> str:
    """Get the file and line of a token, to show it.

    doc (Doc): The document.
    i (int): The index of the token.
    RETURNS (str): File and line, e.g. "train.conll:12". "" if unknown.
    """
    origin = origin_of(doc, i)
    return "" if origin is None else f"{origin[0]}:{origin[1]}"
