"""Records with text and entity offsets, as in spaCy, Prodigy and Doccano."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...errors import InputError
from ..documents import Span, TextDocument
from ..labels import by_number
from ..notes import Note, Notes
from ..options import Offsets, ReadOptions
from ..sources import shorten
from ..tags import Seen
from .counting import (
    DESCRIPTIONS,
    Evidence,
    all_fit,
    explained,
    place,
    refuse_other_offsets,
)
from .entities import Discontinuous, Entry, EntryFields, NoEntity, entries
from .fields import get, is_list, parsed
from .offsets import COVERED, LEFT_OUT, PARTS, arrange, check_characters, check_span
from .pieces import are_pieces, merge_pieces
from .text_tokens import read_sentences, read_tokens

# Number of entities from which offsets and labels are detected.
SAMPLE = 5000
# Names of the field with the entities.
SPANS = ("spans", "ents", "entities", "label", "labels", "annotations")
# Values of "answer" (Prodigy) and "status" (Argilla) of records that are not labelled.
UNUSED = {"reject", "ignore", "rejected", "ignored", "discarded", "skipped"}


@dataclass(frozen=True)
class TextFields:
    """The fields of records of text.

    spans (str): The field of the entities, as a path.
    text (str): The field of the text, as a path.
    entry (EntryFields): The fields of an entity.
    others (tuple[str, ...]): Other fields that can have entities.
    read_text (Callable | None): Reads the text from the file that the field names.
    """

    spans: str
    text: str = "text"
    entry: EntryFields = EntryFields()
    others: tuple[str, ...] = ()
    read_text: Callable[[str, int], str] | None = None


class TextRecords:
    """Reads records with a text and a list of entities with offsets.

    name (str): The file name.
    records (Iterable[tuple[int, Mapping]]): The records, each with its line or row number.
        Iterated more than once.
    fields (TextFields): The fields of text and entities.
    options (ReadOptions): How to read the records.
    labels (Callable): Returns the names of numbered labels by field. The key "" is for any field.
    first (Sequence[tuple[int, Mapping]]): The first records.
    kind (str | None): The format, in words.
    RAISES: InputError if labels are numbers without names, or offsets are not counted as set.
    """

    encoding: str | None = None
    tags = None
    marks_documents = True

    def __init__(
        self,
        name: str,
        records: Iterable[tuple[int, Mapping[str, Any]]],
        fields: TextFields,
        options: ReadOptions,
        labels: Callable[[], Mapping[str, Sequence[str]]],
        first: Sequence[tuple[int, Mapping[str, Any]]],
        kind: str | None = None,
    ):
        self.name = name
        self.records = records
        self.fields = fields
        self.options = options
        self.kind = kind
        self._notes = Notes(name)
        self._evidence = Evidence()
        sample = (
            (line, text, entry)
            for line, record in first
            for text, found in [self._text_and_entries(record, line)]
            if isinstance(text, str)
            for entry in found
        )
        found = list(islice(sample, SAMPLE))
        for line, text, entry in found:
            self._evidence.add(text, entry.start, entry.end, entry.said, line)
        self.offsets: Offsets = options.offsets or self._evidence.told() or "characters"
        self._told = Seen()
        self._refuse_other_offsets()
        self._names = self._names_of([(line, entry) for line, _, entry in found], labels)
        kinds = {str(entry.label) for _, _, entry in found}
        self._in_pieces = are_pieces(kinds)

    @property
    def format(self) -> str:
        """RETURNS (str): The format, in words."""
        found = f"records of {self.fields.text} and {self.fields.spans}"
        if self.kind is not None:
            found = self.kind
        if self.offsets != "characters":
            found += f", offsets {DESCRIPTIONS[self.offsets]}"
        return found

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        found = self._notes.notes()
        more = getattr(self.records, "notes", None)
        return [*(more.notes() if isinstance(more, Notes) else ()), *found]

    def __iter__(self) -> Iterator[TextDocument]:
        self._notes = Notes(self.name)
        self._evidence = Evidence()
        self._told = Seen()
        found = False
        for line, record in self.records:
            if record.get("answer") not in (None, "accept"):
                self._notes.add("records rejected or ignored in Prodigy were skipped", line)
                continue
            if isinstance(status := record.get("status"), str) and status.lower() in UNUSED:
                self._notes.add(f"records with the status {status} were skipped", line)
                continue
            document = self._document(record, line)
            if document is None:
                self._notes.add("empty texts were skipped", line)
                continue
            found = True
            yield document
        if not found:
            raise InputError("contains no texts. Is it the right file?", path=self.name)
        self._refuse_other_offsets()
        self._note_offsets()

    def _document(self, record: Mapping[str, Any], line: int) -> TextDocument | None:
        text, raw = self._text_and_entries(record, line)
        if not isinstance(text, str):
            raise self._wrong(
                f"expected a string in {self.fields.text}, found {shorten(repr(text), 40)}.", line
            )
        check_characters(text, self.name, line)
        if not text.strip():
            return None
        value = parsed(get(record, self.fields.spans))
        self._check_other_fields(record, value, line)
        if value is None:
            self._notes.add(
                f"records without {self.fields.spans} were read as having no entities", line
            )
        found = [self._located(entry, text, line) for entry in raw]
        if self._in_pieces:
            for _ in found:
                self._notes.add(
                    "pieces labelled with tags like B-PER were merged to entities", line
                )
            found = merge_pieces(found, text)
        spans = [(self._span(entry, text, line), line) for entry in found]
        tokens = sents = None
        if "." not in self.fields.text:
            sents = record.get("sents")
            tokens = None if self.fields.spans == "tokens" else record.get("tokens")
        return TextDocument(
            text=text,
            entities=arrange(spans, text, self.name, self.options.overlaps, self._notes),
            path=self.name,
            line=line,
            tokens=read_tokens(tokens, text, self.name, line),
            sentences=read_sentences(sents, text, self.name, line),
        )

    def _text_and_entries(
        self, record: Mapping[str, Any], line: int
    ) -> tuple[Any, Sequence[Entry]]:
        """Get the text, and the entities with the offsets of the file. In a browser, a Windows line
        end is one character: if the entities only fit so, the line ends are changed."""
        text = get(record, self.fields.text)
        if isinstance(text, str) and self.fields.read_text is not None:
            text = self.fields.read_text(text, line)
        found = self._entries(record, line)
        if not isinstance(text, str) or "\r\n" not in text or self.options.offsets is not None:
            return text, found
        unix = text.replace("\r\n", "\n")
        if not all_fit(text, found) and all_fit(unix, found):
            self._notes.add(
                "texts have Windows line ends that offsets count as one character", line
            )
            return unix, found
        return text, found

    def _check_other_fields(self, record: Mapping[str, Any], value: Any, line: int) -> None:
        """Refuse a record that has entities in another field than earlier records."""
        if value:
            return
        for field in self.fields.others:
            if field != self.fields.spans and holds_entities(record.get(field)):
                raise self._wrong(
                    f"entities are in {field} here, but in {self.fields.spans} in earlier "
                    "records. Use the same field in all records.",
                    line,
                )

    def _entries(self, record: Mapping[str, Any], line: int) -> list[Entry]:
        """Read the entities of a record, with the offsets of the file."""
        value = parsed(get(record, self.fields.spans))
        if value is None:
            return []
        if not is_list(value) and not isinstance(value, Mapping):
            raise self._wrong(
                f"expected a list in {self.fields.spans}, found {shorten(repr(value), 40)}.", line
            )
        try:
            in_parts: list[Any] | None = None if self.options.of_parts == "refuse" else []
            cover = self.options.of_parts == "cover"
            found = list(entries(value, self.fields.entry, in_parts, cover=cover))
        except NoEntity as error:
            found = error.args[0]
            given = self.options.label_field
            raise self._wrong(
                "expected an entity with start, end and "
                + ("label" if given is None else f"a label in {given}")
                + f", found {shorten(repr(found), 60)}.",
                line,
            ) from None
        except Discontinuous:
            raise self._wrong(
                f"an entity is discontinuous, which spaCy doesn't support. {PARTS}", line
            ) from None
        except RecursionError:
            raise self._wrong("is nested too deeply. Fix this record.", line) from None
        for _ in in_parts or ():
            self._notes.add(COVERED if cover else LEFT_OUT, line)
        return found

    def _located(self, entry: Entry, text: str, line: int) -> Entry:
        """Convert the offsets of an entity to characters."""
        if self.offsets == "characters":
            if self.options.offsets is None:
                self._evidence.add(text, entry.start, entry.end, entry.said, line)
            return entry
        if self.options.offsets is None:
            self._told.add(line)
        at = place(text, entry.start, entry.end, self.offsets)
        if at is None:
            raise self._wrong(
                f"the offset {entry.start} or {entry.end} is within a character, if offsets are "
                f"counted {DESCRIPTIONS[self.offsets]}. Set another way with --offsets.",
                line,
            )
        return Entry(*at, entry.label, entry.said)

    def _span(self, entry: Entry, text: str, line: int) -> Span:
        try:
            return check_span(
                entry.start, entry.end, self._label(entry, line), entry.said, text, self.name, line
            )
        except InputError as error:
            found = None
            if self.options.offsets is None and self.offsets == "characters":
                found = explained(text, entry.start, entry.end, entry.said)
            if found is None:
                raise
            message = str(error).removeprefix(f"{self.name}:{line}: ")
            raise self._wrong(
                f"{message} If they are counted {DESCRIPTIONS[found]}, set --offsets {found}.",
                line,
            ) from None

    def _label(self, entry: Entry, line: int) -> str:
        label = entry.label
        if isinstance(label, str) and not label.isdecimal():
            return label
        if self._names is None:
            self._notes.add(
                "entities have a number as their label. Pass the names of the numbers, like "
                "--labels 1=PER,2=LOC, or put the list of labels beside the file, as labels.json",
                line,
            )
            return str(label)
        name = self._names.get(int(label))
        if name is None:
            raise self._wrong(
                f"the label {label} has no name. Pass the names of all numbers with --labels "
                f"{label}=PER,…",
                line,
            )
        return name

    def _names_of(
        self,
        found: Sequence[tuple[int, Entry]],
        labels: Callable[[], Mapping[str, Sequence[str]]],
    ) -> dict[int, str] | None:
        """Get the names of numbered labels. None if labels are names, or have none."""
        lines = {
            int(entry.label): line
            for line, entry in reversed(found)
            if isinstance(entry.label, int) or entry.label.isdecimal()
        }
        listed: Sequence[str] | None = self.options.labels
        if listed is None and any(isinstance(entry.label, int) for _, entry in found):
            known = labels()
            listed = known.get(self.fields.spans) or known.get("")
        if not lines or listed is None:
            return None
        named = by_number(listed, set(lines))
        if named is None:
            raise self._wrong(
                f"the labels {', '.join(map(str, sorted(lines)[:8]))} are numbers, and it is "
                f"not certain which of the {len(listed)} names they stand for. Pass them as "
                f"--labels {min(lines)}=PER,…",
                lines[min(lines)],
            )
        return named

    def _refuse_other_offsets(self) -> None:
        """Refuse the file if its offsets are probably not counted in characters."""
        if self.options.offsets is not None or self.offsets != "characters":
            return
        refuse_other_offsets(self._evidence, self.name)
        cut = self._evidence.cut
        line = cut.lines[0] if cut.lines else None
        if self._evidence.late():
            raise InputError(
                f"{cut.count:,} of {self._evidence.entities:,} entities start after the first "
                "letter of a word. Are offsets counted from 1, with an exclusive end? Subtract 1 "
                "from each start and end. If they are right, set --offsets characters.",
                path=self.name,
                line=line,
            )

    def _note_offsets(self) -> None:
        self._notes.take(
            f"entities have offsets {DESCRIPTIONS[self.offsets]}, as their texts show, and were "
            f"read so. To be explicit, set --offsets {self.offsets}",
            self._told,
        )
        cut = self._evidence.cut
        if cut.count > 1 and cut.count > 0.01 * self._evidence.entities:
            self._notes.take(
                f"of {self._evidence.entities:,} entities start or end within a word. Check their "
                "offsets, or set --offsets",
                cut,
            )

    def _wrong(self, message: str, line: int) -> InputError:
        return InputError(message, path=self.name, line=line)


def holds_entities(value: Any) -> bool:
    """value (Any): The value of a field.
    RETURNS (bool): Whether it is a list of things that can be entities."""
    return is_list(value) and bool(value) and not isinstance(value[0], str | int)
