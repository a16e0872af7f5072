"""Tables with a row per entity: its offsets and label, and the text or the name of its file."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from ...errors import InputError
from .. import sources
from ..labels import labels_beside
from ..notes import Notes
from ..options import ReadOptions
from ..sources import Source, shorten, too_long
from .annotated import Annotated, AnnotatedTexts, Mention
from .delimited import Rows, Table, find_tables
from .headers import Role, role_of
from .records import open_records
from .titles import find_text, number_of, offset_columns

# pandas writes integers as 3.0 if some cells are empty.
INTEGER = re.compile(r"([0-9]{1,12})(?:\.0+)?")
# Titles of the label, the best first.
LABELS = [
    "label",
    "labels",
    "entitytype",
    "entitylabel",
    "type",
    "tag",
    "ner",
    "nertag",
    "category",
    "class",
    "entity",
]
TABLES = (".csv", ".tsv")
# Number of tables beside a text that are looked at.
MAX_TABLES = 20


@dataclass(frozen=True)
class _Columns:
    """The columns of a table of entities, counted from 0.

    start, end, label (int): Offsets and label.
    text (int | None): The text that contains the entity.
    said (int | None): The text of the entity.
    document, line (int | None): The file of the text, and the number of the line in it.
    number (int | None): The identifier of the text.
    """

    start: int
    end: int
    label: int
    text: int | None
    said: int | None
    document: int | None
    line: int | None
    number: int | None = None


def _columns(table: Table, options: ReadOptions, name: str) -> _Columns:
    titles, rows = table.titles, table.rows()
    roles = list(map(role_of, titles))
    found = offset_columns(titles)
    assert found is not None
    start, end = found
    line = next((i for i, title in enumerate(titles) if title.lower().strip() == "line"), None)
    document = next((i for i, role in enumerate(roles) if role == "document"), None)
    known = {start, end, line}
    if document is not None and not any(" " in row[document].strip() for row in rows):
        known.add(document)  # an identifier or the name of a file, and not the document itself
    given = number_of(titles, options.label_field, "--label-field", name)
    label = _label_column(titles, known | {document}, name) if given is None else given
    text = number_of(titles, options.text_field, "--text-field", name)
    if text is None and not set(range(len(titles))) <= known | {label}:
        longest = find_text(table, rows, known | {label}, name)
        fits = [
            not row[longest].strip() or len(row[longest]) + 1 >= _integer(row[end], -1)
            for row in rows
        ]
        text = longest if sum(fits) * 10 >= len(fits) * 9 else None
    if text is None:
        return _Columns(start, end, label, None, None, document, line)
    others = [i for i in range(len(titles)) if i not in known | {label, text}]
    said = next((i for i in others if _is_within(rows, i, text)), None)
    return _Columns(start, end, label, text, said, None, None, _number_column(roles, rows, text))


def _number_column(
    roles: Sequence[Role | None], rows: Sequence[Sequence[str]], text: int
) -> int | None:
    """Find the column with the identifier of the text, which is the same in all of its rows."""
    for role in ("document", "sentence", "index"):
        for i, found in enumerate(roles):
            pairs = [(a[i] == b[i]) for a, b in pairwise(rows) if a[text] == b[text]]
            if found == role and i != text and (any(pairs) or (not pairs and role != "index")):
                return i
    return None


def _label_column(titles: Sequence[str], others: Collection[int | None], name: str) -> int:
    names = [re.sub(r"[\W_]", "", title.lower()) for title in titles]
    found = [names.index(title) for title in LABELS if title in names]
    found += [i for i, title in enumerate(titles) if role_of(title) == "tag"]
    found = [i for i in found if i not in others]
    if not found:
        raise InputError(
            f"no column for the labels of the entities (found: {', '.join(titles)}). Set it with "
            "--label-field.",
            path=name,
        )
    return found[0]


def _is_within(rows: Sequence[Sequence[str]], column: int, text: int) -> bool:
    """Whether a column has the text of the entity, which is within the text."""
    cells = [(row[column], row[text]) for row in rows if row[text].strip()]
    return all(cell in whole for cell, whole in cells) and any(
        character.isalpha() for cell, _ in cells for character in cell
    )


def _integer(cell: str, default: int) -> int:
    match = INTEGER.fullmatch(cell.strip())
    return int(match[1]) if match else default


def open_entities(source: Source, encoding: str, table: Table, options: ReadOptions) -> Any:
    """Open a table with a row per entity.

    source (Source): The file.
    encoding (str): The encoding.
    table (Table): The start of the table.
    options (ReadOptions): How to read the file.
    RETURNS (TextRecords | AnnotatedTexts): The reader.
    RAISES: InputError if a column is unknown, or the texts are not found.
    """
    columns = _columns(table, options, source.name)
    if columns.text is None and columns.document is not None:
        return AnnotatedTexts(source, options, "entities of files", _parse_table, has_offsets=True)
    if columns.text is None:
        raise InputError(
            f"no column for the text or its file (found: {', '.join(table.titles)}). Set the "
            "text with --text-field.",
            path=source.name,
        )
    records = _Records(source, encoding, table, columns)
    options = replace(options, text_field=None, spans_field=None, label_field=None)
    return open_records(source.name, records, options, lambda: labels_beside(source.path))


class _Records:
    """The rows of each text as a record. If the rows of a text are not consecutive, they are
    collected in memory.

    source (Source): The file.
    encoding (str): The encoding.
    table (Table): The start of the table.
    columns (_Columns): Its columns.
    """

    def __init__(self, source: Source, encoding: str, table: Table, columns: _Columns):
        self.source = source
        self.columns = columns
        self.rows = Rows(source, encoding, table)
        self._scattered: bool | None = None

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        if self._scattered is None:
            self._scattered = self._is_scattered()
        return self._collected() if self._scattered else self._consecutive()

    def _is_scattered(self) -> bool:
        """Whether a text has rows that are not consecutive."""
        seen: set[bytes] = set()
        last = b""
        for _, text, number, _ in self._spans():
            key = f"{number} {text}".encode("utf-8", "surrogatepass")
            digest = blake2b(key, digest_size=8).digest()
            if digest != last and digest in seen:
                return True
            seen.add(digest)
            last = digest
        return False

    def _spans(self) -> Iterator[tuple[int, str, str, dict[str, Any] | None]]:
        """Yield the line, text, identifier and entity of each row."""
        c = self.columns
        assert c.text is not None
        text = number = ""
        for line, cells in self.rows:
            # Text and identifier may only be in the first of their rows.
            text = cells[c.text] if cells[c.text].strip() else text
            if c.number is not None:
                number = cells[c.number].strip() or number
            where = cells[c.start].strip(), cells[c.end].strip()
            if not any(where) or all(cell.lower() in ("nan", "none", "null") for cell in where):
                yield line, text, number, None
                continue
            start, end = (_integer(cell, -1) for cell in where)
            if start < 0 or end < 0:
                raise InputError(
                    f"expected numbers for start and end, found {shorten(' '.join(where), 40)}. "
                    "Leave both cells empty if a text has no entities.",
                    path=self.source.name,
                    line=line,
                )
            span: dict[str, Any] = {"start": start, "end": end, "label": cells[c.label].strip()}
            if c.said is not None:
                span["text"] = cells[c.said]
            yield line, text, number, span

    def _consecutive(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for (text, _), group in groupby(self._spans(), key=lambda row: row[1:3]):
            rows = list(group)
            spans = [span for *_, span in rows if span is not None]
            yield rows[0][0], {"text": text, "spans": spans}

    def _collected(self) -> Iterator[tuple[int, dict[str, Any]]]:
        records: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        size = 0
        for line, text, number, span in self._spans():
            if (text, number) not in records:
                records[text, number] = line, {"text": text, "spans": []}
                size += len(text)
            if size > sources.LONGEST_RECORD:
                raise InputError(
                    "the rows of a text are not consecutive, and the table is large. Sort it by "
                    "the text.",
                    path=self.source.name,
                    line=line,
                )
            if span is not None:
                records[text, number][1]["spans"].append(span)
        yield from records.values()


# --- entities of files, as in Amazon Comprehend ---


@dataclass(frozen=True)
class FileEntities:
    """The entities of text files in a table.

    name (str): The name of the table.
    by_line (bool): Whether each line of a file is a text, and offsets are counted from its start.
    entities (dict): File, then line, counted from 0, then the entities. The line is 0 for whole
        files.
    """

    name: str
    by_line: bool
    entities: dict[str, dict[int, list[Mention]]]

    def of(self, name: str) -> dict[int, list[Mention]] | None:
        """name (str): The name of a text file. The table may have it without .txt.
        RETURNS (dict | None): Its entities by line."""
        return self.entities.get(name, self.entities.get(name.removesuffix(".txt")))

    def is_beside(self, folder: Path) -> bool:
        """folder (Path): The folder of the table.
        RETURNS (bool): Whether it has a text file of the table."""
        names = (name for file in self.entities for name in (file, f"{file}.txt") if file)
        return any((folder / name).is_file() for name in names)


def entities_beside(path: Path) -> FileEntities | None:
    """Find the table with the entities of a text file in its folder.

    path (Path): The text file.
    RETURNS (FileEntities | None): The entities, if a table has the file, or has files whose lines
        it doesn't number.
    """
    for beside in _tables_in(path.parent, path.parent.stat().st_mtime_ns):
        found = entities_of_files(beside)
        if found is None:
            continue
        if found.of(path.name) is not None or (not found.by_line and found.is_beside(path.parent)):
            return found
    return None


@lru_cache(maxsize=4)
def _tables_in(folder: Path, changed: int) -> tuple[Path, ...]:
    tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in TABLES]
    return tuple(tables[:MAX_TABLES])


def entities_of_files(path: Path) -> FileEntities | None:
    """Read a table with entities of text files.

    path (Path): The file.
    RETURNS (FileEntities | None): The entities. None if it is not such a table, or its files are
        not in the same folder.
    """
    if not path.is_file():
        return None
    status = path.stat()
    return _entities_of_files(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _entities_of_files(path: Path, changed: int, size: int) -> FileEntities | None:
    source = Source.at(path)
    raw = source.start()
    try:
        encoding = source.encoding()
    except InputError:
        return None
    text = raw.decode(encoding, errors="ignore")
    for table in find_tables(text, is_cut=len(raw) == 1 << 16):
        if offset_columns(table.titles) is None or "document" not in map(role_of, table.titles):
            continue
        columns = _columns(table, ReadOptions(), source.name)
        if columns.text is None and columns.document is not None:
            return _read(source, encoding, table, columns)
    return None


def _read(source: Source, encoding: str, table: Table, columns: _Columns) -> FileEntities:
    entities: dict[str, dict[int, list[Mention]]] = {}
    size = 0
    assert columns.document is not None
    for line, cells in Rows(source, encoding, table):
        size += sum(map(len, cells))
        if size > sources.LONGEST_RECORD:
            raise too_long(source.name, line)
        where = [columns.start, columns.end, *([] if columns.line is None else [columns.line])]
        file = re.split(r"[/\\]", cells[columns.document].strip())[-1]
        of_file = entities.setdefault(file, {})
        if not cells[columns.start].strip():
            continue  # a file without entities
        numbers = [_integer(cells[i], -1) for i in where]
        if min(numbers) < 0:
            raise InputError(
                f"expected numbers in {', '.join(table.titles[i] for i in where)}, found "
                f"{shorten(' '.join(cells[i] for i in where), 40)}. Fix this row.",
                path=source.name,
                line=line,
            )
        start, end, *number = numbers
        label = cells[columns.label].strip()
        of_file.setdefault(number[0] if number else 0, []).append(Mention(start, end, label, line))
    return FileEntities(source.name, columns.line is not None, entities)


def open_file_of_table(source: Source, options: ReadOptions) -> AnnotatedTexts:
    """Open a text file whose entities are in a table beside it.

    source (Source): The text file.
    options (ReadOptions): How to read the file.
    RETURNS (AnnotatedTexts): The reader.
    """
    found = entities_beside(source.path)
    if found is None:
        raise InputError(
            "no table with the entities of this file in its folder, with columns like "
            "File,Line,Begin Offset,End Offset,Type.",
            path=source.name,
        )

    def parse(source: Source, encoding: str, notes: Notes) -> Iterator[Annotated]:
        return _texts(source, encoding, found)

    what = f"text with entities in {Path(found.name).name}"
    return AnnotatedTexts(source, options, what, parse, found.name, has_offsets=True)


def _parse_table(source: Source, encoding: str, notes: Notes) -> Iterator[Annotated]:
    found = entities_of_files(source.path)
    assert found is not None
    for file in found.entities:
        path = source.path.parent / file
        path = path if path.is_file() else path.with_name(f"{file}.txt")
        if not path.is_file():
            raise InputError(
                f"{file} is not in the folder of this table, which has only offsets. Put the text "
                "files beside it.",
                path=source.name,
            )
        text = Source.at(path)
        yield from _texts(text, text.encoding(), found)
    others = [path for path in source.path.parent.glob("*.txt") if found.of(path.name) is None]
    if others and not found.by_line:
        notes.add(
            "more text files are in this folder, but not in the table. If they have no entities, "
            "pass the folder to read them, too",
            1,
        )


def _texts(source: Source, encoding: str, found: FileEntities) -> Iterator[Annotated]:
    entities = found.of(source.path.name) or {}
    if not found.by_line:
        text = source.whole(encoding).replace("\r\n", "\n")
        yield Annotated(text, entities.get(0, ()), 1, source.name)
        return
    last = 0
    for last, row in enumerate(source.rows(encoding), start=1):
        mentions = entities.get(last - 1, ())
        if row.strip() or mentions:
            yield Annotated(row, mentions, last, source.name)
    beyond = [number for number in entities if number >= last]
    if beyond:
        raise InputError(
            f"has entities in line {min(beyond)} of {source.path.name}, which has {last} lines. "
            "Lines are counted from 0.",
            path=found.name,
            line=entities[min(beyond)][0].line,
        )
