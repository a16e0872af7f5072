"""What every reader gives and every writer takes: documents of tagged words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """An entity within one sentence.

    start (int): Its first word.
    end (int): The word after its last.
    label (str): Its type, e.g. "PER".
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Sentence:
    """words (tuple[str, ...]): The words, never empty strings.
    entities (tuple[Span, ...]): Its entities in order, without overlap.
    line (int): The line of the file its first word stands on, from 1.
    """

    words: tuple[str, ...]
    entities: tuple[Span, ...]
    line: int


@dataclass(frozen=True)
class Document:
    """sentences (tuple[Sentence, ...]): At least one sentence."""

    sentences: tuple[Sentence, ...]
