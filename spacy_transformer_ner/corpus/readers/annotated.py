"""Readers for formats that a function parses into texts with entities, or into records."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ..documents import Document, Span, TextDocument
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source
from ..spelling import TAG
from ..tags import TagReader
from .counting import Evidence, place, refuse_other_offsets
from .offsets import arrange, check_characters, check_span


@dataclass(frozen=True)
class Mention:
    """An entity as the file has it.

    start, end (int): The character offsets.
    label (str): The label.
    line (int): The line of the file.
    said (str | None): The entity's text according to the file, if it is in the file twice.
    """

    start: int
    end: int
    label: str
    line: int
    said: str | None = None


@dataclass(frozen=True)
class Annotated:
    """A text with entities as the file has it.

    text (str): The text.
    mentions (Iterable[Mention]): The entities, in any order.
    line (int): The line of the file that the text starts on.
    path (str | None): The file of the text, if it is another one.
    sentences (tuple[int, ...] | None): Start offsets of the sentences, if the file has them.
    """

    text: str
    mentions: Iterable[Mention]
    line: int
    path: str | None = None
    sentences: tuple[int, ...] | None = None


class AnnotatedTexts:
    """Reads a file of texts with entities, and validates the entities.

    source (Source): The file.
    options (ReadOptions): How to read the file.
    format (str): The format, in words.
    parse (Callable[[Source, str, Notes], Iterator[Annotated]]): Reads the texts of a file with
        an encoding, and collects what it fixed or skipped.
    annotations (str | None): The name of the file with the entities, if it is another one.
    has_offsets (bool): Whether offsets are in the file, so that they can be counted in other ways.
    """

    tags = None
    marks_documents = True

    def __init__(
        self,
        source: Source,
        options: ReadOptions,
        format: str,
        parse: Callable[[Source, str, Notes], Iterator[Annotated]],
        annotations: str | None = None,
        has_offsets: bool = False,
    ):
        self.source = source
        self.options = options
        self.format = format
        self.parse = parse
        self.encoding = options.encoding or source.encoding()
        self.annotations = annotations or source.name
        self.has_offsets = has_offsets
        self._notes = Notes(self.annotations)

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        return self._notes.notes()

    def __iter__(self) -> Iterator[TextDocument]:
        notes = self._notes = Notes(self.annotations)
        evidence = Evidence()
        found = False
        for annotated in self.parse(self.source, self.encoding, notes):
            text, line, path = annotated.text, annotated.line, annotated.path or self.source.name
            check_characters(text, path, line)
            if not text.strip():
                notes.add("empty texts were skipped", line)
                continue
            spans = self._spans(annotated, evidence)
            entities = arrange(spans, text, self.annotations, self.options.overlaps, notes)
            found = True
            yield TextDocument(
                text, entities, path, line, sentences=annotated.sentences, follows_text=True
            )
        if not found:
            raise InputError("contains no texts. Is it the right file?", path=self.source.name)
        refuse_other_offsets(evidence, self.annotations)

    def _spans(self, annotated: Annotated, evidence: Evidence) -> Iterator[tuple[Span, int]]:
        text, name = annotated.text, self.annotations
        for m in annotated.mentions:
            at = m.start, m.end
            if self.has_offsets:
                if self.options.offsets is None:
                    evidence.add(text, *at, m.said, m.line)
                else:
                    at = place(text, *at, self.options.offsets) or (-1, -1)
            yield check_span(*at, m.label, m.said, text, name, m.line), m.line


def are_columns(text: str) -> bool:
    """Check whether a file looks like columns.

    text (str): The start of the file.
    RETURNS (bool): Whether most lines have the same number of columns, and a tag in the last one.
    """
    lines = [line.split() for line in text.split("\n") if line.strip()]
    widths = Counter(len(cells) for cells in lines if TAG.fullmatch(cells[-1]))
    widths.pop(1, None)
    return 2 * max(widths.values(), default=0) > len(lines)


class RecordFile:
    """Reads records with a reader of records, under the name of the file's own format.

    reader (Any): The reader of the records.
    format (str): The format, in words.
    encoding (str): The encoding.
    """

    def __init__(self, reader: Any, format: str, encoding: str):
        self.reader = reader
        self.format = format
        self.encoding = encoding

    @property
    def tags(self) -> TagReader | None:
        """RETURNS (TagReader | None): The tags, if the format has tags."""
        return self.reader.tags

    @property
    def marks_documents(self) -> bool:
        """RETURNS (bool): Whether the file marks documents."""
        return self.reader.marks_documents

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        return self.reader.notes()

    def __iter__(self) -> Iterator[Document | TextDocument]:
        return iter(self.reader)
