"""CSV and TSV files with a header.

A row is a word with its tag, a text with a list of its entities or tags in a cell, or an entity
of a text. Which one is decided by what the columns contain, and by their names where that is
ambiguous.
"""

from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ..options import ReadOptions
from ..sources import Source
from .annotated import RecordFile
from .csv_entities import open_entities
from .csv_texts import contents, open_texts
from .csv_words import TableOfWords, has_words
from .delimited import Table, find_tables
from .headers import roles_of
from .titles import offset_columns

# Number of bytes from which the columns are detected.
SAMPLE = 1 << 16
WORDS, TEXTS, ENTITIES = "a word", "a text", "an entity"
OPEN = {WORDS: TableOfWords, TEXTS: open_texts, ENTITIES: open_entities}
EXAMPLE = "word,tag or text,entities or text,start,end,label"


@dataclass(frozen=True)
class Csv:
    """What a table contains.

    table (Table): The start of the table.
    row (str): What a row is: one of OPEN, or "" if that is unknown.
    """

    table: Table
    row: str


def find_csv(text: str, is_cut: bool) -> Csv | None:
    """Check whether a file is a table with a header.

    text (str): The start of the file.
    is_cut (bool): Whether the file continues.
    RETURNS (Csv | None): What it contains. None if it is not a table, or it is a column file: a
        word per row, separated by tabs, without quotes.
    """
    unknown = None
    for table in find_tables(text, is_cut):
        row = _row(table)
        if row == WORDS and table.dialect.separator == "\t" and not table.quoted:
            return None
        if row:
            return Csv(table, row)
        if table.dialect.separator != "\t" and roles_of(table.titles) is not None:
            unknown = unknown or Csv(table, "")
    return unknown


def _row(table: Table) -> str:
    has_offsets = offset_columns(table.titles) is not None
    # A token can have offsets, too, and an entity a label like the bare tag of a word.
    if has_words(table, prefixed=has_offsets):
        return WORDS
    if has_offsets and table.rows():
        return ENTITIES
    return TEXTS if any(map(contents, zip(*table.rows()))) else ""


def open_csv(source: Source, options: ReadOptions) -> RecordFile:
    """Open a table with a header.

    source (Source): The file.
    options (ReadOptions): How to read the file. Columns can be given by their title.
    RETURNS (RecordFile): The reader.
    RAISES: InputError if the columns are unknown.
    """
    encoding = options.encoding or source.encoding()
    raw = source.start(SAMPLE)
    try:
        text = raw.decode(encoding, errors="ignore")
    except LookupError as error:
        raise source.undecodable(encoding, error, 1) from None
    found = find_csv(text, len(raw) == SAMPLE)
    if found is None:
        raise InputError(
            f"is not a table with a header, e.g. {EXAMPLE}. Add the header as the first row.",
            path=source.name,
        )
    titles = ", ".join(found.table.titles)
    if not found.row:
        raise InputError(
            f"no column has entities (found: {titles}): a tag for each word, or a list of entities "
            "with start, end and label for each text. If this is text classification, with one "
            f"label per text, annotate entities first. Expected columns like {EXAMPLE}.",
            path=source.name,
            line=found.table.header,
        )
    reader: Any = OPEN[found.row](source, encoding, found.table, options)  # type: ignore[operator]
    separator = {"\t": "tabs"}.get(found.table.dialect.separator, found.table.dialect.separator)
    return RecordFile(reader, f"table, {found.row} per row ({titles}; {separator})", encoding)
