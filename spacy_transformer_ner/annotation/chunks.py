"""Split the inputs into chunks: chunk i becomes shard i of the output, on any machine. Each
chunk can be read independently."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from .formats import Failure, Fields, Format, InputFile, Row
from .input_formats import open_format

# Rows per chunk, if nothing else is set. A chunk ends early if its texts are longer than this on
# average.
TEXTS = 5000
BYTES_PER_TEXT = 2048
# Small inputs are split into about so many chunks, but not into smaller ones than this. So the
# progress shows, and little is lost when a run is interrupted.
SMALL_INPUT_CHUNKS = 20
SMALLEST_CHUNK_BYTES = 1 << 17


@dataclass(frozen=True)
class Position:
    """A position between two texts of the inputs.

    file (int): The index of the file.
    start (int): The offset in the file: bytes, or rows in formats without byte offsets.
    row (int): The number of the row that starts there, from 1.
    """

    file: int = 0
    start: int = 0
    row: int = 1


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one file.

    file, start, row (int): Where they start, as in `Position`.
    rows (int): The number of rows.
    damage (str): Why the file cannot be read from there, if so.
    """

    file: int
    start: int
    row: int
    rows: int
    damage: str = ""


@dataclass(frozen=True)
class Chunk:
    """The rows of one shard.

    number (int): Its number, from 0.
    pieces (tuple[Piece, ...]): Its rows, possibly from several small files.
    size (int): Their size in the files, in bytes.
    after (Position): Where the next chunk starts.
    """

    number: int
    pieces: tuple[Piece, ...]
    size: int
    after: Position

    def to_json(self) -> str:
        """RETURNS (str): The chunk as JSON, for `from_json`."""
        pieces = [[p.file, p.start, p.row, p.rows, p.damage] for p in self.pieces]
        after = [self.after.file, self.after.start, self.after.row]
        return json.dumps([self.number, pieces, self.size, after])

    @classmethod
    def from_json(cls, content: str) -> "Chunk":
        """content (str): JSON from `to_json`.
        RETURNS (Chunk): The chunk."""
        number, pieces, size, after = json.loads(content)
        return cls(number, tuple(Piece(*piece) for piece in pieces), size, Position(*after))


def plan(
    files: Sequence[InputFile],
    fields: Fields,
    texts: int | None = None,
    number: int = 0,
    begin: Position = Position(),
) -> Iterator[Chunk]:
    """Split the inputs into chunks, lazily.

    files (Sequence[InputFile]): The files.
    fields (Fields): The columns or keys to read.
    texts (int | None): Rows per chunk; fewer if they are long. If None, also fewer if the inputs
        are small.
    number (int): The number of the first chunk.
    begin (Position): Where the first chunk starts.
    YIELDS (Chunk): The chunks.
    """
    most = (texts or TEXTS) * BYTES_PER_TEXT
    if texts is None:
        total = sum(file.size for file in files)
        most = max(SMALLEST_CHUNK_BYTES, min(most, total // SMALL_INPUT_CHUNKS))
    texts = texts or TEXTS
    pieces: list[Piece] = []
    rows, size = 0, 0.0
    for index in range(begin.file, len(files)):
        at = begin if index == begin.file else Position(index)
        end, row, damage = at.start, at.row, ""
        try:
            for end, n_bytes in open_format(files[index], fields).ends(at.start):
                row += 1
                rows += 1
                size += n_bytes
                if rows >= texts or size >= most:
                    pieces.append(Piece(index, at.start, at.row, row - at.row))
                    at = Position(index, end, row)
                    yield Chunk(number, tuple(pieces), round(size), at)
                    number, pieces, rows, size = number + 1, [], 0, 0.0
        except InputError as error:
            damage = str(error)
        if row > at.row:
            pieces.append(Piece(index, at.start, at.row, row - at.row))
        if damage:
            pieces.append(Piece(index, end, row, 1, damage))
    if pieces:
        yield Chunk(number, tuple(pieces), round(size), Position(len(files)))


@dataclass
class Text:
    """A text, or the reason why it cannot be annotated.

    file (str): The name of its file.
    row (int): Its row or line, from 1.
    id (str): Its ID; "file:row" if the record has none.
    text (str): The text.
    carried (dict[str, Any]): The carried values, by name.
    reason (str): Why it cannot be annotated, if so.
    """

    file: str
    row: int
    id: str
    text: str = ""
    carried: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


class ChunkReader:
    """Reads the texts of chunks. Consecutive chunks are read without seeking.

    files (Sequence[InputFile]): The files.
    fields (Fields): The columns or keys to read.
    """

    def __init__(self, files: Sequence[InputFile], fields: Fields):
        self.files = files
        self.fields = fields
        self._index = -1
        self._position = 0
        self._format: Format
        self._rows: Iterator[tuple[int, Row]]

    def read(self, chunk: Chunk) -> list[Text]:
        """chunk (Chunk): A chunk.
        RETURNS (list[Text]): Its texts, in order."""
        return [text for piece in chunk.pieces for text in self._read(piece)]

    def _read(self, piece: Piece) -> Iterator[Text]:
        name, damage = self.files[piece.file].name, piece.damage
        for row in range(piece.row, piece.row + piece.rows):
            if not damage:
                try:
                    if row == piece.row:
                        self._seek(piece)
                    self._position, record = self._next()
                except InputError as error:
                    damage, self._index = str(error), -1
            if damage:
                yield Text(name, row, f"{name}:{row}", reason=damage)
            elif record is not None:
                yield to_text(name, row, record, self.fields)

    def _seek(self, piece: Piece) -> None:
        same = piece.file == self._index and self._position <= piece.start
        if not same or (self._format.seekable and self._position < piece.start):
            self._format = open_format(self.files[piece.file], self.fields)
            self._rows = self._format.rows(piece.start)
            self._index, self._position = piece.file, piece.start
        while self._position < piece.start:
            self._position, _ = self._next()

    def _next(self) -> tuple[int, Row]:
        for row in self._rows:
            return row
        path = self.files[self._index].name
        raise InputError("has fewer rows than when the run started. Restore it.", path=path)


def to_text(name: str, row: int, record: Mapping[str, Any] | Failure, fields: Fields) -> Text:
    """name (str): The name of a file.
    row (int): The number of a row in it.
    record (Mapping[str, Any] | Failure): The row.
    fields (Fields): The columns or keys to read.
    RETURNS (Text): The text, or the reason why it cannot be annotated."""
    place = f"{name}:{row}"
    if isinstance(record, Failure):
        return Text(name, row, place, reason=record.reason)
    given = record.get(fields.id) if fields.id else None
    own = as_string(given) or place
    text = record.get(fields.text)
    carried = {name: record.get(name) for name in fields.carry}
    if fields.text not in record:
        reason = f"has no {fields.text!r}"
    elif not isinstance(text, str):
        kind = "null" if text is None else f"of type {type(text).__name__}"
        reason = f"its {fields.text!r} is {kind}, not a string"
    elif not all(map(is_unicode, (text, own, *carried.values()))):
        reason = "is not UTF-8: it has invalid bytes or lone surrogates"
    else:
        return Text(name, row, own, text, carried)
    return Text(name, row, own.encode("utf-8", "replace").decode(), reason=reason)


def is_unicode(value: object) -> bool:
    """value (object): A text, or a value that becomes JSON.
    RETURNS (bool): Whether it can be encoded: JSON can contain lone surrogates."""
    text = value if isinstance(value, str) else to_json(value)
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_json(value: Any) -> str:
    """value (Any): A value of a record.
    RETURNS (str): The value as JSON. Types that JSON lacks, such as dates, become strings."""
    return json.dumps(value, ensure_ascii=False, default=str)


def as_string(value: Any) -> str | None:
    """value (Any): A value of a record.
    RETURNS (str | None): Strings and None unchanged, other JSON types as JSON, and everything
        else as `str` returns it."""
    if value is None or isinstance(value, str):
        return value
    return to_json(value) if isinstance(value, (bool, int, float, list, dict)) else str(value)
