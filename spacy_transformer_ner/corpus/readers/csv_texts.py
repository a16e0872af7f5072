"""Tables with a row per text, and a list of its entities or of its tags in a cell."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...errors import InputError
from ..labels import labels_beside
from ..options import ReadOptions
from ..sources import Source, shorten
from ..spelling import TAG, looks_bare
from .candidates import ANNOTATORS
from .delimited import Rows, Table
from .fields import simple
from .headers import role_of
from .literals import looks_like_literal, parse_literal
from .records import TAGS, open_records
from .titles import find_text, is_start, number_of
from .token_fields import are_spelled

# What a column can contain: lists of entities, of tags, of words, of nothing; or tags that are
# separated by spaces.
SPANS, TAG_LISTS, WORD_LISTS, EMPTY_LISTS, SPLIT_TAGS = "spans", "tags", "words", "none", "split"

# Separators of tags in a cell.
SEPARATORS = re.compile(r"\s*,\s*|\s+")
# What titles of columns say. Words are rather in the first ones, and never in the others.
LIKELY = ("word", "text", "sentence", "document")
UNWANTED = ("other", "tag", "gold", "prediction", "misc", "offset", "index")


def contents(cells: Sequence[str]) -> str:
    """Get what the cells of a column contain.

    cells (Sequence[str]): The cells.
    RETURNS (str): One of the constants above, or "".
    """
    filled = [cell for cell in cells if cell.strip()]
    literal = [cell for cell in filled if looks_like_literal(cell)]
    if not filled:
        return ""
    if len(literal) * 10 >= len(filled) * 9:
        values = [value for value in map(_peek, literal[:200]) if value]
        flat = [inner for value in values for inner in value[:50]]
        if not values:
            empty = sum(cell.strip() in ("[]", "{}", "()") for cell in literal)
            return EMPTY_LISTS if empty * 2 > len(literal) else ""
        if all(isinstance(value, str) for value in flat):
            is_tags = all(map(TAG.fullmatch, flat)) or looks_bare(flat) or are_spelled(flat)
            return TAG_LISTS if is_tags else WORD_LISTS
        if all(isinstance(value, int) for value in flat):
            return TAG_LISTS
        return SPANS if any(map(_has_offsets, flat)) else ""
    tags = [SEPARATORS.split(cell.strip()) for cell in filled]
    flat = [tag for cell in tags for tag in cell]
    # Not a text such as "b O".
    is_tags = all(map(TAG.fullmatch, flat)) or (max(map(len, flat)) > 1 and are_spelled(flat))
    return SPLIT_TAGS if max(map(len, tags)) > 1 and is_tags else ""


def _peek(cell: str) -> list[Any]:
    """RETURNS (list[Any]): The list in a cell, or the object as a list. Empty if there is none."""
    try:
        value = _entities_of(parse_literal(cell))
    except ValueError:
        return []
    if isinstance(value, dict):
        return [value] if value else []
    return list(value) if isinstance(value, list | tuple) else []


def _entities_of(value: Any) -> Any:
    """RETURNS (Any): The list in the format of spaCy 2, {"entities": […]}, or the value."""
    return value["entities"] if isinstance(value, dict) and "entities" in value else value


def _has_offsets(value: Any) -> bool:
    if isinstance(value, dict):
        return any(is_start(str(key)) for key in value) or any(map(_has_offsets, value.values()))
    if isinstance(value, list | tuple):
        numbers = [v for v in value if isinstance(v, int) and not isinstance(v, bool)]
        return len(numbers) > 1 or any(map(_has_offsets, value))
    return False


def open_texts(source: Source, encoding: str, table: Table, options: ReadOptions) -> Any:
    """Open a table with a row per text.

    source (Source): The file.
    encoding (str): The encoding.
    table (Table): The start of the table.
    options (ReadOptions): How to read the file.
    RETURNS (TokenRecords | TextRecords): The reader.
    RAISES: InputError if the columns are ambiguous.
    """
    held = [contents(column) for column in zip(*table.rows())]
    of_tags = [i for i, what in enumerate(held) if what in (TAG_LISTS, SPLIT_TAGS)]
    has_spans = SPANS in held or options.spans_field is not None
    if options.tag_column is not None or (of_tags and not has_spans):
        return _open_tags(source, encoding, table, options, held)
    return _open_spans(source, encoding, table, options, held)


class Records:
    """The rows of a table as records. The file is read again at each iteration.

    rows (Rows): The rows.
    make (Callable): Makes a record from the line and the cells of a row.
    """

    def __init__(self, rows: Rows, make: Callable[[int, list[str]], dict[str, Any]]):
        self.rows = rows
        self.make = make

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for line, cells in self.rows:
            yield line, self.make(line, cells)


def _open_tags(
    source: Source, encoding: str, table: Table, options: ReadOptions, held: list[str]
) -> Any:
    titles, name = table.titles, source.name
    roles = list(map(role_of, titles))
    given = number_of(titles, options.tag_column, "--tag-column", name)
    tag = _tag_column(titles, held, name) if given is None else given
    given = number_of(titles, options.word_column, "--word-column", name)
    word = _word_column(table, tag, held, name) if given is None else given
    document = next(
        (i for i, r in enumerate(roles) if r == "document" and i not in (word, tag)), None
    )
    # Label lists are named after the title.
    field = titles[tag]

    def record(line: int, cells: list[str]) -> dict[str, Any]:
        made = {
            "tokens": _list(cells[word], titles[word], line, name),
            field: _list(cells[tag], field, line, name),
        }
        return made if document is None else {**made, "doc_id": cells[document]}

    options = replace(options, word_column="tokens", tag_column=field)
    records = Records(Rows(source, encoding, table), record)
    return open_records(name, records, options, lambda: labels_beside(source.path))


def _tag_column(titles: Sequence[str], held: list[str], name: str) -> int:
    roles = list(map(role_of, titles))
    found = [i for i, what in enumerate(held) if what in (TAG_LISTS, SPLIT_TAGS)]
    named = [i for i in found if titles[i].lower() in TAGS or roles[i] in ("tag", "gold")]
    found = named or [i for i in found if roles[i] != "other"] or found
    if len(found) > 1:
        raise _ambiguous(titles, found, "tags", "--tag-column", name)
    return found[0]


def _word_column(table: Table, tag: int, held: list[str], name: str) -> int:
    """Find the column with the words: it has as many as there are tags, and is no other property
    of the words."""
    rows = table.rows()
    counts = [_count(row[tag]) for row in rows]
    found = []
    for i, title in enumerate(table.titles):
        role = role_of(title)
        same = sum(_count(row[i]) == count for row, count in zip(rows, counts))
        if (
            i != tag
            and held[i] in ("", WORD_LISTS)
            and role not in UNWANTED
            and same * 10 >= len(rows) * 9
        ):
            found.append((LIKELY.index(role) if role in LIKELY else len(LIKELY), i))
    found.sort()
    if len(found) > 1 and found[0][0] == found[1][0]:
        likely = [i for rank, i in found if rank == found[0][0]]
        raise _ambiguous(table.titles, likely, "words", "--word-column", name)
    if not found:
        raise InputError(
            f"no column has as many words as {table.titles[tag]} has tags (found: "
            f"{', '.join(table.titles)}). Set it with --word-column, and the tags with "
            "--tag-column.",
            path=name,
        )
    return found[0][1]


def _count(cell: str) -> int:
    try:
        return len(_list(cell, "", 0, ""))
    except (InputError, TypeError):
        return -1


def _list(cell: str, title: str, line: int, name: str) -> Any:
    """RETURNS (list): The list in a cell, or its parts that are separated by spaces, or tags
    that are separated by commas."""
    if looks_like_literal(cell):
        return _parse(cell, title, line, name)
    tags = SEPARATORS.split(cell.strip())
    return tags if all(map(TAG.fullmatch, tags)) else cell.split()


def _parse(cell: str, title: str, line: int, name: str) -> Any:
    try:
        return _entities_of(parse_literal(cell))
    except ValueError:
        raise InputError(
            f"the cell {title} is not a list in JSON or Python: {shorten(cell, 60)}. Fix it.",
            path=name,
            line=line,
        ) from None


def _open_spans(
    source: Source, encoding: str, table: Table, options: ReadOptions, held: list[str]
) -> Any:
    name = source.name
    _check_annotators(table, name)
    # Titles are unique, because they are fields of records.
    titles = [
        t if t not in table.titles[:i] else f"{t} {i + 1}" for i, t in enumerate(table.titles)
    ]

    def record(line: int, cells: list[str]) -> dict[str, Any]:
        made: dict[str, Any] = dict(zip(titles, cells))
        for title, what in zip(titles, held):
            if what in (SPANS, EMPTY_LISTS):
                cell = made[title]
                made[title] = _parse(cell, title, line, name) if cell.strip() else []
        return made

    records = Records(Rows(source, encoding, table), record)
    folder = source.path.parent
    return open_records(name, records, options, lambda: labels_beside(source.path), folder)


def _check_annotators(table: Table, name: str) -> None:
    """Raise an error if texts have a row for each annotator."""
    column = next((i for i, t in enumerate(table.titles) if simple(t) in ANNOTATORS), None)
    if column is None:
        return
    rows = table.rows()
    text = find_text(table, rows, [column], name)
    seen: dict[str, str] = {}
    for row in rows:
        if seen.setdefault(row[text], row[column]) != row[column] and row[text].strip():
            raise InputError(
                f"{shorten(row[text], 40)} has a row for each annotator: {seen[row[text]]} and "
                f"{row[column]} in {table.titles[column]}. Keep the rows of one.",
                path=name,
            )


def _ambiguous(
    titles: Sequence[str], found: Sequence[int], what: str, option: str, name: str
) -> InputError:
    return InputError(
        f"more than one column has {what}: {', '.join(titles[i] for i in found)}. Set it with "
        f"{option}.",
        path=name,
    )
