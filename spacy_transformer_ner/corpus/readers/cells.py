"""Read the cells of a column file: words, tags and identifiers."""

import re
from collections.abc import Sequence

from ...errors import InputError
from ..documents import Span
from ..notes import Notes
from ..options import Overlaps
from ..sources import shorten
from ..tags import TagReader
from .brackets import BRACKETS
from .headers import REPEATED
from .layout import END_OF_LINE, END_OF_SENTENCE, Layout
from .offsets import DROPPED, KEEP
from .rows import Rows

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
# Spaces without width, and a soft hyphen.
INVISIBLE = "\u200b\u2060\ufeff\u00ad"
# A word with more spaces is a sentence.
MANY_SPACES = 3
FINAL = tuple(".!?…。！？")
CLOSING = "\"'”’»)]"


class CellReader:
    """Reads the cells of the rows of a file.

    name (str): The file name, for errors.
    layout (Layout): The columns.
    tags (TagReader): Splits the tags.
    notes (Notes): Collects what was fixed.
    overlaps (str): How to handle entities within others. See `ReadOptions`.
    """

    def __init__(
        self, name: str, layout: Layout, tags: TagReader, notes: Notes, overlaps: Overlaps
    ):
        self.name = name
        self.layout = layout
        self.tags = tags
        self.notes = notes
        self.overlaps = overlaps

    def ids(self, cells: Sequence[str], last: tuple[str, str]) -> tuple[str, str]:
        """Get the identifiers of sentence and document. An empty cell repeats the last one."""
        columns = self.layout.sentence, self.layout.document
        found = ("" if column is None else cells[column] for column in columns)
        sentence, document = (
            old if new.lower() in REPEATED else new for new, old in zip(found, last)
        )
        return sentence, document

    def ends_sentence(self, cells: Sequence[str], line: int) -> bool:
        """Whether a sentence ends after a row, in files with HIPE's flags."""
        layout = self.layout
        flags = layout.notes(cells)
        if layout.flags & END_OF_SENTENCE:
            return not END_OF_SENTENCE.isdisjoint(flags)
        if END_OF_LINE in flags and cells[layout.word].rstrip(CLOSING).endswith(FINAL):
            self.notes.add(
                "sentences were ended at the end of a line with a full stop, because the file "
                "doesn't have EndOfSentence",
                line,
            )
            return True
        return False

    def cells(self, row: str, line: int) -> list[str]:
        """Split a line. RAISES: InputError if the number of columns is different."""
        cells = self.layout.split(row)
        if len(cells) != self.layout.columns:
            raise self._ragged(row, line)
        return cells

    def word(self, cell: str, line: int) -> str:
        """Get a word without whitespace around it and control characters."""
        word = CONTROL.sub("", cell).strip()
        word = word.strip(INVISIBLE) or word
        if word != cell and word:
            self.notes.add(
                "words were read without the control characters, spaces or invisible characters "
                "in them",
                line,
            )
        if word.count(" ") > MANY_SPACES:
            self.notes.add(
                "words have spaces, like whole sentences. Each line needs one word: split the "
                "text into words",
                line,
            )
        return word

    def tag(self, cells: Sequence[str], line: int, rows: Rows) -> tuple[str, str]:
        """Get prefix and label of the tag of a row."""
        layout = self.layout
        cell = cells[layout.tag]
        if layout.brackets:
            return self._bracket(cell, line, rows)
        if layout.key:
            notes = cell.split("|")
            cell = next(
                (x[len(layout.key) + 1 :] for x in notes if x.startswith(f"{layout.key}=")), "O"
            )
        known = self.tags.known.get(cell)
        if known is not None:
            return known
        normal = layout.spelling.normal(cell)
        if layout.label is not None and normal != "O":
            # Only the prefix is in this column.
            normal = f"{normal[0]}-{cells[layout.label].strip('_')}"
        try:
            tag = self.tags.split(normal)
        except ValueError as error:
            raise InputError(str(error), path=self.name, line=line) from None
        if normal == "O":
            if not (layout.numbered and cell == "_"):
                self.notes.add(f"words have the tag {cell!r}, which was read as O", line)
        elif layout.label is None:
            self.tags.known[cell] = tag
        return tag

    def _bracket(self, cell: str, line: int, rows: Rows) -> tuple[str, str]:
        """Read a cell like "(PERSON*", "*", "*)" or "(GPE)" as a tag of the outer entity."""
        match = BRACKETS.fullmatch(cell)
        opened = match[1].split("(")[1:] if match else []
        is_inside = bool(rows.open)
        word = len(rows.words)
        rows.open += [(label, word) for label in opened]
        nested = len(opened) - (not is_inside) if opened else 0
        closed = len(match[2]) if match else 0
        if not cell or match is None or closed > len(rows.open):
            raise InputError(
                f"{shorten(cell)} is not in brackets like (PERSON*, *), (GPE) and *, or closes a "
                "bracket that is not open. Fix this line.",
                path=self.name,
                line=line,
            )
        if nested and self.overlaps == "refuse":
            raise InputError(
                f"entities overlap: {opened[-1]} is within {rows.open[0][0]}. Remove one, or {KEEP}.",
                path=self.name,
                line=line,
            )
        tag = ("I" if is_inside else "B", rows.open[0][0]) if rows.open else ("O", "")
        for _ in range(closed):
            label, start = rows.open.pop()
            if rows.open and self.overlaps == "spans":
                rows.nested.append(Span(start, word + 1, label))
            elif rows.open:
                self.notes.add(DROPPED, line)
        return tag

    def _ragged(self, row: str, line: int) -> InputError:
        separator = self.layout.separator
        separators = {"\t": "tabs", " ": "spaces"}.get(separator, repr(separator))
        return InputError(
            f"expected {self.layout.columns} columns separated by {separators}, found "
            f"{len(self.layout.split(row))}: {shorten(row)}. Fix this line.",
            path=self.name,
            line=line,
        )
