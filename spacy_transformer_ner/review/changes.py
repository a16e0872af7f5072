"""Changes of corpus files, and text files that keep everything else byte for byte."""

import gzip
import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from spacy.tokens import Doc, Span

from ..corpus.origin import place_of
from ..corpus.sources import GZIP, Source, reading, shorten
from ..errors import InputError

# The fields of an entity in the records of spaCy, Prodigy and Doccano.
STARTS = ("start", "start_offset", "start_char")
ENDS = ("end", "end_offset", "end_char")
LABELS = ("label", "type", "entity", "entity_group", "labels", "hypertextlabels")
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
UTF_32 = {b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be"}


class Ent(NamedTuple):
    """An entity of a document.

    start, end (int): The character offsets.
    label (str): The label.
    """

    start: int
    end: int
    label: str


def unchangeable(name: str, line: int | None = None) -> InputError:
    """Create the error for a file that can be read, but not changed in place.

    name (str): The file name.
    line (int | None): The line, if it is about one record.
    RETURNS (InputError): The error.
    """
    return InputError(
        f"the entities of this {'file' if line is None else 'record'} cannot be changed in place. "
        "Convert the file with `spacy ner convert`, and apply the review to the .spacy file.",
        path=name,
        line=line,
    )


def read_entry(entry: Any) -> Ent | None:
    """Read an entity of a record of spaCy, Prodigy, Doccano or Label Studio.

    entry (Any): An object, an object with such an object as value, or a list of start, end and
        label.
    RETURNS (Ent | None): The entity with the offsets of the record. None if it has another form.
    """
    start = end = label = None
    if isinstance(entry, Mapping) and isinstance(entry.get("value"), Mapping):
        entry = entry["value"]
    if isinstance(entry, Mapping):
        start, end, label = (
            next((entry[key] for key in keys if key in entry), None)
            for keys in (STARTS, ENDS, LABELS)
        )
        if isinstance(label, list) and len(label) == 1:
            label = label[0]
    elif isinstance(entry, list) and len(entry) >= 3:
        start, end, label = entry[:3]
    if not (_is_offset(start) and _is_offset(end) and isinstance(label, str)):
        return None
    return Ent(start, end, label)


def _is_offset(value: Any) -> TypeGuard[int]:
    """RETURNS (bool): Whether a value is an integer. True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Change:
    """The corrected entities of one document.

    number (int): The index of the document in the file, from 0.
    doc (Doc): The document, with the entities of the file.
    entities (tuple[Ent, ...]): The right entities, sorted.
    """

    number: int
    doc: Doc
    entities: tuple[Ent, ...]

    @property
    def before(self) -> list[Ent]:
        """RETURNS (list[Ent]): The entities of the file."""
        return [Ent(ent.start_char, ent.end_char, ent.label_) for ent in self.doc.ents]

    @property
    def removed(self) -> list[Ent]:
        """RETURNS (list[Ent]): The entities that are wrong."""
        return sorted(set(self.before) - set(self.entities))

    @property
    def added(self) -> list[Ent]:
        """RETURNS (list[Ent]): The entities that are right instead."""
        return sorted(set(self.entities) - set(self.before))

    @property
    def count(self) -> int:
        """RETURNS (int): The number of entities that were removed, changed or added."""
        return max(len(self.removed), len(self.added))

    def span(self, ent: Ent) -> Span:
        """Get the tokens of an entity.

        ent (Ent): The entity.
        RETURNS (Span): The tokens.
        RAISES: InputError if it does not start and end with tokens.
        """
        span = self.doc.char_span(ent.start, ent.end, label=ent.label)
        if span is None:
            path, _, line = place_of(self.doc, 0).rpartition(":")
            raise InputError(
                f"{shorten(self.doc.text[ent.start : ent.end], 40)} does not start and end with "
                "tokens of this file. Select whole tokens in the review.",
                path=path or None,
                line=int(line) if line else None,
            )
        return span


class Edit(NamedTuple):
    """A replacement in the text of a file.

    start, end (int): The characters to replace.
    text (str): The new text.
    """

    start: int
    end: int
    text: str


class TextFile:
    """A text file whose text can be changed in places. The rest stays byte for byte.

    source (Source): The file, plain or gzipped.
    encoding (str): Its encoding.
    RAISES: InputError if it cannot be written in this encoding as it was.
    """

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self._packed = source.path.read_bytes()
        with reading(source.name), source.open() as file:
            raw = file.read()
        self.encoding = _codec(raw, encoding)
        try:
            self.text = raw.decode(self.encoding)
            is_same = self.text.encode(self.encoding) == raw
        except UnicodeError as error:
            raise source.undecodable(encoding, error, 1) from None
        if not is_same:
            raise InputError(
                f"cannot be written again as it was, in {encoding}. Save it as UTF-8 first.",
                path=source.name,
            )

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """Replace parts of the text.

        edits (Iterable[Edit]): The replacements, without overlap.
        RETURNS (bytes): The new content of the file, gzipped if it was.
        RAISES: InputError if the encoding lacks a character.
        """
        parts, position = [], 0
        for edit in sorted(edits):
            parts += [self.text[position : edit.start], edit.text]
            position = edit.end
        text = "".join((*parts, self.text[position:]))
        try:
            raw = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InputError(
                f"its encoding {self.encoding} has no character {error.object[error.start]!r}. "
                "Save it as UTF-8 first.",
                path=self.source.name,
            ) from None
        return _gzipped(raw, self._packed) if self._packed.startswith(GZIP) else raw


def _codec(raw: bytes, encoding: str) -> str:
    """Get a codec that keeps the byte order mark as a character."""
    if encoding == "utf-8-sig":
        return "utf-8"
    if encoding.lower().replace("_", "-") in ("utf-16", "utf16"):
        return UTF_16.get(raw[:2], encoding)
    if encoding.lower().replace("_", "-") in ("utf-32", "utf32"):
        return UTF_32.get(raw[:4], encoding)
    return encoding


def _gzipped(raw: bytes, packed: bytes) -> bytes:
    """Gzip with the name and the time in the header of the old file."""
    name = ""
    if packed[3] & 0b1000 and not packed[3] & 0b100:
        name = packed[10:].split(b"\0", 1)[0].decode("latin-1")
    file = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=file, mtime=struct.unpack("<I", packed[4:8])[0]) as out:
        out.write(raw)
    return file.getvalue()
