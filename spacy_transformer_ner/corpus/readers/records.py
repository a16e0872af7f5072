"""Detect the fields of records in JSON files and tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..notes import Notes
from ..options import ReadOptions
from ..sources import shorten
from ..spelling import TAG
from .candidates import has_text_and_spans, names_text_file
from .dialects import DialectReader, find_dialect
from .fields import SHOWN, get, is_list, join
from .find_fields import PREDICTED, find_text_fields
from .text_files import TextFiles
from .text_records import SPANS, TextFields, TextRecords, holds_entities
from .token_fields import TAGS, WORDS, columns_to_rows, find_token_fields, tagged_pairs, usual_tags
from .token_records import TokenRecords

# Number of records from which the fields are detected.
SAMPLE = 1000
# Usual names of a list of records in an object.
LISTS = ("data", "records", "rows", "examples", "documents", "items")
# Fields of text next to which a list of records is not looked for.
USUAL_TEXTS = ("text", "content", "document", "sentence", "textcontent")


def open_records(
    name: str,
    rows: Iterable[tuple[int, Any]],
    options: ReadOptions,
    labels: Callable[[], Mapping[str, Sequence[str]]],
    folder: Path | None = None,
) -> TokenRecords | TextRecords:
    """Detect the fields of records.

    name (str): The file name.
    rows (Iterable[tuple[int, Any]]): The records, each with its line or row number. Iterated
        more than once.
    options (ReadOptions): How to read the records. By default, the fields are detected.
    labels (Callable): Returns the names of numbered tags by field. The key "" is for any field.
    folder (Path | None): The folder of the file, for text files that the records name.
    RETURNS (TokenRecords | TextRecords): The reader.
    RAISES: InputError if there are no records or their fields are unknown.
    """
    records = Records(name, rows, options)
    first = records.first
    if not first:
        skipped = "".join(f" {note.count:,} {note.message}." for note in records.notes.notes())
        raise InputError(
            f"contains no annotated records. Is it the right file?{skipped}", path=name
        )
    kind = records.kind
    if records.takes_text_field:
        options = replace(options, text_field=None)
    text_file = None if folder is None else TextFiles(folder, name)
    if options.text_field or options.spans_field:
        fields = find_text_fields(name, first, options, text_file)
        if fields is None:
            raise _unknown(first[0][1], "entities", name, first[0][0])
        return TextRecords(name, records, fields, options, labels, first, kind)
    line, record = first[0]
    words = options.word_column or next((k for k in WORDS if k in record), None)
    tags = options.tag_column or usual_tags(first, words)
    is_text = isinstance(record.get("text"), str) and options.word_column in (None, "text")
    # Records of Prodigy and spaCy have text, spans and tokens.
    if is_text and (words is None or any(_holds_spans(record) for _, record in first)):
        given = options.tag_column
        if given is not None:
            fields = TextFields(given)
        else:
            fields = find_text_fields(name, first, options, text_file)
        if fields is None:
            raise _unknown(record, "entities", name, line)
        return TextRecords(name, records, fields, options, labels, first, kind)
    if words is None or tags is None:
        if options.word_column is None and options.tag_column is None:
            fields = find_text_fields(name, first, options, text_file)
            if fields is not None:
                return TextRecords(name, records, fields, options, labels, first, kind)
        words, tags = find_token_fields(name, first, words, tags)
    for field, what in ((words, "words"), (tags, "tags")):
        if field is None or field not in record:
            raise _unknown(record, what, name, line)
    assert words is not None and tags is not None
    return TokenRecords(name, records, words, tags, options, labels, first, kind)


def _holds_spans(record: Mapping[str, Any]) -> bool:
    return any(is_list(v := record.get(f)) and (not v or holds_entities(v)) for f in SPANS)


class Records:
    """Validated records. Records in the fields of an object, lists of columns, and the formats of
    tools are converted to records with a text or words.

    name (str): The file name.
    rows (Iterable[tuple[int, Any]]): The values, each with its line. Iterated more than once.
    options (ReadOptions): How to read the records.

    first (list[tuple[int, Mapping]]): The first records.
    RAISES: InputError if it contains several lists of records, or a format that is refused.
    """

    def __init__(self, name: str, rows: Iterable[tuple[int, Any]], options: ReadOptions):
        self.name = name
        self.rows = rows
        self.notes = Notes(name)
        head = list(islice(rows, SAMPLE))
        self._path = _path_of_records(name, head, options)
        self._has_several = len(head) > 1
        self._has_columns = any(
            columns_to_rows(inner, name, line) is not None
            for line, value in head
            for inner in islice(_at(value, self._path), 1)
        )
        sample = list(islice(self._plain(head), SAMPLE))
        dialect = find_dialect(sample, name)
        self._reader = None
        if dialect is not None:
            self._reader = DialectReader(dialect, name, options, sample, self._plain)
        self.first = list(islice(self._converted(sample), SAMPLE))

    @property
    def kind(self) -> str | None:
        """RETURNS (str | None): The format, in words, if it is the format of a tool."""
        return None if self._reader is None else self._reader.dialect.name

    @property
    def takes_text_field(self) -> bool:
        """RETURNS (bool): Whether the format has read the field of the text in the options."""
        return self._reader is not None and self._reader.dialect.takes_text_field

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        self.notes = Notes(self.name)
        return iter(self._converted(self._plain()))

    def _converted(
        self, records: Iterable[tuple[int, Mapping[str, Any]]]
    ) -> Iterable[tuple[int, Mapping[str, Any]]]:
        """Convert the records of a tool."""
        reader = self._reader
        if reader is None:
            return records
        return (
            (line, made)
            for line, record in records
            for made in reader.read(record, line, self.notes)
        )

    def _plain(
        self, rows: Iterable[tuple[int, Any]] | None = None
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the records as the file has them."""
        for line, value in self.rows if rows is None else rows:
            if self._path is None and not self._has_columns and value is not None:
                yield line, as_record(value, self.name, line)
                continue
            for inner in _at(value, self._path):
                if inner is None:
                    self.notes.add("records that are null were skipped", line)
                    continue
                columns = columns_to_rows(inner, self.name, line) if self._has_columns else None
                if columns is None:
                    yield line, as_record(inner, self.name, line)
                    continue
                for row in columns:
                    yield line, {"document_id": line, **row} if self._has_several else row


def _at(value: Any, path: str | None) -> Iterable[Any]:
    if path is None:
        return (value,)
    inner = path.removesuffix("*").removesuffix(".")
    found = get(value, inner) if inner else value
    if isinstance(found, Mapping):
        return found.values() if path.endswith("*") else (found,)
    return found if is_list(found) else (value,)


def _path_of_records(
    name: str, first: Sequence[tuple[int, Any]], options: ReadOptions
) -> str | None:
    """Find the list of records in an object. The path ends with * if an object maps names to
    records. None if the values are records."""
    objects = [(line, value) for line, value in first[:20] if isinstance(value, Mapping)]
    if len(objects) < len(first[:20]) or not objects:
        return None
    if any(columns_to_rows(value, name, line) is not None for line, value in objects):
        return None
    if len(objects) == 1 and _are_records(list(objects[0][1].values())):
        return "*"
    if any(_is_record(value, USUAL_TEXTS) for _, value in objects):
        return None
    found: list[str] = []
    for line, value in objects:
        found = list(_inner(value, "", 3))
        if len(found) > 1:
            found = [path for path in found if not PREDICTED.search(path)]
        if len(found) > 1:
            raise InputError(
                f"contains several lists of records ({', '.join(found[:SHOWN])}). Save each list "
                "in a file of its own.",
                path=name,
                line=line,
            )
        if found:
            return found[0]
    given = [f for f in (options.text_field, options.word_column) if f is not None]
    for _, value in objects:
        # Records whose fields are not known.
        if any(get(value, field) is not None for field in given):
            return None
        for key in LISTS:
            if is_list(value.get(key)) and all(isinstance(v, Mapping) for v in value[key]):
                return key
    return None


def _inner(value: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    if prefix and _are_records(list(value.values())):
        yield join(prefix, "*")
        return
    for key, inner in value.items():
        path = join(prefix, key)
        if is_list(inner):
            if any(_is_record(v) for v in inner[:20]):
                yield path
            elif depth and inner and isinstance(inner[0], Mapping):
                # Records in lists of lists, e.g. the documents of collections.
                yield from (p for p in _inner(inner[0], path, depth - 1) if p != path)
        elif isinstance(inner, Mapping) and depth:
            yield from [path] if _is_record(inner) else _inner(inner, path, depth - 1)


def _are_records(values: Sequence[Any]) -> bool:
    """Whether these are the records of an object that maps names to records."""
    return len(values) > 1 and all(isinstance(v, Mapping) and _is_record(v) for v in values[:20])


def _is_record(value: Any, texts: Sequence[str] | None = None) -> bool:
    try:
        record = as_record(value, "", 0)
    except InputError:
        return False
    if find_dialect([(0, record)], None) is not None:
        return True
    if any(k in record for k in WORDS) and any(is_list(record.get(k)) for k in TAGS):
        return True
    if texts is None and names_text_file(record):
        return True
    return has_text_and_spans(record, texts)


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
    if is_list(value) and len(value) >= 2 and isinstance(value[0], str):
        # The training format of spaCy 2: text, annotation, and anything else.
        if isinstance(value[1], Mapping):
            return {**value[1], "text": value[0]}
        if is_list(value[1]) and (not value[1] or holds_entities(value[1])):
            return {"text": value[0], "entities": value[1]}
    if (pairs := tagged_pairs(value)) is not None:
        return pairs
    if is_list(value) and value and all(isinstance(token, Mapping) for token in value):
        return {"tokens": value}
    raise InputError(
        f"is not a record: {shorten(repr(value), 60)}. A record has fields for words and tags, "
        "or for text and entities.",
        path=name,
        line=line,
    )


def _unknown(record: Mapping[str, Any], what: str, name: str, line: int) -> InputError:
    fields = ", ".join(shorten(str(field), 30) for field in list(record)[:SHOWN]) or "none"
    advice = (
        f"Expected {' or '.join(WORDS)} with {', '.join(TAGS)}; or text with {', '.join(SPANS)}. For "
        "other names, set --word-column and --tag-column, or --text-field and --spans-field."
    )
    if all(isinstance(value, str | int | float | None) for value in record.values()):
        texts = [value for value in record.values() if isinstance(value, str)]
        if any(TAG.fullmatch(value) for value in texts):
            advice = (
                "It seems to be a word with its tag. Save the words as CSV with a header, or write "
                "a record per sentence, with a list of words and a list of tags."
            )
        elif any(" " in value for value in texts):
            advice = f"It seems to be a text without annotation. {advice}"
    return InputError(
        f"no field for {what} in this record (found: {fields}). {advice}",
        path=name,
        line=line,
    )
