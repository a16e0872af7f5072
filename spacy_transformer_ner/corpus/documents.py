"""Documents, as readers produce them."""

from collections.abc import Sequence
from dataclasses import dataclass

# Bounds the memory, like sources.LONGEST_RECORD. A longer sentence is an error, because blank
# lines are probably missing. A longer document is split.
MAX_WORDS = 100_000


@dataclass(frozen=True)
class Span:
    """An entity.

    start (int): Index of the first word or character.
    end (int): Index after the last word or character.
    label (str): The label, e.g. "PER".
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Sentence:
    """A tokenized sentence.

    words (tuple[str, ...]): The words. None is empty.
    entities (tuple[Span, ...]): Entities with word indices, sorted, and without overlap unless
        `ReadOptions.overlaps` is "spans".
    lines (Sequence[int]): The line of each word in the file, counted from 1.
    spaces (tuple[bool, ...] | None): Whether each word is followed by a space. None if the
        file doesn't say.
    """

    words: tuple[str, ...]
    entities: tuple[Span, ...]
    lines: Sequence[int]
    spaces: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class Document:
    """A document as tokenized sentences.

    sentences (tuple[Sentence, ...]): One or more sentences.
    path (str): The source file.
    id (str): The document's ID in the file, if its sentences may not be consecutive. Else "".
    """

    sentences: tuple[Sentence, ...]
    path: str
    id: str = ""


@dataclass(frozen=True)
class TextDocument:
    """A document as text.

    text (str): The text.
    entities (tuple[Span, ...]): Entities with character offsets, sorted, without leading or
        trailing whitespace, and without overlap unless `ReadOptions.overlaps` is "spans".
    path (str): The source file.
    line (int): The line of the file that it starts on.
    tokens (tuple[tuple[int, int], ...] | None): Start and end offsets of the tokens. If None,
        spaCy's tokenizer splits the text.
    sentences (tuple[int, ...] | None): Start offsets of the sentences, if the file has them.
    follows_text (bool): Whether the file contains the text verbatim, so that line breaks in
        the text are line breaks in the file.
    """

    text: str
    entities: tuple[Span, ...]
    path: str
    line: int
    tokens: tuple[tuple[int, int], ...] | None = None
    sentences: tuple[int, ...] | None = None
    follows_text: bool = False
