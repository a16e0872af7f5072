"""BioC JSON, as PubTator and other biomedical tools export it."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from .fields import is_list
from .offsets import COVERED, LEFT_OUT, PARTS

if TYPE_CHECKING:
    from .dialects import Context


def is_bioc(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is a document with passages."""
    passages = record.get("passages")
    return (
        is_list(passages)
        and bool(passages)
        and isinstance(passages[0], Mapping)
        and "offset" in passages[0]
        and ("annotations" in passages[0] or "sentences" in passages[0])
    )


def bioc_records(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a document. Its passages become paragraphs.

    record (Mapping): The document.
    context (Context): Collects notes.
    YIELDS (Mapping): A record with text and spans. Offsets are counted from the first passage.
    """
    text = ""
    spans: list[Mapping[str, Any]] = []
    passages = [passage for passage in record.get("passages") or () if isinstance(passage, Mapping)]
    for passage in passages:
        parts = [passage, *(s for s in passage.get("sentences") or () if isinstance(s, Mapping))]
        # Passages have a text, or sentences with texts.
        held = [part for part in parts if isinstance(part.get("text"), str) and part["text"]]
        for part in held[:1] if parts[0] in held else held:
            text += "\n" if text and part is held[0] else " " if text else ""
            base, shift = part.get("offset"), len(text)
            text += part["text"]
            inner = parts if part is passage else [part]
            for annotation in (a for p in inner for a in p.get("annotations") or ()):
                if isinstance(annotation, Mapping):
                    spans += _moved(annotation, base, shift, context)
    yield {"text": text, "spans": spans}


def _moved(
    annotation: Mapping[str, Any], base: Any, shift: int, context: "Context"
) -> Iterator[Mapping[str, Any]]:
    infons = annotation.get("infons")
    label = infons.get("type") if isinstance(infons, Mapping) else None
    locations = annotation.get("locations")
    if not is_list(locations) or not all(isinstance(place, Mapping) for place in locations):
        raise context.wrong("an annotation has no list of locations. Fix this document.")
    if not locations:
        context.note("annotations of a whole document were skipped")
        return
    if len(locations) > 1:
        if context.options.of_parts == "drop":
            context.note(LEFT_OUT)
            return
        if context.options.of_parts == "refuse":
            raise context.wrong(f"an entity is discontinuous, which spaCy doesn't support. {PARTS}")
        context.note(COVERED)
    places = [(place.get("offset"), place.get("length")) for place in locations]
    if not all(isinstance(n, int) for n in (base, *chain(*places))):
        raise context.wrong("an offset or a length is not a number. Fix this document.")
    start = min(start for start, _ in places) + shift - base
    end = max(start + length for start, length in places) + shift - base
    found = {"start": start, "end": end, "label": label}
    has_text = "text" in annotation and len(places) == 1
    yield {**found, "text": annotation["text"]} if has_text else found
