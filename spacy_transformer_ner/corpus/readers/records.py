"""Detect the fields of records in JSON files and tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ...errors import InputError
from ..options import ReadOptions
from ..sources import shorten
from .text_records import SPANS, TextRecords
from .token_records import TokenRecords

WORDS = ("tokens", "words")
TAGS = ("ner_tags", "tags", "ner", "labels", "ner_tag", "tag")
# Number of records from which the fields are detected.
SAMPLE = 1000


def open_records(
    name: str,
    rows: Iterable[tuple[int, Any]],
    options: ReadOptions,
    labels: Callable[[], Mapping[str, Sequence[str]]],
) -> TokenRecords | TextRecords:
    """Detect the fields of records.

    name (str): The file name.
    rows (Iterable[tuple[int, Any]]): The records, each with its line or row number. Iterated
        more than once.
    options (ReadOptions): How to read the records. By default, the fields are detected.
    labels (Callable): Returns the names of numbered tags by field. The key "" is for any field.
    RETURNS (TokenRecords | TextRecords): The reader.
    RAISES: InputError if there are no records or their fields are unknown.
    """
    first = [(line, as_record(value, name, line)) for line, value in islice(rows, SAMPLE)]
    if not first:
        raise InputError("contains no records. Is it the right file?", path=name)
    line, record = first[0]
    is_text = isinstance(record.get("text"), str)
    spans = _spans_field([record for _, record in first]) if is_text else None
    words = options.word_column or next((k for k in WORDS if k in record), None)
    tags = options.tag_column or next((k for k in TAGS if _is_list(record.get(k))), None)
    records = _Named(name, rows)
    # Records of Prodigy and spaCy have text, spans and tokens.
    if is_text and options.word_column in (None, "text") and (spans or words is None):
        field = options.tag_column or spans
        if field is None:
            raise _unknown(record, "entities", name, line)
        return TextRecords(name, records, field, options)
    for field, what in ((words, "words"), (tags, "tags")):
        if field is None or field not in record:
            raise _unknown(record, what, name, line)
    assert words is not None and tags is not None
    return TokenRecords(name, records, words, tags, options, labels, first)


class _Named:
    """Validated records."""

    def __init__(self, name: str, rows: Iterable[tuple[int, Any]]):
        self.name = name
        self.rows = rows

    def __iter__(self):
        for line, value in self.rows:
            yield line, as_record(value, self.name, line)


def as_record(value: Any, name: str, line: int) -> Mapping[str, Any]:
    """Validate a record.

    value (Any): A value.
    name (str): The file name.
    line (int): The line in the file.
    RETURNS (Mapping[str, Any]): The record.
    RAISES: InputError if the value is not a record.
    """
    if isinstance(value, Mapping):
        return value
    if (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], Mapping)
    ):
        # The training format of spaCy 2.
        return {**value[1], "text": value[0]}
    raise InputError(
        f"is not a record: {shorten(repr(value), 60)}. A record has fields for words and tags, "
        "or for text and entities.",
        path=name,
        line=line,
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _spans_field(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Get the field of entities: the first one with entities, or else with an empty list."""
    empty = None
    for record in records:
        for field in SPANS:
            value = record.get(field)
            if _is_list(value):
                if value and not isinstance(value[0], str | int):
                    return field
                empty = empty or (None if value else field)
    return empty


def _unknown(record: Mapping[str, Any], what: str, name: str, line: int) -> InputError:
    fields = ", ".join(shorten(str(field), 30) for field in list(record)[:12]) or "none"
    return InputError(
        f"no field for {what} in this record (found: {fields}). Expected {' or '.join(WORDS)} "
        f"with {', '.join(TAGS)}; or text with {', '.join(SPANS)}. For other names, set "
        "--word-column and --tag-column.",
        path=name,
        line=line,
    )
