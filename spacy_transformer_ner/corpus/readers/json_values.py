"""JSON read value by value: lines, an array of records, or records one after
the other, whatever the size of the file."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ...errors import InputError
from .. import sources
from ..sources import Source, shorten, too_long

CHUNK = 1 << 16
BLANKS = " \t\r\n\ufeff"
# What spaCy 2 was trained on: a text and what is in it.
PAIR = re.compile(r"\[\s*\"")
# The next character that is no blank, or the end.
NO_BLANK = re.compile(f"[^{BLANKS}]|\\Z")


class JsonRecords:
    """The records of a JSON file, read again at each iteration. Where they all are in one
    field of an object, as in {"version": …, "data": […]}, they are those.

    source (Source): The file.
    encoding (str): Its encoding.
    """

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        first = True
        for line, value in json_values(self.source, self.encoding):
            inner = _inner(value) if first and isinstance(value, dict) else None
            if inner is not None:
                for record in inner:
                    yield line, record
            else:
                yield line, value
            first = False


def _inner(value: dict[str, Any]) -> list | None:
    if {"text", "tokens", "words"} & value.keys():
        return None
    return next((value[f] for f in ("data", "records") if isinstance(value.get(f), list)), None)


def json_values(source: Source, encoding: str) -> Iterator[tuple[int, Any]]:
    """Read the values of a JSON Lines or JSON file, or the elements of the array
    that a JSON file consists of.

    source (Source): The file.
    encoding (str): Its encoding.
    YIELDS (tuple[int, Any]): The line each starts on, from 1, and the value.
    RAISES: InputError, naming the line, where it is no JSON, or a value is longer than a
        record may be.
    """
    if _has_a_value_a_line(source, encoding):
        for line, row in enumerate(source.rows(encoding), start=1):
            if row.strip(BLANKS):
                try:
                    yield line, json.loads(row)
                except (ValueError, RecursionError) as error:
                    raise _not_json(source, line, error, row) from None
    else:
        yield from _Stream(source, encoding)


def _has_a_value_a_line(source: Source, encoding: str) -> bool:
    try:
        with source.text(encoding) as text:
            while row := text.readline(CHUNK):
                row = row.lstrip(BLANKS)
                if row:
                    # An array may be one line, however large.
                    row += (
                        text.readline(sources.LONGEST_RECORD)
                        if row[0] == "{" and row[-1] != "\n"
                        else ""
                    )
                    return row[0] == "{" and isinstance(json.loads(row), dict)
    except (ValueError, RecursionError, LookupError):
        pass  # What is wrong is said when it is read.
    return False


class _Stream:
    """Values one after the other, in an array or not, read by chunks."""

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
                    position = NO_BLANK.search(buffer, position).start()  # type: ignore
                    line += buffer.count("\n", start, position)
                    mark = buffer[position : position + 1]
                    if mark and in_array and mark in ",]":
                        # Strictly a comma parts elements; a missing or doubled
                        # one is no reason to lose a corpus over.
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
                            # A number may go on in the next chunk.
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
                    # Doubled, so that a long record is not begun anew too often.
                    wanted = min(2 * wanted, sources.LONGEST_RECORD)
                if in_array:
                    raise InputError(
                        "the array of records is not closed. Is the file cut off?",
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
        f"is not JSON ({said}): {shorten(text, 60)}. Mend this record.",
        path=source.name,
        line=line,
    )
