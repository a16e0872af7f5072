"""Find texts and lists of entities within records."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .counting import cuts
from .entities import (
    Discontinuous,
    Entry,
    EntryFields,
    NoEntity,
    entries,
    has_offsets,
    offset,
    read_entry,
)
from .entity_fields import OTHER
from .fields import get, is_list, join, parsed, simple
from .text_records import SPANS, holds_entities

DEPTH = 4
# Elements of a list from which its contents are detected.
ELEMENTS = 20
# Names of fields with the name of a text file.
FILES = ("location", "file", "filename", "filepath", "path", "textfile", "sourceref", "uri",
         "documentname", "source")  # fmt: skip
# Lists of things with offsets that are not entities.
NO_SPANS = re.compile(
    r"(?i)(^|[._])(relations?|relationships|events?|sents|sentences|paragraphs|noun_chunks|coref\w*|"
    r"clusters|links?)($|[._])"
)
# Fields that say who labelled a text.
ANNOTATORS = {
    "annotator", "annotatorid", "annotatedby", "user", "userid", "username", "author", "worker",
    "workerid", "completedby", "labeledby", "labelledby", "createdby", "email", "reviewer",
}  # fmt: skip


@dataclass
class Candidates:
    """What the fields of a record hold.

    texts (dict[str, str]): Texts by path.
    spans (dict[str, Any]): Lists of entities by path.
    several (set[str]): Lists in which each element has the entities of one annotator, or
        predictions.
    """

    texts: dict[str, str] = field(default_factory=dict)
    spans: dict[str, Any] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)


def candidates(record: Mapping[str, Any]) -> Candidates:
    """Find texts and lists of entities in a record.

    record (Mapping[str, Any]): The record.
    RETURNS (Candidates): What was found.
    """
    found = Candidates()
    _walk(record, "", DEPTH, found)
    return found


def _walk(record: Mapping[str, Any], prefix: str, depth: int, found: Candidates) -> None:
    for name, value in record.items():
        path = join(prefix, name)
        if isinstance(value, str):
            inner = parsed(value)
            if inner is not value and is_spans(inner):
                found.spans.setdefault(path, inner)
            else:
                found.texts.setdefault(path, value)
        elif is_spans(value):
            found.spans.setdefault(path, value)
        elif isinstance(value, Mapping) and depth:
            _walk(value, path, depth - 1, found)
        elif is_list(value) and value and depth:
            _walk_list(value, path, depth, found)


def _walk_list(values: Sequence[Any], path: str, depth: int, found: Candidates) -> None:
    lists = [value for value in values[:ELEMENTS] if is_list(value)]
    if any(map(is_spans, lists)):
        found.spans.setdefault(f"{path}.0", lists[0])
        if len(values) > 1:
            found.several.add(path)
        return
    inner = Candidates()
    objects = [value for value in values[:ELEMENTS] if isinstance(value, Mapping)]
    for value in objects:
        _walk(value, path, depth - 1, inner)
    if not inner.spans:
        return
    found.spans |= {p: v for p, v in inner.spans.items() if p not in found.spans}
    found.several |= inner.several
    if len(objects) > 1 and any(ANNOTATORS & set(map(simple, value)) for value in objects):
        found.several.add(path)


def is_spans(value: Any) -> bool:
    """Check whether a value is a list of entities.

    value (Any): The value.
    RETURNS (bool): Whether one of its first elements has a start, an end and a name.
    """
    if isinstance(value, Mapping):
        # Labels with lists of offsets, which don't have labels of their own.
        lists = [v for v in value.values() if v]
        if lists and all(isinstance(v, Mapping) for v in lists) and is_spans(lists):
            return True
        if not lists or not all(is_list(v) or isinstance(v, Mapping) for v in lists):
            return False
        try:
            first = next(entries({"": lists[0]}), None)
        except (NoEntity, Discontinuous, RecursionError):
            return False
        return first is not None and first.label == "" and "" not in value
    if not is_list(value):
        return False
    for entry in value[:ELEMENTS]:
        if is_list(entry) and (
            len(entry) < 2 or not any(isinstance(v, str | Mapping) for v in entry)
        ):
            continue
        try:
            found = next(read_entry(entry, EntryFields()), None)
        except (NoEntity, RecursionError):
            if isinstance(entry, Mapping) and _has_other_name(entry) and has_offsets(entry):
                return True
            continue
        except Discontinuous:
            return True
        if found is not None:
            return True
    return False


def _has_other_name(entry: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, str) and value.strip() and offset(value) is None
        for name, value in entry.items()
        if simple(name) not in (*OTHER, "text")
    )


def readable(value: Any) -> list[Entry]:
    """Read the entities in a field whose labels are not known yet.

    value (Any): The value of the field.
    RETURNS (list[Entry]): The entities, with empty labels. None if it has other contents.
    """
    try:
        return list(entries(value, EntryFields(lenient=True)))
    except (NoEntity, Discontinuous, RecursionError):
        return []


def names_text_file(record: Mapping[str, Any]) -> bool:
    """record (Mapping[str, Any]): A record.
    RETURNS (bool): Whether it has entities, and the name of a file instead of a text."""
    return any(simple(name) in FILES and isinstance(record[name], str) for name in record) and any(
        not NO_SPANS.search(path) for path in candidates(record).spans
    )


def has_text_and_spans(record: Mapping[str, Any], names: Sequence[str] | None = None) -> bool:
    """Check whether a value is a record of text.

    record (Mapping[str, Any]): The value.
    names (Sequence[str] | None): Simplified names of the field of the text. If None, any.
    RETURNS (bool): Whether it has a text that fits a list of entities.
    """
    standard = isinstance(record.get("text"), str)
    if standard and any(
        is_list(v := record.get(p)) and (not v or holds_entities(v)) for p in SPANS
    ):
        return True
    found = candidates(record)
    texts = [
        text
        for path, text in found.texts.items()
        if names is None or simple(path.rpartition(".")[2]) in names
    ]
    for path in found.spans if texts else ():
        things = [] if NO_SPANS.search(path) else readable(get(record, path))
        end = max((thing.end for thing in things), default=0)
        for text in texts:
            cut = sum(cuts(text, t.start) or cuts(text, t.end) for t in things)
            if things and end <= len(text.encode("utf-8", "replace")) and 2 * cut < len(things):
                return True
    return False
