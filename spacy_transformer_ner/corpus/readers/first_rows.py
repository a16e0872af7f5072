"""The first rows of a column file as a table: separator, number of columns and header."""

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from ...errors import InputError
from ..sources import shorten
from ..spelling import find_spelling
from .headers import Role, role_of, roles_of
from .layout import is_docstart, split_row

# Separators of columns in files without tabs and spaces. The ones after the first three must be
# followed by tags.
SEPARATORS = (",", ";", "|", "\u00a0", "\u3000", "/", ":", "=")
UNCERTAIN = SEPARATORS[3:]
# Marks that are not part of the words if all of them end with one.
MARKS = ",;|"
MIN_MARKED = 3
# A line below the header of a table in Markdown.
RULE = re.compile(r"[\s|:+=]*-{3,}[\s|:+=-]*")
# A row of quoted empty cells.
EMPTY = re.compile(r'""(?:\s*[\t,;|]\s*"")+\s*')
# A row of quoted cells.
QUOTED = re.compile(r'\s*"(?:[^"]|"")*"(?:\s*(?P<mark>[,;|])\s*"(?:[^"]|"")*")+\s*')
# Number of rows that show whether spaces separate columns.
ENOUGH = 2000
GLOBAL_COLUMNS = "# global.columns"


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a column file.

    separator (str): The separator. See `Layout`.
    quoted (bool): Whether cells can be quoted as in CSV.
    lines (tuple[int, ...]): The line of each row.
    blocks (tuple[int, ...]): The number of blank lines and document marks before each row.
    values (tuple[tuple[str, ...], ...]): The cells of each column.
    opening (str): The first row.
    header (tuple[str, ...]): The row with the names of the columns, and a rule below it. Empty
        if there is none.
    roles (tuple[Role | None, ...]): The role of each column, if there is a header or a line
        `# global.columns`. Else empty.
    titles (tuple[str, ...]): The names of the columns, likewise.
    marks (tuple[str, ...]): The mark at the end of all cells of each column.
    rows (int): The number of rows, including those with another number of columns.
    """

    separator: str
    quoted: bool
    lines: tuple[int, ...]
    blocks: tuple[int, ...]
    values: tuple[tuple[str, ...], ...]
    opening: str = ""
    header: tuple[str, ...] = ()
    roles: tuple[Role | None, ...] = ()
    titles: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    rows: int = 0

    @property
    def columns(self) -> int:
        """RETURNS (int): The number of columns."""
        return len(self.values)

    @cached_property
    def counts(self) -> tuple[Counter[str], ...]:
        """RETURNS (tuple[Counter[str], ...]): How often each value occurs, by column."""
        return tuple(map(Counter, self.values))

    def row(self, number: int) -> str:
        """RETURNS (str): A row in quotes, for messages."""
        return shorten(" ".join(cells[number] for cells in self.values))


def read_first_rows(rows: Sequence[str], name: str, titles: Set[str] = frozenset()) -> FirstRows:
    """Split the first lines of a file into columns.

    rows (Sequence[str]): The lines.
    name (str): The file name, for errors.
    titles (Set[str]): Names of columns that are known to be in the header, in lower case.
    RETURNS (FirstRows): The table.
    RAISES: InputError if there are no columns.
    """
    lines = _content(rows)
    if not lines:
        raise InputError("contains no tagged words. Is it the right file?", path=name)
    separator = _separator([row for _, _, row in lines])
    quoted = separator != " " and _is_quoted([row for _, _, row in lines], separator)
    split = [(line, block, split_row(row, separator, quoted)) for line, block, row in lines]
    columns = Counter(len(cells) for _, _, cells in split).most_common(1)[0][0]
    if separator == "\t":
        # Cells at the end can be empty, but not in all rows.
        widths = Counter(row.count("\t") + 1 for _, _, row in lines)
        columns = min(widths.most_common(1)[0][0], max(len(cells) for *_, cells in split))
        for (*_, cells), (*_, row) in zip(split, lines):
            if len(cells) < columns:
                cells += [""] * (min(columns, row.count("\t") + 1) - len(cells))
    if columns < 2:
        line, row = next((n, row) for (n, _, row), (*_, c) in zip(lines, split) if len(c) == 1)
        raise InputError(
            f"only one column: {shorten(row)}. Each line needs a word and a tag, separated by "
            "spaces or a tab.",
            path=name,
            line=line,
        )
    names_rows = len({cells[0] for *_, cells in split}) == len(split)
    header, names, roles = _header(rows, lines[0][2], split[0][2], columns, titles, names_rows)
    if header and len(lines) > 1 and RULE.fullmatch(lines[1][2]):
        header = (*header, lines[1][2])
    table = [
        (line, block, [cell.strip(" ") for cell in cells])
        for (line, block, cells), (*_, row) in zip(split, lines)
        if len(cells) == columns and row not in header
    ]
    if not table:
        raise InputError("contains no tagged words. Is it the right file?", path=name)
    values = tuple(zip(*(cells for *_, cells in table)))
    marks = tuple(map(_mark, values)) if separator in " \t" else ()
    if any(marks):
        values = tuple(
            tuple(cell.removesuffix(mark) for cell in cells) for cells, mark in zip(values, marks)
        )
    return FirstRows(
        separator,
        quoted,
        tuple(line for line, *_ in table),
        tuple(block for _, block, _ in table),
        values,
        lines[0][2],
        header,
        roles,
        names,
        marks,
        len(lines),
    )


def _content(rows: Sequence[str]) -> list[tuple[int, int, str]]:
    """Get the rows with words: line, number of blank lines before it, and row."""
    found: list[tuple[int, int, str]] = []
    comments: list[tuple[int, int, str]] = []
    block = 0
    for line, row in enumerate(rows, start=1):
        if not row.strip() or is_docstart(row) or EMPTY.fullmatch(row):
            block += 1
        elif row[0] == "#":
            comments.append((line, block, row))
        else:
            found.append((line, block, row))
    # If all lines start with a number sign, they can be words.
    return found or [(line, block, row) for line, block, row in comments if row.strip("# \t")]


def _separator(rows: Sequence[str]) -> str:
    if 2 * sum("\t" in row for row in rows) >= len(rows):
        return "\t" if _is_even(rows, "\t") or not _is_even(rows, " ") else " "
    quoted = Counter(m["mark"] for row in rows if (m := QUOTED.fullmatch(row)))
    if quoted.total() > 0.9 * len(rows):
        return quoted.most_common(1)[0][0]
    for separator in MARKS:
        # Cells can contain spaces, as in "Sentence: 1,Oslo,B-LOC".
        if roles_of(split_row(rows[0], separator, True)) is not None:
            return separator
    if Counter(len(split_row(row, " ")) for row in rows[:ENOUGH]).most_common(1)[0][0] > 1:
        return " "
    for separator in SEPARATORS:
        columns = Counter(len(split_row(row, separator, True)) for row in rows)
        most, n = columns.most_common(1)[0]
        # Words can contain the separator.
        more = sum(n for width, n in columns.items() if width >= most)
        if most < 2 or n < 0.5 * len(rows) or more < 0.9 * len(rows):
            continue
        last = [row.rpartition(separator)[2] for row in rows]
        if separator not in UNCERTAIN or find_spelling(last):
            return separator
    return " "


def _is_even(rows: Sequence[str], separator: str) -> bool:
    """Whether almost all rows have the same number of columns."""
    columns = Counter(len(split_row(row, separator)) for row in rows)
    return columns.most_common(1)[0][1] > 0.95 * len(rows)


def _is_quoted(rows: Sequence[str], separator: str) -> bool:
    """Whether cells are quoted as in CSV: all cells of a column, or quotation marks are written
    as four."""
    rows = [row for row in rows if '"' in row]
    cells = [cell for row in rows for cell in row.split(separator)]
    if separator != "\t":
        return bool(rows)
    quoted = sum(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
    return quoted > 0.5 * len(cells) or '""""' in cells


def _header(
    rows: Sequence[str],
    first: str,
    cells: Sequence[str],
    columns: int,
    known: Set[str],
    names_rows: bool,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Role | None, ...]]:
    """Find the names of the columns. RETURNS the rows of the header, the names and the roles.

    names_rows (bool): Whether all cells of the first column are different, as row names of R."""
    plus = next((row for row in rows if row.startswith(GLOBAL_COLUMNS)), None)
    if plus is not None:
        titles = tuple(plus.partition("=")[2].split())
        if len(titles) == columns:
            return (), titles, tuple(map(role_of, titles))
    comment = next((row for row in rows if row.strip()), "")
    candidates: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        ((first,), tuple(cells)),
        ((first,), tuple(split_row(first, " "))),
    ]
    if comment[:1] == "#":
        candidates.append(((), tuple(split_row(comment.lstrip("# "), " "))))
    for header, titles in candidates:
        roles = roles_of(titles)
        if not known.isdisjoint(title.lower() for title in titles):
            roles = roles or tuple(map(role_of, titles))
        if roles is None or not columns - names_rows <= len(titles) <= columns:
            continue
        if len(titles) < columns:
            # R doesn't name the column of row names.
            titles, roles = ("", *titles), ("index", *roles)
        return header, titles, roles
    return (), (), ()


def _mark(cells: Sequence[str]) -> str:
    """Get the mark that all cells of a column end with."""
    ends = Counter(cell[-1:] for cell in cells)
    mark, n = ends.most_common(1)[0]
    is_mark = mark and mark in MARKS and n == len(cells) >= MIN_MARKED
    # Not a column of commas.
    return mark if is_mark and any(cell != mark for cell in cells) else ""
