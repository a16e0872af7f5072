"""brat's standoff: a text file and its annotations beside it, as .ann."""

import re
from collections.abc import Iterator

from ...errors import InputError
from .. import sources
from ..documents import Span, TextDocument
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten, too_long
from .offsets import arrange, check_span

ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+) (\d+)((?:;\d+ \d+)*)(?:\t(.*))?")


class BratFile:
    """Reads a text with the entities of its .ann file; relations, events,
    attributes and notes are passed over.

    source (Source): The text.
    annotations (Source): The .ann file.
    options (ReadOptions): How they are to be read.
    """

    format = "brat standoff"
    tags = None
    marks_documents = True

    def __init__(self, source: Source, annotations: Source, options: ReadOptions):
        self.source = source
        self.annotations = annotations
        self.options = options
        self.encoding = options.encoding or source.encoding()
        self._notes = Notes(annotations.name)

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed."""
        return self._notes.notes()

    def __iter__(self) -> Iterator[TextDocument]:
        self._notes = Notes(self.annotations.name)
        # brat counts as Python does when it has made line ends one.
        text = self.source.whole(self.encoding).replace("\r\n", "\n")
        if not text.strip():
            self._notes.add("texts that were empty or blank were left out", 1)
            return
        entities = arrange(
            self._entities(text),
            text,
            self.annotations.name,
            self.options.overlaps,
            self._notes,
        )
        yield TextDocument(text, entities, self.source.name, 1, follows_text=True)

    def _entities(self, text: str) -> Iterator[tuple[Span, int]]:
        name = self.annotations.name
        encoding = self.options.encoding or self.annotations.encoding()
        size = 0
        for line, row in enumerate(self.annotations.rows(encoding), start=1):
            size += len(row)
            if size > sources.LONGEST_RECORD:
                raise too_long(name, line)
            if not row.startswith("T"):
                continue
            match = ENTITY.fullmatch(row)
            if match is None:
                raise InputError(
                    f"is no entity of brat's (T1, a tab, label, start and end): {shorten(row)}",
                    path=name,
                    line=line,
                )
            number, label, start, end, more, said = match.groups()
            if more:
                raise InputError(
                    f"{number} is in several pieces, which spaCy's entities cannot be. Mark one "
                    f"stretch of text, or remove it: {shorten(row)}",
                    path=name,
                    line=line,
                )
            # A number of a thousand digits is out of every text.
            yield check_span(int(start[:12]), int(end[:12]), label, said, text, name, line), line
