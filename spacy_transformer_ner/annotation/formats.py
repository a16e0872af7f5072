"""Input formats: files of texts, read row by row from any offset.

Each format has two methods: `ends(start)` yields where each row ends, as cheaply as possible,
to plan the chunks, and `rows(start)` reads the rows. Offsets are bytes, or rows in formats
without byte offsets. A row that cannot be read is a Failure; a file that cannot be read
raises an InputError.
"""

import csv
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..corpus import sources
from ..corpus.readers.formats import looks_like_json
from ..corpus.readers.json_values import JsonRecords
from ..corpus.readers.tables import open_parquet
from ..corpus.sources import BOM, Recoded, Source, reading
from ..errors import InputError

BATCH = 1000


@dataclass(frozen=True)
class Fields:
    """The columns or keys to read.

    text (str): The column or key of the text.
    id (str | None): The column or key of the text's ID.
    carry (tuple[str, ...]): The columns or keys to copy to the output.
    text_per (str): Whether a .txt file has one text per "line", or is one text ("file").
    """

    text: str = "text"
    id: str | None = None
    carry: tuple[str, ...] = ()
    text_per: Literal["line", "file"] = "line"

    @property
    def names(self) -> list[str]:
        """RETURNS (list[str]): All columns or keys, each once."""
        return list(dict.fromkeys([self.text, *([self.id] if self.id else []), *self.carry]))


@dataclass(frozen=True)
class InputFile:
    """A file to annotate.

    name (str): The path as the user passed it.
    path (str): The absolute path.
    size (int): The size in bytes.
    modified (int): When it was last modified, in nanoseconds.
    """

    name: str
    path: str
    size: int
    modified: int

    @property
    def zipped(self) -> bool:
        """RETURNS (bool): Whether it is gzipped, by its name."""
        return self.name.endswith(".gz")


@dataclass(frozen=True)
class Failure:
    """A row that cannot be read.

    reason (str): The reason.
    """

    reason: str


# A record, a failure, or None for a blank line.
Row = Mapping[str, Any] | Failure | None


class Format(ABC):
    """A file of one format.

    file (InputFile): The file.
    fields (Fields): The columns or keys to read.
    """

    def __init__(self, file: InputFile, fields: Fields):
        self.file = file
        self.fields = fields
        self.source = Source(Path(file.path), file.name)
        # The encoding, if it is not UTF-8.
        self.encoding: str | None = None

    @property
    def seekable(self) -> bool:
        """RETURNS (bool): Whether it can be read from an offset without reading from the start."""
        return False

    @abstractmethod
    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """start (int): The offset to start at.
        YIELDS (tuple[int, float]): Where each row ends, and its size in bytes.
        RAISES: InputError if the file cannot be read."""

    @abstractmethod
    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """start (int): The offset to start at.
        YIELDS (tuple[int, Row]): Where each row ends, and the row.
        RAISES: InputError if the file cannot be read."""


class TextLines(Format):
    """A .txt file with one text per line. Blank lines are texts too, so that line numbers are
    row numbers."""

    @property
    def seekable(self) -> bool:
        """RETURNS (bool): As of `Format`."""
        return not self.file.zipped

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`."""
        for end, _, length in self._lines(start):
            yield end, length

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        for end, line, length in self._lines(start):
            if length > sources.LONGEST_RECORD:
                limit = f"{sources.LONGEST_RECORD:,}"
                yield end, Failure(f"a line of {length:,} bytes: the limit is {limit}")
                continue
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                yield end, Failure(not_utf8(error))
                continue
            yield end, self._record(text.removesuffix("\n").removesuffix("\r").removeprefix(BOM))

    def _record(self, line: str) -> Row:
        return {self.fields.text: line}

    def _lines(self, start: int) -> Iterator[tuple[int, bytes, int]]:
        """Where each line ends, its first LONGEST_RECORD bytes, and its length."""
        longest = sources.LONGEST_RECORD
        with reading(self.file.name), self._open() as file:
            if start:
                file.seek(start)
            end = start
            while line := file.readline(longest):
                length, part = len(line), line
                while len(part) == longest and part[-1:] != b"\n":
                    part = file.readline(longest)
                    length += len(part)
                end += length
                yield end, line, length

    def _open(self) -> BinaryIO:
        return self.source.open() if self.encoding is None else Recoded(self.source, self.encoding)


class WholeText(TextLines):
    """A .txt file that is one text."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`."""
        if start == 0:
            yield 1, self.file.size

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        if start > 0:
            return
        with reading(self.file.name), self._open() as file:
            content = file.read(sources.LONGEST_RECORD + 1)
        if len(content) > sources.LONGEST_RECORD:
            yield 1, Failure(f"more than {sources.LONGEST_RECORD:,} bytes")
            return
        try:
            yield 1, self._record(content.decode("utf-8").removeprefix(BOM))
        except UnicodeDecodeError as error:
            yield 1, Failure(not_utf8(error))


class JsonLines(TextLines):
    """A .jsonl file. Blank lines are skipped."""

    def _record(self, line: str) -> Row:
        if not line.strip():
            return None
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            return Failure(f"is not JSON: {error}")
        return record if isinstance(record, dict) else Failure("is not a JSON object")


class CsvFile(TextLines):
    """A .csv or .tsv file with a header. Fields may contain line breaks, so the csv module
    finds the rows; pyarrow's reader rejects a whole block for one bad row, and cannot start
    in the middle of a file."""

    def __init__(self, file: InputFile, fields: Fields):
        super().__init__(file, fields)
        self._delimiter = "\t" if kind_of(file.name) == ".tsv" else ","
        csv.field_size_limit(sources.LONGEST_RECORD)

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`."""
        _, body = self._header
        start = max(start, body)
        for end, _ in self._records(start):
            yield end, end - start
            start = end

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        columns, body = self._header
        for end, record in self._records(max(start, body)):
            if isinstance(record, list):
                if not record:
                    yield end, None
                elif len(record) == len(columns):
                    yield end, dict(zip(columns, record))
                else:
                    n = len(columns)
                    yield end, Failure(f"has {len(record)} fields, but the header has {n}")
            else:
                yield end, record

    @cached_property
    def _header(self) -> tuple[list[str], int]:
        """The column names, and where the rows start."""
        for end, record in self._records(0):
            if isinstance(record, Failure):
                raise InputError(f"has no header: {record.reason}", path=self.file.name)
            if record:
                record[0] = record[0].removeprefix(BOM)
                check_columns(self.file, self.fields, record)
                return record, end
        return self.fields.names, 0

    def _records(self, start: int) -> Iterator[tuple[int, list[str] | Failure]]:
        end = begin = start
        found = self._lines(start)

        def lines() -> Iterator[str]:
            nonlocal end
            for end, line, _ in found:  # noqa: B007, read by the callers
                if end - begin > sources.LONGEST_RECORD:
                    raise csv.Error(f"a record of more than {sources.LONGEST_RECORD:,} bytes")
                # Invalid UTF-8 is reported only for fields that are read, see `to_text`.
                yield line.decode("utf-8", "surrogateescape")

        reader = csv.reader(lines(), delimiter=self._delimiter)
        while True:
            try:
                record: list[str] | Failure = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = Failure(f"cannot be read: {error}. Check for an unclosed quote")
                reader = csv.reader(lines(), delimiter=self._delimiter)
            begin = end
            yield end, record


class JsonFile(Format):
    """A .json file: an array of records, or one record after the other. Offsets count
    records."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of records."""
        records, damage = 0, None
        try:
            for records, _ in self.rows(0):  # noqa: B007, read below
                pass
        except InputError as error:
            damage = error
        for row in range(start, records):
            yield row + 1, self.file.size / records
        if damage is not None:
            raise damage

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        records = JsonRecords(self.source, self.encoding or "utf-8-sig")
        for end, (_, record) in enumerate(records, start=1):
            if end > start:
                yield end, record if isinstance(record, dict) else Failure("is not a JSON object")


class ParquetFile(Format):
    """A Parquet file. Offsets count rows."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of rows."""
        with self._open() as parquet:
            rows = parquet.metadata.num_rows
        for row in range(start, rows):
            yield row + 1, self.file.size / rows

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        with self._open() as parquet:
            # Skip the row groups that end before the offset.
            first, groups = 0, list(range(parquet.metadata.num_row_groups))
            while groups and first + (n := parquet.metadata.row_group(groups[0]).num_rows) <= start:
                first += n
                del groups[0]
            batches = parquet.iter_batches(BATCH, row_groups=groups, columns=self.fields.names)
            for batch in batches:
                skipped = min(max(start - first, 0), len(batch))
                yield from enumerate(_records(batch.slice(skipped)), start=first + skipped + 1)
                first += len(batch)

    def types(self) -> dict[str, Any]:
        """RETURNS (dict[str, pyarrow.DataType]): The types of the carried columns."""
        with self._open() as parquet:
            return {name: parquet.schema_arrow.field(name).type for name in self.fields.carry}

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with open_parquet(self.file.path, self.file.name) as parquet:
            check_columns(self.file, self.fields, parquet.schema_arrow.names)
            yield parquet


class DocBinInput(Format):
    """A .spacy file. Only the texts are used, not their tokens or annotations. Values of
    `Doc.user_data` with string keys can be carried. Offsets count Docs."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of Docs."""
        with reading(self.file.name, ".spacy", Exception):
            docs = len(DocBin().from_disk(self.file.path))
        for row in range(start, docs):
            yield row + 1, self.file.size / docs

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        with reading(self.file.name, ".spacy", Exception):
            docs = DocBin(store_user_data=True).from_disk(self.file.path).get_docs(Vocab())
            for end, doc in enumerate(docs, start=1):
                if end > start:
                    carried = {k: v for k, v in doc.user_data.items() if isinstance(k, str)}
                    yield end, {**carried, self.fields.text: doc.text}


INPUT_FORMATS: dict[str, type[Format]] = {
    ".txt": TextLines,
    ".jsonl": JsonLines,
    ".json": JsonFile,
    ".csv": CsvFile,
    ".tsv": CsvFile,
    ".parquet": ParquetFile,
    ".spacy": DocBinInput,
}
# The formats that may be gzipped.
LINES = (".txt", ".jsonl", ".json", ".csv", ".tsv")


def open_format(file: InputFile, fields: Fields) -> Format:
    """file (InputFile): A file. If its name has no known suffix, it is JSON or text, by its
        first bytes.
    fields (Fields): The columns or keys to read.
    RETURNS (Format): The reader."""
    kind = kind_of(file.name)
    if not kind:
        start = Source(Path(file.path), file.name).start()
        kind = ".json" if looks_like_json(start) else ".txt"
    made = INPUT_FORMATS[kind]
    return (WholeText if made is TextLines and fields.text_per == "file" else made)(file, fields)


def kind_of(name: str) -> str:
    """name (str): The name of a file.
    RETURNS (str): Its suffix, a key of INPUT_FORMATS; empty if it has none of them."""
    bare = name.removesuffix(".gz")
    suffix = os.path.splitext(bare)[1].lower()
    return suffix if suffix in INPUT_FORMATS and (bare == name or suffix in LINES) else ""


def _records(batch: Any) -> list[Row]:
    """The rows of a pyarrow.RecordBatch, validated first: damaged data can crash the
    process."""
    try:
        batch.validate(full=True)
        return batch.to_pylist()
    except ValueError as error:
        if len(batch) == 1:
            return [Failure(" ".join(str(error).split())[:200])]
        return [row for i in range(len(batch)) for row in _records(batch.slice(i, 1))]


def not_utf8(error: UnicodeDecodeError) -> str:
    """error (UnicodeDecodeError): The error.
    RETURNS (str): The reason of a Failure."""
    return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start:,}"


def check_columns(file: InputFile, fields: Fields, columns: Iterable[str]) -> None:
    """Check that a file has all columns or keys.

    file (InputFile): The file.
    fields (Fields): The columns or keys to read.
    columns (Iterable[str]): The columns or keys of the file.
    RAISES: InputError if one is missing.
    """
    columns = list(columns)
    missing = [name for name in fields.names if name not in columns]
    if missing:
        raise InputError(
            f"has no {' or '.join(map(repr, missing))}, only "
            f"{', '.join(map(repr, columns[:20]))}. Set the names with --text, --id and --carry.",
            path=file.name,
        )
