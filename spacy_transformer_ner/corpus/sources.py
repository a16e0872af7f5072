"""Input files: plain, gzipped, or from standard input."""

import codecs
import gzip
import io
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ..errors import InputError
from .encodings import detect_encoding

GZIP = b"\x1f\x8b"
BOM = "\ufeff"
# Maximum size of a record (a line, an element of a JSON array, a sentence in columns, a brat
# text), in bytes or characters. A longer record is not text but e.g. an unclosed bracket or
# quote, a file of zeros, or a gzip bomb. Readers stop when they reach the limit, so such a record
# is never in memory as a whole.
LONGEST_RECORD = 1 << 26


@dataclass(frozen=True)
class Source:
    """A file to read.

    path (Path): The path.
    name (str): The name in messages and in the places of findings.
    """

    path: Path
    name: str

    @classmethod
    def at(cls, path: str | Path) -> "Source":
        """Create a source that is named by its path.

        path (str | Path): The file.
        RETURNS (Source): The source.
        """
        # A .spacy file can't store a name that is not UTF-8.
        return cls(Path(path), os.fsencode(path).decode("utf-8", "replace"))

    def open(self) -> BinaryIO:
        """RETURNS (BinaryIO): The open file, decompressed if it is gzipped."""
        with open(self.path, "rb") as file:
            zipped = file.read(2) == GZIP
        return cast(BinaryIO, gzip.open(self.path)) if zipped else open(self.path, "rb")

    def start(self, size: int = 1 << 16) -> bytes:
        """Read the start of the file.

        size (int): The number of bytes.
        RETURNS (bytes): The first bytes.
        RAISES: InputError if it cannot be decompressed.
        """
        with reading(self.name), self.open() as file:
            return file.read(size)

    def encoding(self) -> str:
        """Detect the encoding. See `detect_encoding`.

        RETURNS (str): The encoding.
        RAISES: InputError if the file is not text, or has a line that is too long.
        """
        with reading(self.name), self.open() as file:
            return detect_encoding(_Watched(file, self.name), self.name)

    def rows(self, encoding: str, limit: int | None = None) -> Iterator[str]:
        r"""Read the file line by line. Lines end in \n or \r\n. Unicode line separators don't
        end a line.

        encoding (str): The encoding.
        limit (int | None): The maximum length of a line, in characters. LONGEST_RECORD if None.
        YIELDS (str): The lines without line ends.
        RAISES: InputError if the file cannot be decoded or decompressed, or a line is too long or
            contains a carriage return or null character.
        """
        line, limit = 0, limit or LONGEST_RECORD
        try:
            with self.text(encoding) as text:
                readline = text.readline
                while row := readline(limit):
                    line += 1
                    if limit == len(row) and row[-1] != "\n":
                        raise too_long(self.name, line, limit)
                    row = row.rstrip("\r\n")
                    if row[:1] == BOM:  # on any line, because files may be concatenated
                        row = row.lstrip(BOM)
                    if "\r" in row or "\0" in row:
                        raise InputError(
                            "carriage return or null character within a line. Does the file have "
                            f"old Mac line ends? Save it with Unix line ends: {shorten(row)}",
                            path=self.name,
                            line=line,
                        )
                    yield row
        except (UnicodeError, LookupError) as error:
            raise self.undecodable(encoding, error, line + 1) from None

    def whole(self, encoding: str) -> str:
        """Read the whole text.

        encoding (str): The encoding.
        RETURNS (str): The text, with unchanged line ends.
        RAISES: InputError if the file cannot be decoded or decompressed, or is longer than
            LONGEST_RECORD.
        """
        try:
            with self.text(encoding) as text:
                content = text.read(LONGEST_RECORD + 1)
        except (UnicodeError, LookupError) as error:
            raise self.undecodable(encoding, error, 1) from None
        if len(content) > LONGEST_RECORD:
            raise too_long(self.name, 1)
        return content

    @contextmanager
    def text(self, encoding: str) -> Iterator[TextIO]:
        """Open the file as text.

        encoding (str): The encoding.
        YIELDS (TextIO): The text, with unchanged line ends.
        RAISES: InputError if it cannot be decompressed.
        """
        with (
            reading(self.name),
            self.open() as file,
            io.TextIOWrapper(file, encoding=encoding, newline="\n") as text,
        ):
            yield text

    def undecodable(self, encoding: str, error: Exception, line: int) -> InputError:
        """RETURNS (InputError): The error for text that cannot be decoded."""
        return InputError(
            f"cannot be read as {encoding.removesuffix('-sig')}, near line {line}: {error}. Set "
            "the encoding with --encoding.",
            path=self.name,
        )


class Recoded(io.BufferedReader):
    """A text file as bytes, recoded to UTF-8.

    source (Source): The file.
    encoding (str): The encoding of the file.
    """

    def __init__(self, source: Source, encoding: str):
        super().__init__(_Recoding(source, encoding))


class _Recoding(io.RawIOBase):
    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding
        self._text = source.text(encoding)
        self._file = self._text.__enter__()
        self._left = b""
        self._line = 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            try:
                self._left = self._file.read(len(buffer)).encode("utf-8", "surrogatepass")
            except (UnicodeError, LookupError) as error:
                raise self.source.undecodable(self.encoding, error, self._line) from None
            self._line += self._left.count(b"\n")
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._text.__exit__(None, None, None)
        super().close()


class _Watched:
    """A binary file that raises an error if a line is longer than LONGEST_RECORD. A JSON array may
    be one long line, because the JSON reader limits the length of its elements.

    file (BinaryIO): The file.
    name (str): The file name, for errors.
    """

    def __init__(self, file: BinaryIO, name: str):
        self.file = file
        self.name = name
        self._lines = self._length = 0
        self._is_array: bool | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Read bytes.

        size (int): The maximum number of bytes.
        RETURNS (bytes): The next bytes. Empty at the end.
        RAISES: InputError if a line is too long.
        """
        chunk = self.file.read(size)
        if self._is_array is None and (start := chunk.removeprefix(codecs.BOM_UTF8).lstrip()):
            self._is_array = start[:1] == b"["
        last = chunk.rfind(b"\n")
        self._length = len(chunk) - last - 1 + (self._length if last < 0 else 0)
        self._lines += chunk.count(b"\n")
        if self._length > LONGEST_RECORD and not self._is_array:
            raise too_long(self.name, self._lines + 1)
        return chunk

    def seek(self, position: int, /) -> None:
        """Change the position.

        position (int): The position, in bytes.
        """
        self.file.seek(position)
        self._lines = self._length = 0


@contextmanager
def reading(name: str, kind: str = "gzip", *errors: type[Exception]) -> Iterator[None]:
    """Turn errors about damaged data into an InputError. Errors of the operating system (a
    missing file, a permission, a lost network connection) are raised unchanged.

    name (str): The file name.
    kind (str): The kind of file, for the message.
    errors (type[Exception]): Errors about damaged data, in addition to those of gzip.
    """
    damage: tuple[type[Exception], ...] = (gzip.BadGzipFile, EOFError, zlib.error, OSError)
    try:
        yield
    except InputError:
        raise
    except damage + errors as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"is damaged, or not a {kind} file ({type(error).__name__}: {said}). Download or "
            "create it again.",
            path=name,
        ) from None


def too_long(name: str, line: int, limit: int | None = None) -> InputError:
    """Create the error for a record that is too long.

    name (str): The file name.
    line (int): The line that the record starts on.
    limit (int | None): The maximum length. LONGEST_RECORD if None.
    RETURNS (InputError): The error.
    """
    return InputError(
        f"a record of more than {limit or LONGEST_RECORD:,} characters, which is not plausible "
        "text. Is it the right file? Split or remove the record.",
        path=name,
        line=line,
    )


def read_text(path: Path) -> str:
    """Read a small UTF-8 file with metadata.

    path (Path): The file.
    RETURNS (str): The text.
    RAISES: InputError if it is longer than LONGEST_RECORD. UnicodeDecodeError if it is not UTF-8.
    """
    if path.stat().st_size > LONGEST_RECORD:
        raise too_long(str(path), 1)
    return path.read_text(encoding="utf-8-sig")


def spool(stream: BinaryIO, folder: Path, name: str) -> Source:
    """Copy a stream to a file, because readers read a file more than once.

    stream (BinaryIO): The stream.
    folder (Path): The folder for the file.
    name (str): The name of the source.
    RETURNS (Source): The file.
    RAISES: InputError if it has a line that is too long, e.g. /dev/zero.
    """
    path = folder / f"pipe-{len(list(folder.iterdir()))}"
    with open(path, "wb") as file:
        shutil.copyfileobj(_Watched(stream, name), file)
    return Source(path, name)


def shorten(text: str, length: int = 80) -> str:
    """Quote and shorten text for a message.

    text (str): The text.
    length (int): The maximum number of characters.
    RETURNS (str): The quoted text.
    """
    return repr(text if len(text) <= length else f"{text[:length]}…")
