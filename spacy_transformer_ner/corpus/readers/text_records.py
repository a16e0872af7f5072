"""Records with text and entity offsets, as in spaCy, Prodigy and Doccano."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

from ...errors import InputError
from ..documents import Span, TextDocument
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import shorten
from .offsets import arrange, check_characters, check_span

# Names of the field with the entities.
SPANS = ("spans", "ents", "entities", "label", "labels")
STARTS = ("start", "start_offset", "start_char")
ENDS = ("end", "end_offset", "end_char")
LABELS = ("label", "type", "entity", "entity_group")


class TextRecords:
    """Reads records with a text and a list of entities with character offsets.

    name (str): The file name.
    records (Iterable[tuple[int, Mapping]]): The records, each with its line or row number.
        Iterated more than once.
    field (str): The field with the entities.
    options (ReadOptions): How to read the records.
    """

    encoding: str | None = None
    tags = None
    marks_documents = True

    def __init__(
        self,
        name: str,
        records: Iterable[tuple[int, Mapping[str, Any]]],
        field: str,
        options: ReadOptions,
    ):
        self.name = name
        self.records = records
        self.field = field
        self.options = options
        self._notes = Notes(name)

    @property
    def format(self) -> str:
        """RETURNS (str): The format, in words."""
        return f"records of text and {self.field}"

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        return self._notes.notes()

    def __iter__(self) -> Iterator[TextDocument]:
        self._notes = Notes(self.name)
        found = False
        for line, record in self.records:
            if record.get("answer") not in (None, "accept"):
                self._notes.add("records rejected or ignored in Prodigy were skipped", line)
                continue
            document = self._document(record, line)
            if document is None:
                self._notes.add("empty texts were skipped", line)
                continue
            found = True
            yield document
        if not found:
            raise InputError("contains no texts. Is it the right file?", path=self.name)

    def _document(self, record: Mapping[str, Any], line: int) -> TextDocument | None:
        text = record.get("text")
        if not isinstance(text, str):
            raise self._wrong(f"expected a string in text, found {shorten(repr(text), 40)}.", line)
        check_characters(text, self.name, line)
        if not text.strip():
            return None
        value = record.get(self.field)
        if value is None:
            others = [f for f in SPANS if f != self.field and _holds_entities(record.get(f))]
            if others:
                raise self._wrong(
                    f"entities are in {others[0]} here, but in {self.field} in earlier records. "
                    "Use the same field in all records.",
                    line,
                )
            self._notes.add(f"records without {self.field} were read as having no entities", line)
        if value is not None and not isinstance(value, list | tuple):
            raise self._wrong(
                f"expected a list in {self.field}, found {shorten(repr(value), 40)}.", line
            )
        spans = [(self._span(entry, text, line), line) for entry in value or ()]
        return TextDocument(
            text=text,
            entities=arrange(spans, text, self.name, self.options.overlaps, self._notes),
            path=self.name,
            line=line,
            tokens=self._tokens(record.get("tokens"), text, line),
            sentences=self._sentences(record.get("sents"), text, line),
        )

    def _span(self, entry: Any, text: str, line: int) -> Span:
        start = end = label = said = None
        if isinstance(entry, Mapping):
            start, end, label = (
                next((entry[field] for field in fields if field in entry), None)
                for fields in (STARTS, ENDS, LABELS)
            )
            said = entry.get("text")
        elif isinstance(entry, list | tuple) and len(entry) >= 3:
            start, end, label = entry[:3]
        if not (_is_offset(start) and _is_offset(end) and isinstance(label, str)):
            raise self._wrong(
                f"expected an entity with start, end and label, found {shorten(repr(entry), 60)}.",
                line,
            )
        said = said if isinstance(said, str) else None
        return check_span(start, end, label, said, text, self.name, line)

    def _tokens(self, tokens: Any, text: str, line: int) -> tuple[tuple[int, int], ...] | None:
        if not isinstance(tokens, list | tuple) or not tokens:
            return None
        offsets: list[tuple[int, int]] = []
        position = 0
        for token in tokens:
            start, end = (
                (token.get("start"), token.get("end")) if isinstance(token, Mapping) else (-1, -1)
            )
            if (
                not (_is_offset(start) and _is_offset(end))
                or not position <= start < end <= len(text)
                or text[position:start].strip()
            ):
                raise self._wrong(
                    f"the token {shorten(repr(token), 60)} doesn't match the text, or text before "
                    "it is in no token. Fix tokens, or remove the field.",
                    line,
                )
            offsets.append((start, end))
            position = end
        if text[position:].strip():
            raise self._wrong(
                f"tokens end before the text: {shorten(text[position:], 40)} is in no token. Fix "
                "tokens, or remove the field.",
                line,
            )
        return tuple(offsets)

    def _sentences(self, sents: Any, text: str, line: int) -> tuple[int, ...] | None:
        if not isinstance(sents, list | tuple) or not sents:
            return None
        starts: list[Any] = [s.get("start") if isinstance(s, Mapping) else None for s in sents]
        if not all(_is_offset(start) and start < len(text) for start in starts):
            raise self._wrong(
                f"expected sents with a start within the text, found {shorten(repr(sents), 60)}.",
                line,
            )
        return tuple(starts)

    def _wrong(self, message: str, line: int) -> InputError:
        return InputError(message, path=self.name, line=line)


def _holds_entities(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and not isinstance(value[0], str | int)


def _is_offset(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
