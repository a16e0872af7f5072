"""The files that texts come in, to be learnt from or to be annotated: plain or gzipped, or
spooled from standard input."""

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
from typing import Any, BinaryIO, TextIO

from ..errors import InputError
from .encodings import detect_encoding

GZIP = b"\x1f\x8b"
BOM = "\ufeff"
# The longest record there may be, in bytes or in characters, whichever are read: a line, an
# element of a JSON array, a sentence in columns, a text of brat's. A longer one is no text: a
# bracket or quote that is never closed, a file of zeros, a gzip bomb. It is refused while it
# is read, so that it is never in memory. All readers look it up here.
LONGEST_RECORD = 1 << 26


@dataclass(frozen=True)
class Source:
    """A file to read.

    path (Path): Where it is.
    name (str): What it is called in messages and in the places of findings.
    """

    path: Path
    name: str

    @classmethod
    def at(cls, path: str | Path) -> "Source":
        """path (str | Path): A file.
        RETURNS (Source): It, called by its path."""
        # A name that is not UTF-8 could not be kept in a .spacy file.
        return cls(Path(path), os.fsencode(path).decode("utf-8", "replace"))

    def open(self) -> BinaryIO:
        """RETURNS (BinaryIO): The bytes; of a gzipped file, what is in it."""
        with open(self.path, "rb") as file:
            zipped = file.read(2) == GZIP
        return gzip.open(self.path) if zipped else open(self.path, "rb")  # type: ignore

    def start(self, size: int = 1 << 16) -> bytes:
        """size (int): A number of bytes.
        RETURNS (bytes): The first bytes.
        RAISES: InputError if it cannot be unpacked."""
        with reading(self.name), self.open() as file:
            return file.read(size)

    def encoding(self) -> str:
        """RETURNS (str): The encoding of its text, as `detect_encoding` finds it.
        RAISES: InputError if it is no text, or has a line that is too long for one."""
        with reading(self.name), self.open() as file:
            return detect_encoding(_Watched(file, self.name), self.name)

    def rows(self, encoding: str, limit: int | None = None) -> Iterator[str]:
        """Read it line by line. Only a line feed ends a line, with a carriage
        return before it or not; a Unicode line separator does not.

        encoding (str): Its encoding.
        limit (int | None): The longest line there may be, in characters, if it is to be
            shorter than LONGEST_RECORD.
        YIELDS (str): The lines without their ends.
        RAISES: InputError if it is not of that encoding, cannot be unpacked, or
            a line is too long or has a carriage return or null within.
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
                    if row[:1] == BOM:  # Also where files were put together.
                        row = row.lstrip(BOM)
                    if "\r" in row or "\0" in row:
                        raise InputError(
                            "a carriage return or null within the row. Are the line ends those "
                            f"of old Macs? Save the file with Unix line ends: {shorten(row)}",
                            path=self.name,
                            line=line,
                        )
                    yield row
        except (UnicodeError, LookupError) as error:
            raise self.undecodable(encoding, error, line + 1) from None

    def whole(self, encoding: str) -> str:
        """encoding (str): Its encoding.
        RETURNS (str): All of its text, its line ends as they are.
        RAISES: InputError if it is not of that encoding, cannot be unpacked, or is longer
            than a record may be."""
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
        """encoding (str): Its encoding.
        YIELDS (TextIO): The text, its line ends as they are.
        RAISES: InputError if it cannot be unpacked."""
        with (
            reading(self.name),
            self.open() as file,
            io.TextIOWrapper(file, encoding=encoding, newline="\n") as text,
        ):
            yield text

    def undecodable(self, encoding: str, error: Exception, line: int) -> InputError:
        """RETURNS (InputError): What to raise where text is not of its encoding."""
        return InputError(
            f"cannot be read as {encoding.removesuffix('-sig')}, near line {line}: {error}. Say "
            "the right encoding with --encoding.",
            path=self.name,
        )


class Recoded(io.BufferedReader):
    """The text of a file as bytes in UTF-8.

    source (Source): The file.
    encoding (str): What it is in.
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
    """Bytes, none of whose lines may be longer than a record. The array of a JSON file may be
    one line: each element of it is bounded when it is read.

    file (BinaryIO): What gives the bytes.
    name (str): What it is called in an error.
    """

    def __init__(self, file: BinaryIO, name: str):
        self.file = file
        self.name = name
        self._lines = self._length = 0
        self._is_array: bool | None = None

    def read(self, size: int) -> bytes:
        """size (int): How many bytes to read at most.
        RETURNS (bytes): The next bytes; none at the end.
        RAISES: InputError if they are of a line that is too long."""
        chunk = self.file.read(size)
        if self._is_array is None and (start := chunk.removeprefix(codecs.BOM_UTF8).lstrip()):
            self._is_array = start[:1] == b"["
        last = chunk.rfind(b"\n")
        self._length = len(chunk) - last - 1 + (self._length if last < 0 else 0)
        self._lines += chunk.count(b"\n")
        if self._length > LONGEST_RECORD and not self._is_array:
            raise too_long(self.name, self._lines + 1)
        return chunk

    def seek(self, position: int) -> None:
        """position (int): The byte to go to."""
        self.file.seek(position)
        self._lines = self._length = 0


@contextmanager
def reading(name: str, kind: str = "gzip", *errors: type[Exception]) -> Iterator[None]:
    """Turn what is raised for damaged data into an InputError. What the system raises (a
    missing file, a permission, a lost network) stays: it may pass.

    name (str): What the file is called.
    kind (str): What kind of file it is.
    errors (type[Exception]): What is raised for damage beside what gzip raises.
    """
    try:
        yield
    except InputError:
        raise
    except (gzip.BadGzipFile, EOFError, zlib.error, OSError, *errors) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"is damaged, or not a {kind} file ({type(error).__name__}: {said}). Get it again.",
            path=name,
        ) from None


def too_long(name: str, line: int, limit: int | None = None) -> InputError:
    """name (str): What the file is called.
    line (int): The line that the record begins on.
    limit (int | None): The most there may be, if not LONGEST_RECORD.
    RETURNS (InputError): What to raise of a record that is too long."""
    return InputError(
        f"a record of more than {limit or LONGEST_RECORD:,} characters, which is no text to "
        "learn from. Is it the right file? Split the record, or remove it.",
        path=name,
        line=line,
    )


def read_text(path: Path) -> str:
    """Read a small file that says something of the others.

    path (Path): The file.
    RETURNS (str): Its text, which is UTF-8.
    RAISES: InputError if it is longer than a record may be; UnicodeDecodeError.
    """
    if path.stat().st_size > LONGEST_RECORD:
        raise too_long(str(path), 1)
    return path.read_text(encoding="utf-8-sig")


def spool(stream: BinaryIO, folder: Path, name: str) -> Source:
    """Keep a stream as a file, because files are looked at before they are read.

    stream (BinaryIO): The stream.
    folder (Path): Where to keep it.
    name (str): What it is called.
    RETURNS (Source): The file.
    RAISES: InputError if it has a line that is too long for a text, as /dev/zero has.
    """
    path = folder / f"pipe-{len(list(folder.iterdir()))}"
    with open(path, "wb") as file:
        shutil.copyfileobj(_Watched(stream, name), file)
    return Source(path, name)


def shorten(text: str, length: int = 80) -> str:
    """text (str): What was found in a file.
    length (int): How many characters of it to show.
    RETURNS (str): It as a message shows it."""
    return repr(text if len(text) <= length else f"{text[:length]}…")
