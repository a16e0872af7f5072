"""Detect the fields of an entity: the label, and its text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .entities import (
    ENDS,
    LABELS,
    STARTS,
    EntryFields,
    first_offset,
    flatten,
    label_candidates,
    offset,
)
from .fields import is_list, simple

# These fields are the label even if there are others.
CERTAIN = ("label", "labels", "entitylabel", "entitytype", "entitygroup")
# Values of a field that says only that this is an entity.
GENERAL = {"entity", "span", "labels", "label", "text", "annotation", "tag", "ner", "mention", "ne",
           "named entity", "namedentity", "textentity", "manual", "default", "human"}  # fmt: skip
# Fields with other contents.
OTHER = {
    "id", "uid", "uuid", "key", "hash", "color", "colour", "comment", "comments", "note", "notes",
    "status", "state", "source", "origin", "user", "author", "annotator", "createdby", "createdat",
    "updatedat", "date", "timestamp", "time", "fromname", "toname", "score", "confidence", "kbid",
    "lang", "language", "wikidata", "link", "url", "featureid", "schemaid", "tagid", "labelid",
    "entityid", "normalized", "normalised", "lemma", "definition", "description", "role",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """An entity of the first records, to detect the fields.

    text (str): The text of the record.
    entry (Any): The entity.
    """

    text: str
    entry: Any


class AmbiguousLabel(ValueError):
    """Raised if several fields can be the label.

    fields (list[str]): The fields.
    """

    def __init__(self, fields: list[str]):
        super().__init__(", ".join(fields))
        self.fields = fields


def find_entry_fields(seen: Sequence[Seen], label_field: str | None) -> EntryFields:
    """Detect the fields of label and text.

    seen (Sequence[Seen]): Entities of the first records.
    label_field (str | None): The field of the label, if it was set.
    RETURNS (EntryFields): The fields.
    RAISES: AmbiguousLabel.
    """
    objects = [(s.text, flatten(s.entry)) for s in seen if isinstance(s.entry, Mapping)]
    said_at = _said_position([s for s in seen if is_list(s.entry)])
    texts = _said_fields(objects)
    said = texts[0] if texts else None
    if label_field is not None:
        return EntryFields(label_field, said, given=True)
    if not objects:
        return EntryFields(said_at=said_at)
    counts: Counter[str] = Counter()
    values: dict[str, set] = {}
    for _, flat in objects:
        for name, names in label_candidates(flat):
            if name not in texts:
                counts[name] += 1
                values.setdefault(name, set()).update(names)
    found = [
        name
        for name in sorted(counts, key=lambda n: LABELS.index(n) if n in LABELS else 99)
        if counts[name] >= 0.5 * max(counts.values())
    ]
    if len(found) > 1:
        found = [n for n in found if not {str(v).lower() for v in values[n]} <= GENERAL] or found
    certain = [name for name in found if name in CERTAIN]
    if certain:
        return EntryFields(certain[0], said)
    if len(found) > 1 and len({frozenset(values[name]) for name in found}) > 1:
        raise AmbiguousLabel(_as_written(seen, found))
    if found:
        return EntryFields(found[0], said)
    others = _other_strings(objects, texts)
    if len(others) > 1:
        raise AmbiguousLabel(_as_written(seen, others))
    return EntryFields(others[0] if others else None, said)


def _said_position(seen: Sequence[Seen]) -> int | None:
    """Find the position of the entity's text among the texts of a list."""
    matches: Counter[int] = Counter()
    for one in seen:
        strings = [value for value in one.entry if isinstance(value, str)]
        numbers = [n for value in one.entry if (n := offset(value, strict=True)) is not None]
        if len(strings) > 1 and len(numbers) >= 2:
            for i, value in enumerate(strings):
                matches[i] += _near(one.text, value, numbers[0]) >= 0
    found = [i for i, count in matches.items() if 2 * count > len(seen)]
    return found[0] if len(found) == 1 else None


def _as_written(seen: Sequence[Seen], names: Sequence[str]) -> list[str]:
    """Get the names of simplified fields as the file writes them, as paths."""
    written: dict[str, str] = {}

    def collect(entry: Mapping[str, Any], prefix: str, depth: int) -> None:
        for key, value in entry.items():
            path = f"{prefix}.{key}" if prefix else str(key)
            written.setdefault(simple(key), path)
            if depth and isinstance(value, Mapping):
                collect(value, path, depth - 1)

    for one in seen:
        if isinstance(one.entry, Mapping):
            collect(one.entry, "", 3)
    return [written.get(name, name) for name in names]


def _said_fields(objects: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Find the fields with the text of the entity: "text", and fields whose values are in the
    text near the offsets."""
    matches: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for text, flat in objects[:500]:
        start = first_offset(flat, STARTS)
        for name, value in flat.items():
            if isinstance(value, str) and value.strip():
                total[name] += 1
                place = text.find(value.strip()) if start is None else _near(text, value, start)
                matches[name] += place >= 0
    likely = [n for n in matches if matches[n] and matches[n] >= 0.6 * total[n]]
    likely.sort(key=lambda name: -matches[name])
    return ["text", *(n for n in likely if n != "text")] if total["text"] else likely


def _near(text: str, value: str, start: int) -> int:
    """Find a text near an offset, which may be counted in other units."""
    value = value.strip()
    low = max(0, min(start, len(text)) - 2 - (0 if text.isascii() else len(text)))
    high = min(len(text), start + len(value) + 3)
    return text.find(value, low, high)


def _other_strings(
    objects: Sequence[tuple[str, Mapping[str, Any]]], texts: Sequence[str]
) -> list[str]:
    """Find fields in which every entity has a text that can be a label."""
    counts: Counter[str] = Counter()
    for _, flat in objects:
        for name, value in flat.items():
            if (
                isinstance(value, str)
                and value.strip()
                and offset(value) is None
                and name not in OTHER
                and name not in texts
                and name not in STARTS + ENDS
                and len(value) <= 60
            ):
                counts[name] += 1
    return [name for name, count in counts.items() if count == len(objects)]
