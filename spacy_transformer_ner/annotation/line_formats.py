"""Input formats that are read line by line, with offsets in bytes."""

import csv
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO

from ..corpus import sources
from ..corpus.readers.tables import import_pyarrow
from ..corpus.sources import BOM, Recoded, reading
from ..errors import InputError
from .formats import Failure, Fields, Format, InputFile, Row, check_columns


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
                yield end, Failure(_not_utf8(error))
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
            yield 1, Failure(_not_utf8(error))


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
    """A .csv file with a header. Fields may contain line breaks, so the csv module
    finds the rows; pyarrow's reader rejects a whole block for one bad row, and cannot start
    in the middle of a file."""

    delimiter = ","

    def __init__(self, file: InputFile, fields: Fields):
        super().__init__(file, fields)
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

    def types(self) -> dict[str, Any]:
        """As of `Format`: everything is a string."""
        return dict.fromkeys(self.fields.carry, import_pyarrow().string())

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

        reader = csv.reader(lines(), delimiter=self.delimiter)
        while True:
            try:
                record: list[str] | Failure = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = Failure(f"cannot be read: {error}. Check for an unclosed quote")
                reader = csv.reader(lines(), delimiter=self.delimiter)
            begin = end
            yield end, record


class TsvFile(CsvFile):
    """A .tsv file with a header."""

    delimiter = "\t"


def _not_utf8(error: UnicodeDecodeError) -> str:
    return f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start:,}"
