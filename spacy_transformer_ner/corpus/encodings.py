"""Which encoding a text file is in."""

import codecs
from pathlib import Path

from ..errors import InputError

CHUNK = 1 << 20


def detect_encoding(path: str | Path) -> str:
    """Find the encoding of a file by reading it all, a megabyte at a time.

    UTF-8 is certain when it decodes: text of another encoding hardly ever is
    valid UTF-8. A file that is not is Latin-1, as the CoNLL-2002 files are, or
    Windows-1252 where it has bytes that are control characters in Latin-1.

    path (str | Path): The file.
    RETURNS (str): "utf-8-sig" (UTF-8, with or without a byte order mark),
        "utf-16" or "utf-32" (with one), "latin-1" or "cp1252".
    RAISES: InputError if the file holds null bytes, so is no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    has_c1 = False
    with open(path, "rb") as file:
        start = file.read(4)
        if start in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
            return "utf-32"
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        chunk = start + file.read(CHUNK)
        while chunk:
            if b"\0" in chunk:
                raise InputError(
                    "holds null bytes, so it is not a text file in UTF-8, Latin-1 or "
                    "Windows-1252. Save it as UTF-8 text.",
                    path=path,
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
    return "cp1252" if has_c1 else "latin-1"
