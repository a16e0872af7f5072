"""JSON read value by value: lines, an array of records, or records one after
the other, whatever the size of the file."""

import json
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from .sources import Source, shorten

CHUNK = 1 << 16
# A record that is longer is taken for a bracket that is never closed.
MAX_RECORD = 1 << 26
BLANKS = " \t\r\n"


def json_values(source: Source, encoding: str) -> Iterator[tuple[int, Any]]:
    """Read the values of a JSON Lines or JSON file, or the elements of the array
    that a JSON file consists of.

    source (Source): The file.
    encoding (str): Its encoding.
    YIELDS (tuple[int, Any]): The line each starts on, from 1, and the value.
    RAISES: InputError, naming the line, where it is no JSON.
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
    for row in source.rows(encoding):
        if row.strip(BLANKS):
            try:
                return isinstance(json.loads(row), dict | list) and row.lstrip(BLANKS)[0] == "{"
            except (ValueError, RecursionError):
                return False
    return False


class _Stream:
    """Values one after the other, in an array or not, read by chunks."""

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        decoder = json.JSONDecoder()
        buffer, line, wanted = "", 1, CHUNK
        in_array = first = False
        try:
            with self.source.text(self.encoding) as text:
                at_end = False
                while True:
                    stripped = buffer.lstrip(BLANKS)
                    line += buffer.count("\n", 0, len(buffer) - len(stripped))
                    buffer = stripped
                    if buffer and in_array and buffer[0] in ",]":
                        # Strictly a comma parts elements; a missing or doubled
                        # one is no reason to lose a corpus over.
                        in_array = buffer[0] != "]"
                        buffer, first = buffer[1:], False
                        continue
                    if buffer and buffer[0] == "[" and not in_array and not first:
                        in_array, first, buffer = True, True, buffer[1:]
                        continue
                    if buffer:
                        try:
                            value, end = decoder.raw_decode(buffer)
                            # A number may go on in the next chunk.
                            whole = at_end or end < len(buffer)
                        except RecursionError as error:
                            raise _not_json(self.source, line, error, buffer) from None
                        except ValueError as error:
                            whole = False
                            if at_end or len(buffer) > MAX_RECORD:
                                raise _not_json(self.source, line, error, buffer) from None
                        if whole:
                            yield line, value
                            line += buffer.count("\n", 0, end)
                            buffer, wanted = buffer[end:], CHUNK
                            continue
                    if at_end:
                        break
                    chunk = text.read(wanted)
                    at_end = not chunk
                    buffer += chunk
                    # Doubled, so that a long record is not begun anew too often.
                    wanted = min(2 * wanted, MAX_RECORD)
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
        line += error.lineno - 1
        said = f"{error.msg}, column {error.colno}"
    else:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return InputError(
        f"is not JSON ({said}): {shorten(text, 60)}. Mend this record.",
        path=source.name,
        line=line,
    )
