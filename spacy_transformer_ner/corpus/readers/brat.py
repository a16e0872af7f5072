"""brat standoff: a .txt file and an .ann file with its annotation."""

import re
from collections.abc import Iterator

from ...errors import InputError
from .. import sources
from ..documents import Span, TextDocument
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten, too_long
from .counting import place
from .offsets import COVERED, LEFT_OUT, PARTS, arrange, check_span

ENTITY = re.compile(r"(T\d+)\t(\S+) (\d+) (\d+)((?:;\d+ \d+)*)(?:\t(.*))?")


class BratFile:
    """Reads a text and the entities in its .ann file. Ignores relations, events, attributes and
    notes.

    source (Source): The text file.
    annotations (Source): The .ann file.
    options (ReadOptions): How to read the files.
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
        """RETURNS (list[Note]): What was fixed or skipped."""
        return self._notes.notes()

    def __iter__(self) -> Iterator[TextDocument]:
        self._notes = Notes(self.annotations.name)
        # brat counts a line end as one character.
        text = self.source.whole(self.encoding).replace("\r\n", "\n")
        if not text.strip():
            self._notes.add("empty texts were skipped", 1)
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
                    "expected a brat entity (T1, a tab, label, start and end), found "
                    f"{shorten(row)}. Fix this line.",
                    path=name,
                    line=line,
                )
            number, label, start, end, more, said = match.groups()
            # int() limits the number of digits. 12 digits are beyond the end of any text.
            first, last = int(start[:12]), int(end[:12])
            if more:
                bounds = [first, last, *(int(n[:12]) for n in re.findall(r"\d+", more))]
                gaps = zip(bounds[1:-1:2], bounds[2:-1:2])
                if any(b < a or text[a:b].strip() for a, b in gaps):
                    if self.options.of_parts == "drop":
                        self._notes.add(LEFT_OUT, line)
                        continue
                    if self.options.of_parts == "refuse":
                        raise InputError(
                            f"{number} is discontinuous, which spaCy doesn't support: "
                            f"{shorten(row)}. {PARTS}",
                            path=name,
                            line=line,
                        )
                    self._notes.add(COVERED, line)
                    # brat has the text of the parts.
                    first, said = min(bounds[::2]), None
                    bounds.append(max(bounds[1::2]))
                # brat splits an entity at a line end.
                last = bounds[-1]
            if self.options.offsets is not None:
                first, last = place(text, first, last, self.options.offsets) or (-1, -1)
            yield check_span(first, last, label, said, text, name, line), line
