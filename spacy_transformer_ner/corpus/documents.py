"""What every reader gives and every writer takes."""

from collections.abc import Sequence
from dataclasses import dataclass

# A longer sentence lacks its blank rows, and a longer document is split, so that
# the memory it takes has a bound: see also sources.LONGEST_RECORD.
MAX_WORDS = 100_000


@dataclass(frozen=True)
class Span:
    """An entity.

    start (int): Its first word or character.
    end (int): The word or character after its last.
    label (str): Its type, e.g. "PER".
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Sentence:
    """words (tuple[str, ...]): The words, never empty strings.
    entities (tuple[Span, ...]): Its entities in words, in order, without overlap.
    lines (Sequence[int]): The line of the file that each word stands on, from 1.
    spaces (tuple[bool, ...] | None): Whether a space follows each word; None if
        the file does not say.
    """

    words: tuple[str, ...]
    entities: tuple[Span, ...]
    lines: Sequence[int]
    spaces: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class Document:
    """A document that comes in words.

    sentences (tuple[Sentence, ...]): At least one sentence.
    path (str): The file it is from.
    id (str): What the file calls it, if its sentences may stand apart; else "".
    """

    sentences: tuple[Sentence, ...]
    path: str
    id: str = ""


@dataclass(frozen=True)
class TextDocument:
    """A document that comes as text.

    text (str): The text.
    entities (tuple[Span, ...]): Its entities in characters, in order, without
        overlap, and without blanks at their ends.
    path (str): The file it is from.
    line (int): The line of that file it starts on.
    tokens (tuple[tuple[int, int], ...] | None): Where its words start and end,
        if the file says; otherwise spaCy's tokeniser parts them.
    sentences (tuple[int, ...] | None): Where its sentences start, if the file says.
    follows_text (bool): Whether the text stands in the file as it is, so that its
        line breaks count as lines of the file.
    """

    text: str
    entities: tuple[Span, ...]
    path: str
    line: int
    tokens: tuple[tuple[int, int], ...] | None = None
    sentences: tuple[int, ...] | None = None
    follows_text: bool = False
