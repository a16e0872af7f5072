"""Find the places of values in the text of a JSON file."""

import json
from collections.abc import Iterator

from ..corpus.readers.json_values import NOT_WHITESPACE, PAIR

Range = tuple[int, int]
_DECODE = json.JSONDecoder().raw_decode
# The fields of an object that can hold the records, see `json_values.JsonRecords`.
HOLDERS = ("data", "records")


def record_ranges(text: str) -> Iterator[tuple[int, Range]]:
    """Find the records of a JSON file that `json_values.JsonRecords` reads.

    text (str): The text: JSON Lines, an array of records, an object with an array of records,
        or concatenated records. It is valid.
    YIELDS (tuple[int, Range]): The line of a record, counted from 1, and its characters.
    """
    position, line, is_first = skip(text, 0), 1, True
    line += text.count("\n", 0, position)
    if text[position : position + 1] == "[" and not PAIR.match(text, position):
        before = position
        for start, end in element_ranges(text, position):
            line += text.count("\n", before, start)
            before = start
            yield line, (start, end)
        return
    while position < len(text):
        value, end = _DECODE(text, position)
        holder = _holder(text, position, value) if is_first and isinstance(value, dict) else None
        if holder is None:
            yield line, (position, end)
        else:
            for each in element_ranges(text, holder[0]):
                yield line, each
        following = skip(text, end)
        line += text.count("\n", position, following)
        position, is_first = following, False


def _holder(text: str, start: int, value: dict) -> Range | None:
    if {"text", "tokens", "words"} & value.keys():
        return None
    name = next((name for name in HOLDERS if isinstance(value.get(name), list)), None)
    return None if name is None else member_ranges(text, start)[name]


def member_ranges(text: str, start: int) -> dict[str, Range]:
    """Find the members of an object.

    text (str): The text.
    start (int): The place of the opening brace.
    RETURNS (dict[str, Range]): The characters of each value, by key.
    """
    found: dict[str, Range] = {}
    position = skip(text, start + 1)
    while text[position] != "}":
        key, position = _DECODE(text, position)
        position = skip(text, skip(text, position) + 1)  # the colon
        _, end = _DECODE(text, position)
        found[key] = position, end
        position = skip(text, end)
        if text[position] == ",":
            position = skip(text, position + 1)
    return found


def element_ranges(text: str, start: int) -> list[Range]:
    """Find the elements of an array.

    text (str): The text.
    start (int): The place of the opening bracket.
    RETURNS (list[Range]): The characters of each element.
    """
    found: list[Range] = []
    position = skip(text, start + 1)
    # As when reading, missing and duplicate commas are tolerated.
    while text[position] != "]":
        if text[position] == ",":
            position = skip(text, position + 1)
            continue
        _, end = _DECODE(text, position)
        found.append((position, end))
        position = skip(text, end)
    return found


def skip(text: str, position: int) -> int:
    """text (str): A text.
    position (int): A place in it.
    RETURNS (int): The next place that is not whitespace, or the end."""
    match = NOT_WHITESPACE.search(text, position)
    return match.start() if match else len(text)
