"""Which encoding a text is in."""

import codecs
import re
from typing import BinaryIO

from ..errors import InputError

CHUNK = 1 << 20
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
# What surrogateescape makes of a byte that is not UTF-8.
ESCAPED = re.compile("[\udc80-\udcff]")


def detect_encoding(file: BinaryIO, name: str) -> str:
    """Find the encoding of a text by reading it all, a megabyte at a time.

    UTF-8 is certain when it decodes: text of another encoding hardly ever is
    valid UTF-8. A file that is not is Latin-1, as the CoNLL-2002 files are, or
    Windows-1252 where it has bytes that are control characters in Latin-1.

    file (BinaryIO): The bytes, from their start.
    name (str): What the file is called in an error.
    RETURNS (str): "utf-8-sig" (UTF-8, with or without a byte order mark),
        "utf-16" or "utf-32" (with one), "latin-1" or "cp1252".
    RAISES: InputError if there are null bytes, so it is no text, or it is UTF-8
        with damaged bytes.
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
                "holds null bytes, so it is not a text file in UTF-8, Latin-1 or "
                "Windows-1252. Save it as UTF-8 text, or say the encoding with --encoding.",
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


def _refuse_damaged_utf8(file: BinaryIO, name: str) -> None:
    """A file that is UTF-8 but for some bytes would be read as if each character
    beyond ASCII were two."""
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
            f"is UTF-8, but {n_damaged:,} bytes are not (line {', '.join(map(str, damaged))}"
            f"{'' if n_damaged <= len(damaged) else ', …'}). Mend them, or say another encoding "
            "with --encoding.",
            path=name,
            line=damaged[0] if damaged else line + 1,
        )
