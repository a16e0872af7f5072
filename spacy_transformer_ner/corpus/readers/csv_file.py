"""CSV and TSV files with a header.

A row is a word with its tag, a text with a list of its entities or tags in a cell, or an entity
of a text. Which one is decided by what the columns contain, and by their names where that is
ambiguous. `ColumnFile` reads rows of words.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from .. import sources
from ..options import ReadOptions
from ..sources import Source, too_long
from ..spelling import find_spelling
from .annotated import RecordFile
from .columns import open_columns
from .csv_entities import open_entities
from .csv_texts import contents, open_texts
from .delimited import SEPARATOR_LINE, Rows, Table, find_tables
from .headers import role_of, roles_of
from .markdown import is_markdown, open_markdown
from .markup import is_markup, open_markup
from .titles import offset_columns

# Number of bytes from which the columns are detected.
SAMPLE = 1 << 16
# What a row can be.
WORD, TEXT, ENTITY = "a word", "a text", "an entity"
TAGGED_TEXT = "a text with inline entities"
EXAMPLE = "word,tag or text,entities or text,start,end,label"


@dataclass(frozen=True)
class Csv:
    """What a table contains.

    table (Table): The start of the table.
    row (str): What a row is: WORD, TEXT, ENTITY or TAGGED_TEXT, or "" if it is a text without entities.
    """

    table: Table
    row: str


def is_csv(text: str, is_cut: bool) -> bool:
    """Check whether a file is a table of texts or entities.

    text (str): The start of the file.
    is_cut (bool): Whether the file continues.
    RETURNS (bool): Whether it is. Tables of words are column files, except those of Excel with a
        line for the separator.
    """
    found = find_csv(text, is_cut)
    if found is None:
        return is_cut and any(map(_is_in_row, find_tables(text, is_cut)))
    return found.row != WORD or found.table.header > 1


def _is_in_row(table: Table) -> bool:
    """Whether the first row doesn't end in the sample, after a header."""
    is_open = not table.rows() and table.lines[0].lstrip()[:1] == '"'
    return is_open and roles_of(table.titles) is not None


def find_csv(text: str, is_cut: bool) -> Csv | None:
    """Find out what the rows of a table are.

    text (str): The start of the file.
    is_cut (bool): Whether the file continues.
    RETURNS (Csv | None): What it contains. None if it is not a table with a header.
    """
    unknown = None
    for table in find_tables(text, is_cut):
        row = _row(table)
        if row:
            return Csv(table, row)
        if _is_classification(table):
            unknown = unknown or Csv(table, "")
    return unknown


def _row(table: Table) -> str:
    has_offsets = offset_columns(table.titles) is not None
    # A word can have offsets, too, and an entity a label like the bare tag of a word.
    if _has_words(table, has_offsets):
        return WORD
    if has_offsets and table.rows():
        return ENTITY
    if any(map(contents, zip(*table.rows()))):
        return TEXT
    return TAGGED_TEXT if _tagged_column(table) is not None else ""


def _tagged_column(table: Table) -> tuple[int, Callable] | None:
    """Find a column of texts with inline tags or Markdown entities.

    RETURNS (tuple[int, Callable] | None): The column, and the function that opens it.
    """
    for i, (title, cells) in enumerate(zip(table.titles, zip(*table.rows()))):
        if role_of(title) in ("text", "sentence", "document"):
            text = "\n".join(cells)
            for is_format, open_format in ((is_markup, open_markup), (is_markdown, open_markdown)):
                if is_format(text):
                    return i, open_format
    return None


def _has_words(table: Table, prefixed: bool) -> bool:
    """Whether each row is a word and its tag.

    prefixed (bool): Whether tags must have a prefix, or be O.
    """
    columns = [[cell.strip() for cell in column] for column in zip(*table.lines_as_rows())]
    tagged = []
    for i, (title, cells) in enumerate(zip(table.titles, columns)):
        spelling = find_spelling(cells)
        # Without a header, the first row is a word and its tag.
        if spelling is not None and not (prefixed and spelling.bare) and not spelling.is_tag(title):
            tagged.append(i)
    return bool(tagged) and any(
        i not in tagged
        and role_of(table.titles[i]) in ("word", "text", None)
        and not _are_texts(cells)
        and not contents(cells)
        and not all(cell.isdecimal() for cell in cells)
        for i, cells in enumerate(columns)
    )


def _is_classification(table: Table) -> bool:
    """Whether the columns are named like texts and labels, but labels are for whole texts."""
    roles = roles_of(table.titles)
    return roles is not None and any(
        role in ("text", "word") and _are_texts(cells)
        for role, cells in zip(roles, zip(*table.rows()))
    )


def _are_texts(cells: Sequence[str]) -> bool:
    return 2 * sum(" " in cell.strip() for cell in cells) > len(cells)


def open_csv(source: Source, options: ReadOptions) -> Any:
    """Open a table with a header.

    source (Source): The file.
    options (ReadOptions): How to read the file. Columns can be given by their title.
    RETURNS (Reader): The reader.
    RAISES: InputError if the columns are unknown.
    """
    encoding = options.encoding or source.encoding()
    found = _find(source, encoding)
    if found is None:
        raise InputError(
            f"is not a table with a header, e.g. {EXAMPLE}. Add the header as the first row.",
            path=source.name,
        )
    table, titles = found.table, ", ".join(found.table.titles)
    if found.row == WORD:
        return open_columns(_Unmarked(source.path, source.name), options)
    if found.row == TAGGED_TEXT and (tagged := _tagged_column(table)):
        column, open_tagged = tagged
        return open_tagged(_Column(source.path, source.name, table, column), options)
    if not found.row:
        raise InputError(
            f"no column has entities (found: {titles}): a tag for each word, or a list of entities "
            "with start, end and label for each text. If this is text classification, with one "
            f"label per text, annotate entities first. Expected columns like {EXAMPLE}.",
            path=source.name,
            line=table.header,
        )
    opened = open_texts if found.row == TEXT else open_entities
    separator = {"\t": "tabs"}.get(table.dialect.separator, table.dialect.separator)
    return RecordFile(
        opened(source, encoding, table, options),
        f"table, {found.row} per row ({titles}; separated by {separator})",
        encoding,
    )


def _find(source: Source, encoding: str) -> Csv | None:
    """Detect what a table contains, from as many characters as the first row needs."""
    size = SAMPLE
    while True:
        raw = source.start(size)
        try:
            text = raw.decode(encoding, errors="ignore")
        except LookupError as error:
            raise source.undecodable(encoding, error, 1) from None
        is_cut = len(raw) == size
        found = find_csv(text, is_cut)
        if found or not is_cut or not any(map(_is_in_row, find_tables(text, is_cut))):
            return found
        if size > sources.LONGEST_RECORD:
            raise too_long(source.name, 2)
        size *= 8


@dataclass(frozen=True)
class _Unmarked(Source):
    """A table without Excel's line for the separator, which is read as blank."""

    def rows(self, encoding: str, limit: int | None = None) -> Iterator[str]:
        for line, row in enumerate(super().rows(encoding, limit)):
            yield "" if line == 0 and SEPARATOR_LINE.fullmatch(row) else row


@dataclass(frozen=True)
class _Column(Source):
    """A column of a table, as a file with a text per line.

    path (Path): The path.
    name (str): The name in messages.
    table (Table): The start of the table.
    column (int): The column.
    """

    table: Table
    column: int

    def rows(self, encoding: str, limit: int | None = None) -> Iterator[str]:
        last = 0
        for line, cells in Rows(self, encoding, self.table):
            # Other lines are blank, so that texts have the line of their row.
            yield from [""] * (line - last - 1)
            yield " ".join(cells[self.column].split("\n"))
            last = line
