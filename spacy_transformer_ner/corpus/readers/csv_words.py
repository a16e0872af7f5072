"""Tables with a row per word, which are read like column files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...errors import InputError
from ..documents import Document
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten
from ..spelling import TAG, looks_bare
from ..tags import TagReader
from .columns import ColumnFile
from .delimited import Table, is_row
from .headers import Role, role_of
from .titles import number_of


def has_words(table: Table, prefixed: bool = False) -> bool:
    """Check whether each row is a word and its tag.

    table (Table): The start of the table.
    prefixed (bool): Whether tags must have a prefix, or be O.
    RETURNS (bool): Whether there is a column of words and one of tags.
    """
    rows = table.lines_as_rows()
    roles = list(map(role_of, table.titles))
    columns = [[cell.strip() for cell in column] for column in zip(*rows)]
    tagged = [
        i for i, cells in enumerate(columns) if are_tags(cells, None if prefixed else roles[i])
    ]
    # Without a header, the first row is a word and its tag.
    is_header = not any(TAG.fullmatch(table.titles[i]) for i in tagged)
    return (
        bool(tagged)
        and is_header
        and any(
            i not in tagged
            and roles[i] in ("word", "text", None)
            and any(not cell.isdecimal() for cell in cells)
            and sum(" " in cell for cell in cells) * 2 < len(cells)
            for i, cells in enumerate(columns)
        )
    )


def are_tags(cells: Sequence[str], role: Role | None) -> bool:
    """Check whether a column contains tags.

    cells (Sequence[str]): The cells of the column.
    role (str | None): What its title says. See `headers`.
    RETURNS (bool): Whether nearly all cells are tags, or it is said to have tags, and they are
        labels without a prefix, or unusual tags.
    """
    found = [cell for cell in cells if cell]
    if found and sum(map(bool, map(TAG.fullmatch, found))) * 10 > len(found) * 9:
        return True
    if role not in ("tag", "gold", "prediction") or not found:
        return False
    if looks_bare(found):
        return True
    # There are fewer tags than words. Half of them are one, which stands for O.
    most = max(map(found.count, set(found[:200])))
    return len(found) == len(cells) and 2 * most >= len(found) and not any(" " in c for c in found)


@dataclass(frozen=True)
class TableSource(Source):
    """A table with a row per word, as a file with columns that are separated by tabs.

    path (Path): The path.
    name (str): The name in messages.
    table (Table): The start of the table.
    notes (Notes): Collects what was fixed.
    """

    table: Table
    notes: Notes

    def rows(self, encoding: str, limit: int | None = None) -> Iterator[str]:
        """Read the file row by row.

        encoding (str): The encoding.
        limit (int | None): The maximum length of a line, in characters.
        YIELDS (str): The rows. A row of empty cells is blank.
        RAISES: InputError if a row has another number of cells than the header.
        """
        table, columns = self.table, len(self.table.titles)
        self.notes.clear()
        for line, row in enumerate(super().rows(encoding, limit), start=1):
            if line <= table.header:
                yield "\t".join(table.titles) if line == table.header else ""
                continue
            cells = table.dialect.split(row, columns)
            if not is_row(cells):
                yield ""
                continue
            if len(cells) > columns:
                cells = self._join(cells, line)
            if len(cells) != columns:
                raise InputError(
                    f"expected {columns} cells separated by {table.dialect.separator!r}, found "
                    f"{len(cells)}: {shorten(row)}. Fix this line: cells that contain "
                    f"{table.dialect.separator!r} need quotes.",
                    path=self.name,
                    line=line,
                )
            yield "\t".join(" ".join(cell.split("\t")) for cell in cells)

    def _join(self, cells: list[str], line: int) -> list[str]:
        """Join the cells of a word that contains the separator."""
        columns = len(self.table.titles)
        if not any(cells[columns:]):
            return cells[:columns]
        at_end = TAG.fullmatch(cells[-1].strip()) is not None
        if columns != 2 or not (at_end or TAG.fullmatch(cells[0].strip())):
            return cells
        self.notes.add("words that contain the separator without quotes were joined", line)
        separator = self.table.dialect.separator
        if at_end:
            return [separator.join(cells[:-1]), cells[-1]]
        return [cells[0], separator.join(cells[1:])]


class TableOfWords:
    """Reads a table with a row per word. See `ColumnFile`.

    source (Source): The file.
    encoding (str): The encoding.
    table (Table): The start of the table.
    options (ReadOptions): How to read the file. Columns can be given by their title.
    RAISES: InputError if the columns are unknown.
    """

    def __init__(self, source: Source, encoding: str, table: Table, options: ReadOptions):
        titles, name = table.titles, source.name
        word = number_of(titles, options.word_column, "--word-column", name)
        tag = number_of(titles, options.tag_column, "--tag-column", name)
        options = replace(
            options,
            encoding=encoding,
            word_column=None if word is None else str(word + 1),
            tag_column=None if tag is None else str(tag + 1),
        )
        self._notes = Notes(name)
        self._file = ColumnFile(TableSource(source.path, name, table, self._notes), options)

    @property
    def tags(self) -> TagReader:
        """RETURNS (TagReader): The tags."""
        return self._file.tags

    @property
    def marks_documents(self) -> bool:
        """RETURNS (bool): Whether the table marks documents."""
        return self._file.marks_documents

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or is suspicious."""
        return [*self._notes.notes(), *self._file.notes()]

    def __iter__(self) -> Iterator[Document]:
        return iter(self._file)
