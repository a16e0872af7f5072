"""Stream JSON values: JSON Lines, an array of records, or concatenated records."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ...errors import InputError
from .. import sources
from ..sources import Source, shorten, too_long

CHUNK = 1 << 16
WHITESPACE = " \t\r\n\ufeff"
# The training format of spaCy 2: [text, annotations].
PAIR = re.compile(r"\[\s*\"")
# The next character that is not whitespace, or the end.
NOT_WHITESPACE = re.compile(f"[^{WHITESPACE}]|\\Z")


class JsonRecords:
    """The records of a JSON file, which is read again at each iteration.

    source (Source): The file.
    encoding (str): The encoding.
    """

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        return json_values(self.source, self.encoding)


def json_values(source: Source, encoding: str) -> Iterator[tuple[int, Any]]:
    """Read the values of a JSON Lines or JSON file. If a JSON file is an array, read its elements.

    source (Source): The file.
    encoding (str): The encoding.
    YIELDS (tuple[int, Any]): The first line of the value, counted from 1, and the value.
    RAISES: InputError with the line, if it is not valid JSON, or a value is longer than
        LONGEST_RECORD.
    """
    if _is_json_lines(source, encoding):
        for line, row in enumerate(source.rows(encoding), start=1):
            if row.strip(WHITESPACE):
                try:
                    yield line, json.loads(row)
                except (ValueError, RecursionError) as error:
                    raise _not_json(source, line, error, row) from None
    else:
        yield from _Stream(source, encoding)


def _is_json_lines(source: Source, encoding: str) -> bool:
    try:
        with source.text(encoding) as text:
            while row := text.readline(CHUNK):
                row = row.lstrip(WHITESPACE)
                if row:
                    # Don't read the rest of an array, which may be one large line.
                    if row[0] == "{" and row[-1] != "\n":
                        row += text.readline(sources.LONGEST_RECORD)
                    if row[0] == "[":
                        # A list per line, and not one of records.
                        after = text.readline(CHUNK).strip(WHITESPACE)
                        return after[:1] == "[" and isinstance(json.loads(row), list)
                    return row[0] == "{" and isinstance(json.loads(row), dict)
    except (ValueError, RecursionError, LookupError):
        pass  # Errors are reported when the file is read.
    return False


class _Stream:
    """Reads concatenated values, or the elements of an array, in chunks."""

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        decode = json.JSONDecoder().raw_decode
        buffer, position, line, wanted = "", 0, 1, CHUNK
        in_array = began = at_end = False
        try:
            with self.source.text(self.encoding) as text:
                while True:
                    start = position
                    position = NOT_WHITESPACE.search(buffer, position).start()  # type: ignore[union-attr]
                    line += buffer.count("\n", start, position)
                    mark = buffer[position : position + 1]
                    if mark and in_array and mark in ",]":
                        # Tolerate missing and duplicate commas between elements.
                        in_array = mark != "]"
                        position += 1
                        continue
                    if mark == "[" and not began and not PAIR.match(buffer, position):
                        in_array = began = True
                        position += 1
                        continue
                    if mark:
                        try:
                            value, end = decode(buffer, position)
                            # A number may continue in the next chunk.
                            whole = at_end or end < len(buffer)
                        except RecursionError as error:
                            raise _not_json(self.source, line, error, buffer[position:]) from None
                        except ValueError as error:
                            whole = False
                            if len(buffer) - position > sources.LONGEST_RECORD:
                                raise too_long(self.source.name, line) from None
                            if at_end:
                                raise _not_json(
                                    self.source, line, error, buffer[position:]
                                ) from None
                        if whole:
                            if end - position > sources.LONGEST_RECORD:
                                raise too_long(self.source.name, line)
                            began = True
                            yield line, value
                            line += buffer.count("\n", position, end)
                            position, wanted = end, CHUNK
                            continue
                    if at_end:
                        break
                    chunk = text.read(wanted)
                    at_end = not chunk
                    buffer, position = buffer[position:] + chunk, 0
                    # Double the size, so that a long record is not parsed again too often.
                    wanted = min(2 * wanted, sources.LONGEST_RECORD)
                if in_array:
                    raise InputError(
                        "the array of records is not closed. Is the file truncated?",
                        path=self.source.name,
                        line=line,
                    )
        except (UnicodeError, LookupError) as error:
            raise self.source.undecodable(self.encoding, error, line) from None


def _not_json(source: Source, line: int, error: Exception, text: str) -> InputError:
    if isinstance(error, json.JSONDecodeError):
        line += error.doc.count("\n", len(error.doc) - len(text), error.pos)
        said = f"{error.msg}, column {error.colno}"
    else:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return InputError(
        f"is not JSON ({said}): {shorten(text, 60)}. Fix this record.",
        path=source.name,
        line=line,
    )
