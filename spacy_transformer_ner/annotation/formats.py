"""Files of texts, read a row at a time from any place in them.

Each format has two methods. `ends(start)` goes over the rows from a place on and says
where each ends, as cheaply as it can: work is planned by it. `rows(start)` reads them.
A place is a number of bytes, or of rows where a file's bytes say nothing. A row that
cannot be read is a Failure, not an exception; a file that cannot be is an InputError.
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
    """What is taken of a record.

    text (str): The column or key that holds the text.
    id (str | None): That of the text's id.
    carry (tuple[str, ...]): Those that are carried through.
    text_per (str): Whether a .txt file is a text a "line", or one by "file".
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

    name (str): What the user calls it.
    path (str): Its absolute path.
    size (int): Its bytes.
    modified (int): When it was changed last, in nanoseconds.
    """

    name: str
    path: str
    size: int
    modified: int

    @property
    def zipped(self) -> bool:
        """RETURNS (bool): Whether it is gzipped, going by its name."""
        return self.name.endswith(".gz")


@dataclass(frozen=True)
class Failure:
    """A row that gives no text.

    reason (str): Why.
    """

    reason: str


# What a row may be: a record, a failure, or nothing (a blank line of JSON Lines).
Row = Mapping[str, Any] | Failure | None


class Format(ABC):
    """A file of a known kind.

    file (InputFile): The file.
    fields (Fields): What is taken of it.
    """

    def __init__(self, file: InputFile, fields: Fields):
        self.file = file
        self.fields = fields
        self.source = Source(Path(file.path), file.name)
        # What its text is in, if it is not UTF-8.
        self.encoding: str | None = None

    @property
    def seekable(self) -> bool:
        """RETURNS (bool): Whether it can be read from a place without what is before it."""
        return False

    @abstractmethod
    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """start (int): Where to start.
        YIELDS (tuple[int, float]): Where each row ends, and how much of the file it is,
            in bytes.
        RAISES: InputError if the file cannot be read."""

    @abstractmethod
    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """start (int): Where to start.
        YIELDS (tuple[int, Row]): Where each row ends, and what it is.
        RAISES: InputError if the file cannot be read."""


class TextLines(Format):
    """A .txt file with a text a line. A blank line is a text too, so that the number
    of a line is that of its text."""

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
                yield end, Failure(f"a line of {length:,} bytes: a record has {limit} at most")
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
        """Where each line ends, as much of it as is to be kept, and its length."""
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
    """A .jsonl file. Blank lines are nothing."""

    def _record(self, line: str) -> Row:
        if not line.strip():
            return None
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            return Failure(f"is not JSON: {error}")
        return record if isinstance(record, dict) else Failure("is no JSON object")


class CsvFile(TextLines):
    """A .csv or .tsv file with a header. Fields may hold line breaks, so rows are
    found by the csv module; pyarrow's reader would refuse a whole block for one bad
    row, and cannot start in the middle of a file."""

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
                    yield end, Failure(f"has {len(record)} fields, and the header has {n}")
            else:
                yield end, record

    @cached_property
    def _header(self) -> tuple[list[str], int]:
        """The names of the columns, and where the rows start."""
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
                # What is not UTF-8 is found in the field where it stands.
                yield line.decode("utf-8", "surrogateescape")

        reader = csv.reader(lines(), delimiter=self._delimiter)
        while True:
            try:
                record: list[str] | Failure = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = Failure(f"cannot be read: {error}. Is a quote not closed?")
                reader = csv.reader(lines(), delimiter=self._delimiter)
            begin = end
            yield end, record


class JsonFile(Format):
    """A .json file: an array of records, or one record after the other. Its places are
    numbers of records."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, of records of average size."""
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
    """A Parquet file. Its places are numbers of rows."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, of rows of average size."""
        with self._open() as parquet:
            rows = parquet.metadata.num_rows
        for row in range(start, rows):
            yield row + 1, self.file.size / rows

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        with self._open() as parquet:
            # Row groups that end before are not read.
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
    """A .spacy file, for its texts: their tokens and what is set on them is not used.
    What `Doc.user_data` holds under a name can be carried. Its places are numbers of
    Docs."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, of Docs of average size."""
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
# These may be gzipped.
LINES = (".txt", ".jsonl", ".json", ".csv", ".tsv")


def open_format(file: InputFile, fields: Fields) -> Format:
    """file (InputFile): A file. Where its name does not tell its kind, its first bytes say
        whether it is JSON or text.
    fields (Fields): What is taken of it.
    RETURNS (Format): What reads it."""
    kind = kind_of(file.name)
    if not kind:
        start = Source(Path(file.path), file.name).start()
        kind = ".json" if looks_like_json(start) else ".txt"
    made = INPUT_FORMATS[kind]
    return (WholeText if made is TextLines and fields.text_per == "file" else made)(file, fields)


def kind_of(name: str) -> str:
    """name (str): The name of a file.
    RETURNS (str): Its kind, one of INPUT_FORMATS; empty if it is of none."""
    bare = name.removesuffix(".gz")
    suffix = os.path.splitext(bare)[1].lower()
    return suffix if suffix in INPUT_FORMATS and (bare == name or suffix in LINES) else ""


def _records(batch: Any) -> list[Row]:
    """The rows of a pyarrow.RecordBatch, each checked: what is damaged could end the
    process."""
    try:
        batch.validate(full=True)
        return batch.to_pylist()
    except ValueError as error:
        if len(batch) == 1:
            return [Failure(" ".join(str(error).split())[:200])]
        return [row for i in range(len(batch)) for row in _records(batch.slice(i, 1))]


def not_utf8(error: UnicodeDecodeError) -> str:
    """error (UnicodeDecodeError): What was raised.
    RETURNS (str): The reason."""
    return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start:,}"


def check_columns(file: InputFile, fields: Fields, columns: Iterable[str]) -> None:
    """See that a file has what is to be taken of it.

    file (InputFile): The file.
    fields (Fields): What is taken of it.
    columns (Iterable[str]): What it has.
    RAISES: InputError, saying what there is, if something is missing.
    """
    columns = list(columns)
    missing = [name for name in fields.names if name not in columns]
    if missing:
        raise InputError(
            f"has no {' nor '.join(map(repr, missing))}, but {', '.join(map(repr, columns[:20]))}. "
            "Name what it has with --text, --id and --carry.",
            path=file.name,
        )
