"""Validate and sort entities with character offsets."""

from collections.abc import Callable, Iterable, Mapping

from ...errors import InputError
from ..documents import Span
from ..notes import Notes
from ..options import Overlaps
from ..sources import shorten

DROPPED = "entities that overlap a longer one were dropped. To keep them, set --overlaps spans"
KEEP = "keep the longest entities with --overlaps longest, or all of them with --overlaps spans"

LEFT_OUT = "discontinuous entities were dropped. To cover their parts, set --discontinuous cover"
COVERED = "discontinuous entities were read as one entity that covers all parts"
PARTS = (
    "Annotate one span, leave such entities out with --overlaps longest or --discontinuous drop, "
    "or cover all parts with --discontinuous cover."
)


def check_characters(text: str, name: str, line: int) -> None:
    """Check that a text has no lone surrogates, which JSON allows.

    text (str): The text.
    name (str): The file name.
    line (int): The line in the file.
    RAISES: InputError if it has a lone surrogate.
    """
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"lone surrogate, which is not a character: "
            f"{ascii(text[max(0, error.start - 10) : error.end + 10])}. Fix or remove it.",
            path=name,
            line=line,
        ) from None


def check_span(
    start: int, end: int, label: str, said: str | None, text: str, name: str, line: int
) -> Span:
    """Validate an entity.

    start, end (int): The character offsets.
    label (str): The label.
    said (str | None): The text of the entity according to the file, if given.
    text (str): The text.
    name (str): The file name.
    line (int): The line of the entity in the file.
    RETURNS (Span): The entity.
    RAISES: InputError if the entity is outside of the text or only whitespace, its label is
        invalid, or its text differs from `said`.
    """
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"entity from {start} to {end} in a text of {len(text)} characters. Offsets are "
            "counted in characters from 0, and the end is exclusive.",
            path=name,
            line=line,
        )
    if not text[start:end].strip():
        raise InputError(
            f"the entity from {start} to {end} is only whitespace. Remove it.",
            path=name,
            line=line,
        )
    if not label or not label.isprintable() or label != label.strip():
        raise InputError(
            f"the label {shorten(label)} is empty, or has leading or trailing whitespace or "
            "invisible characters. Fix it.",
            path=name,
            line=line,
        )
    held = text[start:end]
    if said and said != held and said.split() != held.split():
        raise InputError(
            f"the entity is {shorten(said, 40)}, but the text has {shorten(held, 40)} from "
            f"{start} to {end}. Offsets are counted in characters from 0, and the end is "
            "exclusive. Was the text changed after annotation?",
            path=name,
            line=line,
        )
    return Span(start, end, label)


def arrange(
    spans: Iterable[tuple[Span, int]], text: str, name: str, overlaps: Overlaps, notes: Notes
) -> tuple[Span, ...]:
    """Sort the entities of a text, strip whitespace at their ends, and resolve overlaps.

    spans (Iterable[tuple[Span, int]]): The entities with character offsets, each with its line
        in the file.
    text (str): The text.
    name (str): The file name.
    overlaps (str): How to handle overlapping entities. See `ReadOptions`.
    notes (Notes): Collects what was fixed.
    RETURNS (tuple[Span, ...]): The entities.
    RAISES: InputError if entities overlap and `overlaps` is "refuse".
    """
    lines: dict[Span, int] = {}
    for span, line in spans:
        held = text[span.start : span.end]
        start = span.end - len(held.lstrip())
        end = span.start + len(held.rstrip())
        if (start, end) != (span.start, span.end):
            notes.add("entities with leading or trailing whitespace were stripped", line)
        lines.setdefault(Span(start, end, span.label), line)
    return without_overlaps(lines, lambda span: text[span.start : span.end], name, overlaps, notes)


def without_overlaps(
    lines: Mapping[Span, int],
    held: Callable[[Span], str],
    name: str,
    overlaps: Overlaps,
    notes: Notes,
) -> tuple[Span, ...]:
    """Resolve overlaps, and sort the entities of a text.

    lines (Mapping[Span, int]): The entities, each with its line in the file.
    held (Callable): Returns the text of an entity.
    name (str): The file name.
    overlaps (str): How to handle overlapping entities. See `ReadOptions`.
    notes (Notes): Collects what was dropped.
    RETURNS (tuple[Span, ...]): The entities.
    RAISES: InputError if entities overlap and `overlaps` is "refuse".
    """
    if overlaps == "spans":
        return tuple(sorted(lines, key=lambda span: (span.start, -span.end, span.label)))
    taken = bytearray(max((span.end for span in lines), default=0))
    kept: list[Span] = []
    # The longest first, like spacy.util.filter_spans.
    for span in sorted(lines, key=lambda span: (span.start - span.end, span.start, span.label)):
        if not (taken[span.start] or taken[span.end - 1]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
        elif overlaps == "longest":
            notes.add(DROPPED, lines[span])
        else:
            other = next(k for k in kept if span.start < k.end and k.start < span.end)
            raise InputError(
                f"entities overlap: {span.label} {shorten(held(span), 40)} and "
                f"{other.label} {shorten(held(other), 40)}. Remove one, or {KEEP}.",
                path=name,
                line=lines[span],
            )
    return tuple(sorted(kept, key=lambda span: span.start))
