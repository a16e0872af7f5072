"""PubTator: a title and an abstract, and entities in rows of tabs."""

import re
from collections.abc import Iterator

from ...errors import InputError
from .. import sources
from ..notes import Notes
from ..options import ReadOptions
from ..sources import Source, shorten, too_long
from .annotated import Annotated, AnnotatedTexts, Mention

# A part of the text: the ID, t for the title or a for the abstract, and the text.
PART = re.compile(r"([^\s|]+)\|([a-z])\|(.*)")


def is_pubtator(text: str) -> bool:
    """Check whether a file is in the PubTator format.

    text (str): The start of the file.
    RETURNS (bool): Whether it starts with a title, and an abstract or entity of the same ID.
    """
    rows = [row for row in text.split("\n") if row.strip()][:2]
    parts = [PART.match(row) for row in rows]
    if not parts or parts[0] is None or parts[0][2] != "t":
        return False
    return len(rows) == 1 or rows[1].startswith((f"{parts[0][1]}|a|", f"{parts[0][1]}\t"))


def open_pubtator(source: Source, options: ReadOptions) -> AnnotatedTexts:
    """Open a PubTator file. Relations are ignored.

    source (Source): The file.
    options (ReadOptions): How to read the file.
    RETURNS (AnnotatedTexts): The reader.
    """
    return AnnotatedTexts(source, options, "PubTator", _parse, has_offsets=True)


def _parse(source: Source, encoding: str, notes: Notes) -> Iterator[Annotated]:
    parts: list[str] = []
    mentions: list[Mention] = []
    number, first, size = "", 0, 0
    for line, row in enumerate(source.rows(encoding), start=1):
        if not row.strip():
            continue
        size += len(row)
        if size > sources.LONGEST_RECORD:
            raise too_long(source.name, first or line)
        part = PART.match(row)
        if part is None:
            mention = _mention(row, number, line, source.name)
            if mention is not None:
                mentions.append(mention)
            continue
        if part[2] == "t" or part[1] != number:
            if parts:
                yield Annotated(" ".join(parts), mentions, first)
            number, parts, mentions, first, size = part[1], [], [], line, len(row)
        # The title and the abstract are separated by one character.
        parts.append(part[3])
    if parts:
        yield Annotated(" ".join(parts), mentions, first)


def _mention(row: str, number: str, line: int, name: str) -> Mention | None:
    cells = row.split("\t")
    if cells[0] != number:
        raise InputError(
            f"expected a row of the text {number or '(none yet)'}, found {shorten(row)}. The rows "
            "of entities follow the title and abstract of the same ID.",
            path=name,
            line=line,
        )
    if len(cells) > 2 and not cells[1].isdecimal():
        return None  # a relation
    if len(cells) < 5 or not (cells[1].isdecimal() and cells[2].isdecimal()):
        raise InputError(
            "expected a PubTator entity (ID, start, end, text and type, separated by tabs), found "
            f"{shorten(row)}. Fix this line.",
            path=name,
            line=line,
        )
    start, end, said, label = cells[1:5]
    # int() limits the number of digits. 12 digits are beyond the end of any text.
    return Mention(int(start[:12]), int(end[:12]), label.strip(), line, said)
