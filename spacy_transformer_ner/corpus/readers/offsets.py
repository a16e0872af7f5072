"""Entities by the characters of a text: what they must be, and their order."""

from collections.abc import Iterable

from ...errors import InputError
from ..documents import Span
from ..notes import Notes
from ..options import Overlaps
from ..sources import shorten


def check_characters(text: str, name: str, line: int) -> None:
    """See that a text consists of characters, which JSON does not warrant.

    text (str): The text.
    name (str): The file's name.
    line (int): Where it stands.
    RAISES: InputError if it has half a surrogate pair.
    """
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"half a surrogate pair, which is no character: "
            f"{ascii(text[max(0, error.start - 10) : error.end + 10])}. Mend or remove it.",
            path=name,
            line=line,
        ) from None


def check_span(
    start: int, end: int, label: str, said: str | None, text: str, name: str, line: int
) -> Span:
    """See that an entity is one of a text.

    start, end (int): Its characters.
    label (str): Its type.
    said (str | None): What it is said to be, if it is.
    text (str): The text.
    name (str): The file's name.
    line (int): Where the entity stands in it.
    RETURNS (Span): The entity.
    RAISES: InputError if it is out of the text, blank, or its label is, or the
        text has something else there than what is said.
    """
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"an entity from {start} to {end} in a text of {len(text)} characters. Offsets are "
            "counted in characters from 0, and the end is the character after the last.",
            path=name,
            line=line,
        )
    if not text[start:end].strip():
        raise InputError(
            f"the entity from {start} to {end} holds only blanks. Remove it.", path=name, line=line
        )
    if not label or not label.isprintable() or label != label.strip():
        raise InputError(
            f"the label {shorten(label)} is empty, has blanks at its ends or invisible "
            "characters. Mend it.",
            path=name,
            line=line,
        )
    held = text[start:end]
    if said and said.split() != held.split():
        raise InputError(
            f"the entity says {shorten(said, 40)}, but the text has {shorten(held, 40)} from "
            f"{start} to {end}. Offsets are counted in characters from 0, and the end is the "
            "character after the last. Was the text changed after it was annotated?",
            path=name,
            line=line,
        )
    return Span(start, end, label)


def arrange(
    spans: Iterable[tuple[Span, int]], text: str, name: str, overlaps: Overlaps, notes: Notes
) -> tuple[Span, ...]:
    """Bring the entities of a text into order, without blanks and overlap.

    spans (Iterable[tuple[Span, int]]): The entities in characters, each with the
        line it stands on.
    text (str): The text.
    name (str): The file's name.
    overlaps (str): What becomes of entities that overlap: see ReadOptions.
    notes (Notes): Takes what was fixed.
    RETURNS (tuple[Span, ...]): The entities.
    RAISES: InputError if entities overlap and are not to be chosen from.
    """
    lines: dict[Span, int] = {}
    for span, line in spans:
        held = text[span.start : span.end]
        start = span.end - len(held.lstrip())
        end = span.start + len(held.rstrip())
        if (start, end) != (span.start, span.end):
            notes.add("blanks at the ends of entities were left out", line)
        lines.setdefault(Span(start, end, span.label), line)
    taken = bytearray(len(text))
    kept: list[Span] = []
    # The longest first, as spacy.util.filter_spans does.
    for span in sorted(lines, key=lambda span: (span.start - span.end, span.start, span.label)):
        if not (taken[span.start] or taken[span.end - 1]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
        elif overlaps == "longest":
            notes.add("entities that overlap a longer one were left out", lines[span])
        else:
            other = next(k for k in kept if span.start < k.end and k.start < span.end)
            raise InputError(
                f"entities overlap: {span.label} {shorten(text[span.start : span.end], 40)} and "
                f"{other.label} {shorten(text[other.start : other.end], 40)}. Remove one, or "
                "keep the longest of such: --overlaps longest.",
                path=name,
                line=lines[span],
            )
    return tuple(sorted(kept, key=lambda span: span.start))
