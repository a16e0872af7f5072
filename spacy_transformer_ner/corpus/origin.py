"""Where each token of a Doc comes from: file and line, kept with the Doc."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from spacy.tokens import Doc

KEY = "spacy_transformer_ner.origin"


def set_origin(doc: Doc, path: str, lines: Iterable[tuple[int, Sequence[int]]]) -> None:
    """Keep where a Doc comes from in its user data.

    doc (Doc): The Doc.
    path (str): The file.
    lines (Iterable[tuple[int, Sequence[int]]]): First tokens of stretches, and
        the line of each token of the stretch, from 1.
    """
    doc.user_data[KEY] = (path, [s for first, stretch in lines for s in _steps(first, stretch)])


def _steps(token: int, lines: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Parts of tokens whose lines go up by one each, or stay: first token, its
    line, step."""
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


def place_of(doc: Doc, i: int) -> str:
    """Tell where a token comes from.

    doc (Doc): The Doc.
    i (int): The token.
    RETURNS (str): File and line, like "train.conll:12"; "" if it is not known.
    """
    if KEY not in doc.user_data:
        return ""
    path, stretches = doc.user_data[KEY]
    # The last that starts at the token or before.
    number = bisect_right(stretches, i, key=lambda stretch: stretch[0]) - 1
    token, line, step = stretches[max(number, 0)]
    return f"{path}:{line + step * (i - token)}"
