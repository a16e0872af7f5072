"""CSV and TSV files with a header: the separator, the quotes and the rows."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...errors import InputError
from .. import sources
from ..sources import BOM, Source, shorten, too_long
from ..spelling import TAG
from .literals import looks_like_literal

SEPARATORS = (",", ";", "\t", "|")
# The first line of tables from Excel.
SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?\s*")
# Number of rows from which the columns are detected.
SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class Dialect:
    r"""How cells are separated and quoted.

    separator (str): The character between cells.
    quotes (str): How a quote in a quoted cell is written: "" or \". Empty if cells are not quoted.
    padded (bool): Whether a space follows each separator.
    """

    separator: str
    quotes: str = '""'
    padded: bool = False

    def parse(self, lines: Iterable[str]) -> Any:
        """lines (Iterable[str]): Lines with their ends.
        RETURNS (csv.reader): The reader of their cells."""
        # Cells can be as long as records. The default limit is 128 kB.
        csv.field_size_limit(max(csv.field_size_limit(), sources.LONGEST_RECORD))
        return csv.reader(
            lines,
            delimiter=self.separator,
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            doublequote=self.quotes != '\\"',
            escapechar="\\" if self.quotes == '\\"' else None,
            skipinitialspace=self.padded,
            strict=True,
        )

    def split(self, line: str, columns: int) -> list[str]:
        """Split a line that is a whole row. A quote that has no end is a character like others.

        line (str): The line, without its end.
        columns (int): The number of columns.
        RETURNS (list[str]): The cells.
        """
        if '"' in line:
            try:
                cells: list[str] = next(self.parse([line]), [])
                if len(cells) == columns:
                    return cells
            except csv.Error:
                pass
        plain = line.split(self.separator)
        return [cell.strip(" ") for cell in plain] if self.padded else plain

    def titles(self, line: str) -> list[str]:
        """line (str): The first row.
        RETURNS (list[str]): Its cells, stripped."""
        try:
            cells: list[str] = next(self.parse([line]), [])
        except csv.Error:
            cells = line.split(self.separator)
        return [cell.strip() for cell in cells]


@dataclass(frozen=True)
class Table:
    """The start of a file as a table.

    dialect (Dialect): How cells are separated and quoted.
    header (int): The line of the header. 0 if there is none.
    titles (tuple[str, ...]): The names of the columns.
    lines (tuple[str, ...]): The lines after the header, with their ends.
    is_cut (bool): Whether the file continues.
    """

    dialect: Dialect
    header: int
    titles: tuple[str, ...]
    lines: tuple[str, ...]
    is_cut: bool

    def lines_as_rows(self) -> list[list[str]]:
        """RETURNS (list[list[str]]): Each line as a row, without blank rows and rows with another
        number of cells. Empty if these are many."""
        split = (self.dialect.split(line.rstrip("\r\n"), len(self.titles)) for line in self.lines)
        return self._regular([cells for cells in split if is_row(cells)])

    def rows(self) -> list[list[str]]:
        """RETURNS (list[list[str]]): The rows, without blank ones and rows with another number of
        cells. Empty if these are many."""
        return self._regular(self._parsed[0])

    @property
    def is_broken(self) -> bool:
        """RETURNS (bool): Whether quotes are not in pairs."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[list[list[str]], bool]:
        found: list[list[str]] = []
        try:
            for cells in self.dialect.parse(self.lines):
                if is_row(cells):
                    found.append(cells)
        except csv.Error as error:
            # The last row may be cut off.
            return found, not (self.is_cut and "unexpected end" in str(error))
        return found, False

    def _regular(self, rows: list[list[str]]) -> list[list[str]]:
        columns = len(self.titles)
        rows = [row[:columns] if not any(row[columns:]) else row for row in rows[:SAMPLE_ROWS]]
        regular = [row for row in rows if len(row) == columns]
        return regular if len(regular) * 10 >= len(rows) * 9 else []


def is_row(cells: Sequence[str]) -> bool:
    """RETURNS (bool): Whether a row is not blank."""
    return any(cell.strip() for cell in cells)


def find_tables(text: str, is_cut: bool) -> Iterator[Table]:
    """Split the start of a file into cells, with each separator that is in the first row.

    text (str): The start of the file.
    is_cut (bool): Whether the file continues.
    YIELDS (Table): The start of the table, with at least two columns and one row.
    """
    text = text.removeprefix(BOM)
    if is_cut:
        text = text[: text.rfind("\n") + 1]
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    marked = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    header = next((i for i, line in enumerate(lines) if i >= bool(marked) and line.strip()), None)
    if header is None:
        return
    for separator in marked[1] if marked else SEPARATORS:
        count = lines[header].count(separator)
        if not count:
            continue
        padded = separator != " " and count == lines[header].count(f"{separator} ")
        dialect = Dialect(separator, padded=padded)
        titles = dialect.titles(lines[header].strip("\r\n"))
        while titles and not titles[-1]:
            titles.pop()
        first = header + 1  # the first line of rows
        if any(map(_is_data, titles)):
            titles, first = [f"column {i}" for i in range(1, len(titles) + 1)], header
        if len(titles) < 2 or first == len(lines):
            continue
        # pandas writes the index without a name.
        titles = [title or f"Unnamed: {i}" for i, title in enumerate(titles)]
        rest = tuple(lines[first:])
        tables = [
            Table(replace(dialect, quotes=quotes), first, tuple(titles), rest, is_cut)
            for quotes in ('""', '\\"', "")
        ]
        if not any('\\"' in line for line in rest):
            del tables[1]
        quoted = [table for table in tables[:-1] if not table.is_broken]
        yield next((table for table in quoted if table.rows()), [*quoted, tables[-1]][0])


def _is_data(title: str) -> bool:
    """Whether a cell of the first row is a list or several tags, so that there is no header."""
    tags = title.split()
    return looks_like_literal(title) or (len(tags) > 1 and all(map(TAG.fullmatch, tags)))


class Rows:
    """The rows of a table as records of its titles. The file is read again at each iteration.

    source (Source): The file.
    encoding (str): The encoding.
    table (Table): The start of the table.
    """

    def __init__(self, source: Source, encoding: str, table: Table):
        self.source = source
        self.encoding = encoding
        self.table = table
        self._size = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        columns = len(self.table.titles)
        reader = self.table.dialect.parse(self._lines())
        line, first = 1, self.table.header + 1
        name = self.source.name
        try:
            while True:
                line, self._size = first + reader.line_num, 0
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                if not is_row(cells):
                    continue
                if len(cells) < columns or any(cells[columns:]):
                    raise InputError(
                        f"found {len(cells)} cells in this row, but {columns} in the header. Fix "
                        f"it: cells that contain {self.table.dialect.separator!r} or a line break "
                        f"need quotes. {shorten(self.table.dialect.separator.join(cells))}",
                        path=name,
                        line=line,
                    )
                yield line, cells[:columns]
        except csv.Error as error:
            if "field limit" in str(error):
                raise too_long(name, line) from None
            raise InputError(
                f"is not a valid row of a table ({error}). Fix the quotes: a quote within a quoted "
                'cell is written as "".',
                path=name,
                line=line,
            ) from None
        except (UnicodeError, LookupError) as error:
            raise self.source.undecodable(self.encoding, error, line) from None

    def _lines(self) -> Iterator[str]:
        """Yield the lines after the header, with their ends, because cells can contain them."""
        limit = sources.LONGEST_RECORD
        with self.source.text(self.encoding) as text:
            number = 0
            while line := text.readline(limit):
                number += 1
                self._size += len(line)
                if self._size > limit or (len(line) == limit and line[-1] != "\n"):
                    raise too_long(self.source.name, number)
                if number > self.table.header:
                    if "\0" in line:
                        raise InputError(
                            "null character. Remove it.", path=self.source.name, line=number
                        )
                    yield line
