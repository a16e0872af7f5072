"""Records of text whose entities have another form: offsets in parallel lists, fields with names
in any language, texts without offsets, and texts in parts."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..sources import shorten
from .candidates import candidates
from .counting import cuts
from .entities import ENDS, LABELS, STARTS, has_offsets, offset
from .fields import is_list, parsed, simple

if TYPE_CHECKING:
    from .dialects import Context

Record = Mapping[str, Any]
# Fields of entities without offsets, simplified.
NAMED = ("entities", "ents", "spans", "label", "labels", "annotations", "ner", "nertags",
         "mentions", "namedentities", "entitymentions", "entites", "entidades", "output")  # fmt: skip
# Lists of the parts of a text, and the fields of a part that is an entity, the best first.
PARTS = ("data", "parts", "segments", "chunks")
PART_LABELS = ("meta", "entitytype", "parameterid", "entity", "label", "type", "alias")
# Things with two numbers that are not entities.
NO_ENTITIES = re.compile(r"(?i)relation|event|link|coref|cluster|sent|token|paragraph")


def _texts(record: Record) -> list[str]:
    return [value for value in record.values() if isinstance(value, str) and " " in value.strip()]


# Offsets in parallel lists


def _parallel(value: Any) -> dict[str, str] | None:
    """Find the lists of starts, ends and labels in an object.

    RETURNS (dict[str, str] | None): The names of the fields, or None.
    """
    if not isinstance(value, Mapping):
        return None
    lists = {simple(k).removesuffix("s"): k for k, v in value.items() if is_list(v)}
    found = {}
    for what, names in (("start", STARTS), ("end", ENDS), ("label", LABELS)):
        singular = (name.removesuffix("s") for name in names)
        name = next((lists[name] for name in singular if name in lists), None)
        if name is None:
            return None
        found[what] = name
    if len(set(found.values())) < 3 or len({len(value[name]) for name in found.values()}) > 1:
        return None
    numbers = [*value[found["start"]], *value[found["end"]]]
    if any(offset(n) is None for n in numbers) or any(map(is_list, value[found["label"]])):
        return None
    return found


def _parallel_field(record: Record) -> str | None:
    """The field of the object with parallel lists, "" for the record itself, or None."""
    if _parallel(record) is not None:
        return ""
    return next((name for name, value in record.items() if _parallel(value) is not None), None)


def is_parallel(record: Record) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether starts, ends and labels of its entities are lists."""
    return bool(_texts(record)) and _parallel_field(record) is not None


def read_parallel(record: Record, context: "Context") -> Iterator[Record]:
    """Convert a record.

    record (Mapping): The record.
    context (Context): For errors.
    YIELDS (Mapping): A record with a list of entities.
    """
    field = _parallel_field(record)
    if field is None:
        raise context.wrong(
            "expected lists of starts, ends and labels with the same length. Fix this record."
        )
    held = record[field] if field else record
    names = _parallel(held)
    assert names is not None
    lists = [held[name] for name in names.values()]
    spans = [dict(zip(names, entity)) for entity in zip(*lists)]
    dropped = {field} if field else set(names.values())
    yield {**{k: v for k, v in record.items() if k not in dropped}, "spans": spans}


# Fields with other names


def _renamed(value: Any, texts: Sequence[str]) -> list[Record] | None:
    """Read a list of things with two integers and a string, whatever their names are.

    RETURNS (list[Mapping] | None): The things with start and end. None if they are something else.
    """
    if not is_list(value) or not value or not all(isinstance(v, Mapping) for v in value):
        return None
    keys = [k for k, v in value[0].items() if offset(v, strict=True) is not None]
    if len(keys) != 2 or not any(isinstance(v, str) for v in value[0].values()):
        return None
    pairs = [[offset(thing.get(k), strict=True) for k in keys] for thing in value]
    for start, end in ((0, 1), (1, 0)):
        if any(None in pair or not 0 <= pair[start] < pair[end] for pair in pairs):  # type: ignore[operator]
            continue
        offsets = [(pair[start], pair[end]) for pair in pairs]
        if any(_fit(text, offsets) for text in texts):
            return [
                {**{k: v for k, v in thing.items() if k not in keys}, "start": at[0], "end": at[1]}
                for thing, at in zip(value, offsets)
            ]
    return None


def _fit(text: str, offsets: Sequence[tuple[Any, Any]]) -> bool:
    cut = sum(end > len(text) or cuts(text, start) or cuts(text, end) for start, end in offsets)
    return 2 * cut < len(offsets)


def _renamed_fields(record: Record) -> dict[str, list[Record]]:
    texts = _texts(record)
    fields = {k: v for k, v in record.items() if texts and not NO_ENTITIES.search(k)}
    return {k: found for k, v in fields.items() if (found := _renamed(v, texts)) is not None}


def is_renamed(record: Record) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it has a list of things with two integers that fit its text, and a
        string."""
    return len(_renamed_fields(record)) == 1


def prepare_renamed(first: Sequence[tuple[int, Record]], rows: Any, context: "Context") -> Any:
    """Find the fields.

    RETURNS (tuple[str, str, str]): The field of the entities, and of their start and end.
    RAISES: InputError if they differ between records.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for _, record in first:
        for field, things in _renamed_fields(record).items():
            thing = things[0]
            old = next(v for v in record[field])
            names = [k for k, v in old.items() if k not in thing or k in ("start", "end")]
            names.sort(key=lambda name: old[name])
            found[field, names[0], names[1]] += 1
    return found.most_common(1)[0][0]


def read_renamed(record: Record, context: "Context") -> Iterator[Record]:
    """Convert a record.

    record (Mapping): The record.
    context (Context): The fields.
    YIELDS (Mapping): A record whose entities have start and end.
    """
    field, start, end = context.state
    things = record.get(field) or []
    if not is_list(things) or not all(isinstance(t, Mapping) and start in t for t in things):
        raise context.wrong(
            f"expected a list of entities with {start} and {end} in {field}, found "
            f"{shorten(repr(things), 60)}. Fix this record."
        )
    renamed = [
        {
            **{k: v for k, v in thing.items() if k not in (start, end)},
            "start": thing[start],
            "end": thing.get(end),
        }
        for thing in things
    ]
    yield {**record, field: renamed}


# Entities without offsets


def _named(value: Any, text: str) -> list[tuple[str, str, Any]] | None:
    """Read entities as their texts and labels: [{"text": …, "label": …}], [[text, label]], {label:
    [text, …]} or {text: label}.

    RETURNS (list[tuple[str, str, Any]] | None): Text, label, and the entity as the file has it.
        None if it is something else, or an entity has offsets.
    """
    value = parsed(value)
    if isinstance(value, Mapping):
        items = list(value.items())
        if items and all(isinstance(label, str) and said in text for said, label in items):
            return [(said, label, label) for said, label in items]
        if all(is_list(v) and all(isinstance(s, str) for s in v) for _, v in items):
            return [(said, label, said) for label, found in items for said in found]
        return None
    if not is_list(value):
        return None
    found = []
    for entry in value:
        if is_list(entry):
            strings = [v for v in entry if isinstance(v, str)]
            if len(strings) != 2 or len(entry) != 2:
                return None
            said, label = strings if strings[0] in text else strings[::-1]
        elif isinstance(entry, Mapping) and not has_offsets({**entry, "label": ""}):
            fields = {simple(k): v for k, v in entry.items() if isinstance(v, str)}
            name = next((n for n in LABELS if n in fields and fields[n] not in text), None)
            others = [v for k, v in fields.items() if k != name and v.strip() and v in text]
            if name is None or len(set(others)) != 1:
                return None
            said, label = others[0], fields[name]
        else:
            return None
        found.append((said, label, entry))
    return found


def _text_and_named(record: Record) -> tuple[str, str] | None:
    """Get the fields of the text, and of entities without offsets."""
    texts = {k: v for k, v in record.items() if isinstance(v, str) and parsed(v) is v}
    for name, value in record.items():
        if simple(name) not in NAMED or not parsed(value):
            continue
        for field, text in sorted(texts.items(), key=lambda item: -len(item[1])):
            found = _named(value, text)
            if found and all(said in text for said, _, _ in found):
                return field, name
    return None


def is_named(record: Record) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it has a text, and entities of which only text and label are given."""
    return not candidates(record).spans and _text_and_named(record) is not None


def prepare_named(first: Sequence[tuple[int, Record]], rows: Any, context: "Context") -> Any:
    """RETURNS (tuple[str, str]): The fields of text and entities."""
    return Counter(filter(None, (_text_and_named(r) for _, r in first))).most_common(1)[0][0]


def read_named(record: Record, context: "Context") -> Iterator[Record]:
    """Convert a record. An entity is read if its text is at one place, or at as many as there are
    entities with this text and the same label.

    record (Mapping): The record.
    context (Context): The fields.
    YIELDS (Mapping): A record with offsets.
    """
    field, name = context.state
    text = record.get(field)
    value = parsed(record.get(name)) or []
    if not isinstance(text, str):
        raise context.wrong(f"expected a text in {field}. Fix this record.")
    entries = value if is_list(value) else [value]
    given = [e for e in entries if isinstance(e, Mapping) and has_offsets({**e, "label": ""})]
    rest = [e for e in entries if e not in given] if is_list(value) else value
    found = _named(rest, text)
    if found is None:
        raise context.wrong(
            f"expected entities with text and label in {name}, found {shorten(repr(rest), 60)}. "
            "Fix this record."
        )
    counts = Counter(said for said, _, _ in found)
    labels = {said: label for said, label, _ in found}
    label_field = context.options.label_field or "label"
    spans: list[dict[str, Any]] = []
    for said, count in counts.items():
        places = _places(text, said)
        if len(places) != count or any(labels[s] != label for s, label, _ in found if s == said):
            where = "is not in the text as a word" if not places else (
                f"is in the text {len(places)} times" if len(places) != count
                else "has several labels")  # fmt: skip
            raise context.wrong(
                f"the entity {shorten(said)} {where}, and it has no offsets. Correct it, or write "
                f'the entities of this record as {{"start": 0, "end": {len(said)}, "label": '
                f'"{labels[said]}"}}, with the offsets of the characters.'
            )
        spans += [{"start": s, "end": s + len(said), label_field: labels[said]} for s in places]
    yield {field: text, name: [*given, *sorted(spans, key=lambda span: span["start"])]}


def _places(text: str, said: str) -> list[int]:
    """Find a text where it is not part of a word."""
    found = [match.start() for match in re.finditer(re.escape(said), text)] if said else []
    return [s for s in found if not cuts(text, s) and not cuts(text, s + len(said))]


# Texts in parts


def _parts(record: Record) -> Sequence[Record] | None:
    for name, value in record.items():
        if (
            simple(name) in PARTS
            and is_list(value)
            and value
            and all(isinstance(p, Mapping) and isinstance(p.get("text"), str) for p in value)
        ):
            return value
    return None


def _part_label(part: Record, given: str | None) -> str:
    names = {simple(k): v for k, v in part.items() if isinstance(v, str) and v}
    fields = PART_LABELS if given is None else (simple(given),)
    return next((names[name] for name in fields if name in names), "").removeprefix("@")


def is_in_parts(record: Record) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether its text is a list of parts, some of which are entities."""
    parts = _parts(record) or ()
    return "isTemplate" in record or any(_part_label(part, None) for part in parts)


def prepare_parts(first: Sequence[tuple[int, Record]], rows: Any, context: "Context") -> Any:
    """RAISES: InputError if no part is an entity."""
    parts = [part for _, record in first for part in _parts(record) or ()]
    if not any(_part_label(part, context.options.label_field) for part in parts):
        context.line = first[0][0]
        raise context.wrong(
            "no part of these texts is an entity, which has meta or alias. Export phrases with "
            "annotated entities, or set the field of the label with --label-field."
        )


def read_parts(record: Record, context: "Context") -> Iterator[Record]:
    """Convert a record.

    record (Mapping): The record.
    context (Context): The options.
    YIELDS (Mapping): A record with the whole text and offsets.
    """
    parts = _parts(record)
    if parts is None:
        raise context.wrong("expected a list of parts with text. Fix this record.")
    text, spans = "", []
    for part in parts:
        label = _part_label(part, context.options.label_field)
        if label and part["text"].strip():
            end = len(text) + len(part["text"])
            label_field = context.options.label_field or "label"
            spans.append({"start": len(text), "end": end, label_field: label})
        text += part["text"]
    yield {"text": text, "spans": spans}
