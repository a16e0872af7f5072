"""Encoding detection."""

import codecs
import re
from typing import Protocol

from ..errors import InputError

CHUNK = 1 << 20
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
# Bytes that are not UTF-8, as decoded by surrogateescape.
ESCAPED = re.compile("[\udc80-\udcff]")


class ByteStream(Protocol):
    """The methods of a binary file that `detect_encoding` calls."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, position: int, /) -> object: ...


def detect_encoding(file: ByteStream, name: str) -> str:
    """Detect the encoding of a text file. Reads the whole file in chunks of 1 MB.

    A file that decodes as UTF-8 is UTF-8, because text in other encodings is hardly ever valid
    UTF-8. Other files are Latin-1, like the CoNLL-2002 corpora, or Windows-1252 if they contain
    bytes that are control characters in Latin-1.

    file (ByteStream): The file, at its start.
    name (str): The file name, for errors.
    RETURNS (str): "utf-8-sig" (UTF-8, with or without a byte order mark), "utf-16" or "utf-32"
        (with a byte order mark), "latin-1" or "cp1252".
    RAISES: InputError if the file contains null bytes, or is UTF-8 with invalid bytes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    has_c1 = False
    chunk = file.read(CHUNK)
    if chunk.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    while chunk:
        if b"\0" in chunk:
            raise InputError(
                "contains null bytes, so it is not a text file in UTF-8, Latin-1 or "
                "Windows-1252. Save it as UTF-8 text, or set --encoding.",
                path=name,
            )
        has_c1 = has_c1 or any(byte in chunk for byte in range(0x80, 0xA0))
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        chunk = file.read(CHUNK)
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
            return "utf-8-sig"
        except UnicodeDecodeError:
            pass
    _refuse_damaged_utf8(file, name)
    return "cp1252" if has_c1 else "latin-1"


def _refuse_damaged_utf8(file: ByteStream, name: str) -> None:
    """Raise an error for UTF-8 with few invalid bytes. As Latin-1, each character beyond ASCII
    would become two."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    characters = 0
    damaged: list[int] = []
    n_damaged = line = 0
    while chunk := file.read(CHUNK):
        text = decoder.decode(chunk)
        for match in BEYOND_ASCII.finditer(text):
            bad = len(ESCAPED.findall(match[0]))
            if bad and len(damaged) < 3:
                damaged.append(line + text.count("\n", 0, match.start()) + 1)
            n_damaged += bad
            characters += match.end() - match.start() - bad
        line += text.count("\n")
    if characters > 2 * n_damaged:
        raise InputError(
            f"is UTF-8 with {n_damaged:,} invalid bytes (line {', '.join(map(str, damaged))}"
            f"{'' if n_damaged <= len(damaged) else ', …'}). Fix them, or set another "
            "--encoding.",
            path=name,
            line=damaged[0] if damaged else line + 1,
        )
