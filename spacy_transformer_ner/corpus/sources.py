"""The files a corpus comes in: plain or gzipped, or spooled from standard input."""

import gzip
import io
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from ..errors import InputError
from .encodings import detect_encoding

GZIP = b"\x1f\x8b"
BOM = "\ufeff"


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
        with self.reading(), self.open() as file:
            return file.read(size)

    def encoding(self) -> str:
        """RETURNS (str): The encoding of its text, as `detect_encoding` finds it.
        RAISES: InputError if it is no text."""
        with self.reading(), self.open() as file:
            return detect_encoding(file, self.name)

    def rows(self, encoding: str, limit: int = -1) -> Iterator[str]:
        """Read it line by line. Only a line feed ends a line, with a carriage
        return before it or not; a Unicode line separator does not.

        encoding (str): Its encoding.
        limit (int): The longest line there may be, in characters; -1 for any.
        YIELDS (str): The lines without their ends.
        RAISES: InputError if it is not of that encoding, cannot be unpacked, or
            a line is too long or has a carriage return or null within.
        """
        line = 0
        try:
            with self.text(encoding) as text:
                readline = text.readline
                while row := readline(limit):
                    line += 1
                    if limit == len(row) and row[-1] != "\n":
                        raise InputError(
                            f"a line of more than {limit:,} characters. Is it the right file?",
                            path=self.name,
                            line=line,
                        )
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

    @contextmanager
    def text(self, encoding: str) -> Iterator[TextIO]:
        """encoding (str): Its encoding.
        YIELDS (TextIO): The text, its line ends as they are.
        RAISES: InputError if it cannot be unpacked."""
        with (
            self.reading(),
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

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what a damaged gzip file raises into an InputError."""
        try:
            yield
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(
                f"is a damaged gzip file ({error}). Unpack it, or get it again.", path=self.name
            ) from None


def spool(stream: BinaryIO, folder: Path, name: str) -> Source:
    """Keep a stream as a file, because files are looked at before they are read.

    stream (BinaryIO): The stream.
    folder (Path): Where to keep it.
    name (str): What it is called.
    RETURNS (Source): The file.
    """
    path = folder / f"pipe-{len(list(folder.iterdir()))}"
    with open(path, "wb") as file:
        shutil.copyfileobj(stream, file)
    return Source(path, name)


def shorten(text: str, length: int = 80) -> str:
    """text (str): What was found in a file.
    length (int): How many characters of it to show.
    RETURNS (str): It as a message shows it."""
    return repr(text if len(text) <= length else f"{text[:length]}…")
