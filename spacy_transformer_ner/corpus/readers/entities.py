"""Read entities in the forms of all tools: things with a start, an end and a name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .fields import get, is_list, parsed, simple

# Names of the fields of an entity, simplified by `simple`.
STARTS = (
    "start", "startoffset", "startchar", "begin", "beginoffset", "startidx", "startindex",
    "startpos", "startposition", "startcharacter", "charstart", "offsetstart", "beginchar",
    "charbegin", "beginindex", "beginpos", "characteroffsetbegin", "from", "offset", "pos",
    "position", "first", "left", "s", "b",
)  # fmt: skip
ENDS = (
    "end", "endoffset", "endchar", "stop", "endidx", "endindex", "endpos", "endposition",
    "endcharacter", "charend", "offsetend", "stopchar", "stopindex", "characteroffsetend", "to",
    "finish", "last", "right", "e",
)  # fmt: skip
LENGTHS = ("length", "len")
# Both offsets in a list, or a list of several.
PAIRS = (
    "offsets", "offset", "span", "indices", "index", "position", "positions", "range", "charspan",
    "charoffsets", "charindices", "interval", "boundaries", "loc", "location", "pos",
)  # fmt: skip
# Lists of the places of one entity. If there are several, the entity is discontinuous.
FRAGMENTS = ("locations", "offsets", "fragments", "textposition")
# Lists of several entities with the same label.
MENTIONS = ("points", "mentions", "spans", "instances", "occurrences", "positions", "ranges")
LABELS = (
    "label", "labels", "entitylabel", "entitytype", "entitygroup", "entityclass", "nertag",
    "nerlabel", "tag", "tags", "tagname", "labelname", "classname", "displayname", "category",
    "categories", "type", "types", "class", "obj", "concept", "title", "name", "entity", "kind",
    "value", "infons",
)  # fmt: skip
# These fields are the label even if there are others.
CERTAIN = ("label", "labels", "entitylabel", "entitytype", "entitygroup")
# Within an object that stands for a label.
NAMES = ("label", "name", "displayname", "value", "type", "text", "title", "category", "class")
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
class Entry:
    """An entity as the file has it.

    start, end (int): The offsets, in any units.
    label (str | int): The label, or its number.
    said (str | None): The text of the entity according to the file.
    """

    start: int
    end: int
    label: str | int
    said: str | None = None


class NoEntity(ValueError):
    """Raised for a value that is not an entity."""


class Discontinuous(ValueError):
    """Raised for an entity with several parts."""


@dataclass(frozen=True)
class EntryFields:
    """The fields of entities.

    label (str | None): The field of the label: a simplified name, or a path if `given`.
    said (str | None): The field of the entity's text, simplified.
    said_at (int | None): The position of the entity's text among the texts of a list.
    given (bool): Whether the label's field was set by the user.
    lenient (bool): Whether to read entities without a known label, with an empty one.
    """

    label: str | None = None
    said: str | None = "text"
    said_at: int | None = None
    given: bool = False
    lenient: bool = False


def entries(value: Any, fields: EntryFields = EntryFields()) -> Iterator[Entry]:
    """Read the entities in a field.

    value (Any): A list of entities; or an object that maps labels to lists of entities, or to
        objects that map texts to lists of offsets.
    fields (EntryFields): The fields of label and text.
    YIELDS (Entry): The entities.
    RAISES: NoEntity with the value that is not an entity, or Discontinuous.
    """
    value = parsed(value)
    if is_list(value):
        for entry in value:
            yield from read_entry(entry, fields)
    elif isinstance(value, Mapping):
        for label, inner in value.items():
            if isinstance(inner, Mapping):
                for said, places in inner.items():
                    for place in places if is_list(places) else ():
                        yield from read_entry(place, fields, str(label), str(said))
            elif is_list(inner):
                for entry in inner:
                    yield from read_entry(entry, fields, str(label))
            elif inner is not None:
                raise NoEntity(inner)
    elif value is not None:
        raise NoEntity(value)


def read_entry(
    entry: Any, fields: EntryFields, label: str | None = None, said: str | None = None
) -> Iterator[Entry]:
    """Read an entity.

    entry (Any): An object or a list. None is skipped.
    fields (EntryFields): The fields of label and text.
    label, said (str | None): The label and the text, if they are outside of the object.
    YIELDS (Entry): The entity. Several if it has several labels, or the object has several
        entities.
    RAISES: NoEntity, or Discontinuous.
    """
    if (known := _usual(entry, fields)) is not None:
        yield known
    elif isinstance(entry, Mapping):
        yield from _of_object(entry, fields, label, said)
    elif is_list(entry):
        yield _of_list(entry, label, said, fields.said_at)
    elif entry is not None:
        raise NoEntity(entry)


def _usual(entry: Any, fields: EntryFields) -> Entry | None:
    """Read an entity in one of the two most common forms, which is faster."""
    if type(entry) is dict:
        if fields.given or fields.label not in (None, "label") or fields.said not in (None, "text"):
            return None
        start, end, label = entry.get("start"), entry.get("end"), entry.get("label")
        said = entry.get("text")
    elif type(entry) is list and len(entry) == 3:
        (start, end, label), said = entry, None
    else:
        return None
    if type(start) is int and type(end) is int and type(label) is str:
        return Entry(start, end, label, said if type(said) is str else None)
    return None


def _of_object(
    entry: Mapping[str, Any], fields: EntryFields, label: str | None, said: str | None
) -> Iterator[Entry]:
    flat = flatten(entry)
    if fields.said is not None and isinstance(flat.get(fields.said), str):
        said = flat[fields.said]
    if fields.given:
        found = label_names(get(entry, fields.label or ""))
        if not found:
            raise NoEntity(entry)
    elif fields.label is not None:
        found = label_names(flat.get(fields.label))
    else:
        found = next((names for _, names in label_candidates(flat)), [])
    if not found and label is None:
        if not fields.lenient:
            raise NoEntity(entry)
        label = ""
    labels: list[Any] = found or [label]
    for start, end, text in _places(flat, fields.said):
        for name in labels:
            yield Entry(start, end, name, text or said)


def has_offsets(entry: Mapping[str, Any]) -> bool:
    """entry (Mapping): An object.
    RETURNS (bool): Whether it has a start and an end."""
    try:
        return next(_places(flatten(entry), None), None) is not None
    except NoEntity:
        return False


def _places(flat: Mapping[str, Any], field: str | None) -> Iterator[tuple[int, int, str | None]]:
    """Yield the offsets of an object, and a text beside them."""
    start = _first(flat, STARTS)
    end = _first(flat, ENDS)
    if start is None and end is not None and "endoffset" in flat and not flat.keys() & {*STARTS}:
        start = 0  # Google's protocol buffers leave out zeros
    if start is not None and end is None and not flat.keys() & {*ENDS, *LENGTHS}:
        said = flat.get(field or "text")
        end = start + len(said) if isinstance(said, str) and said else None
    if start is not None and end is None and (length := _first(flat, LENGTHS)) is not None:
        end = start + length
    if start is not None and end is not None:
        yield start, end, None
        return
    for name in PAIRS:
        pair = flat.get(name)
        if is_list(pair) and len(pair) == 2 and None not in (numbers := list(map(offset, pair))):
            yield numbers[0], numbers[1], None  # type: ignore[misc]
            return
    for names, parts in ((FRAGMENTS, True), (MENTIONS, False)):
        for name in names:
            inner = flat.get(name)
            if not is_list(inner) or not inner:
                continue
            places = []
            for place in inner:
                if isinstance(place, Mapping):
                    within = flatten(place)
                    text = within.get(field or "text")
                    for start, end, _ in _places(within, field):
                        places.append((start, end, text if isinstance(text, str) else None))
                elif is_list(place) and len(place) >= 2:
                    numbers = [offset(place[0]), offset(place[1])]
                    if None not in numbers:
                        places.append((*numbers, None))  # type: ignore[arg-type]
            if parts and len(places) > 1:
                raise Discontinuous
            if places:
                yield from places
                return
    raise NoEntity(dict(flat))


def _of_list(
    entry: Sequence[Any], label: str | None, said: str | None, said_at: int | None = None
) -> Entry:
    """Read [start, end, label], [label, start, end], ["T1", label, [[start, end]]] and more."""
    numbers = [n for value in entry if (n := offset(value, strict=True)) is not None]
    strings = [value for value in entry if isinstance(value, str)]
    if len(numbers) < 2:
        pair = next((v for v in entry if is_list(v) and v), None)
        if pair is not None and is_list(pair[0]):
            if len(pair) > 1:
                raise Discontinuous
            pair = pair[0]
        numbers = [n for v in pair or () if (n := offset(v, strict=True)) is not None][:2]
        if len(numbers) == 2 and len(strings) == 2 and isinstance(entry[0], str):
            strings = strings[1:]  # brat's ["T1", label, offsets]
    if len(numbers) < 2:
        # [start, end] as text, as in exports of tables.
        numbers = [n for value in entry[:2] if (n := offset(value)) is not None]
        strings = strings[len([v for v in entry[:2] if isinstance(v, str)]) :]
        if len(numbers) < 2:
            raise NoEntity(entry)
    if len(numbers) >= 3 and not strings and label is None:
        return Entry(numbers[0], numbers[1], numbers[2], said)
    if len(numbers) >= 3 and all(offset(v, strict=True) is not None for v in entry[:3]):
        raise NoEntity(entry)  # which of them are the offsets?
    if said_at is not None and len(strings) > 1 and said_at < len(strings):
        said = strings.pop(said_at)
        return Entry(numbers[0], numbers[1], strings[0], said)
    if not strings:
        names = [n for v in entry if isinstance(v, Mapping | list) and (n := label_names(v))]
        name = names[0][0] if names else label
        if name is None:
            raise NoEntity(entry)
        return Entry(numbers[0], numbers[1], name, said)
    if len(strings) > 1 and not isinstance(entry[0], str) and offset(entry[0]) is not None:
        # [start, end, label, identifier] is spaCy's; [start, end, text, label] has the text first.
        return Entry(numbers[0], numbers[1], strings[0], said)
    if len(strings) > 1 and isinstance(entry[0], str) and isinstance(entry[1], str):
        # [text, label, start, end]
        return Entry(numbers[0], numbers[1], strings[1], strings[0])
    return Entry(numbers[0], numbers[1], strings[0], said)


def _first(flat: Mapping[str, Any], names: Sequence[str]) -> int | None:
    for name in names:
        if name in flat and (number := offset(flat[name])) is not None:
            return number
    return None


def offset(value: Any, strict: bool = False) -> int | None:
    """Read an offset.

    value (Any): A number, or a number as text or with a fraction of zero, as tables have it.
    strict (bool): Whether to accept only integers.
    RETURNS (int | None): The offset. None if the value is not an offset.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if strict:
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 16:
        return int(value)
    return None


def flatten(entry: Mapping[str, Any], depth: int = 3) -> dict[str, Any]:
    """Flatten an object.

    entry (Mapping[str, Any]): The object.
    depth (int): The number of levels.
    RETURNS (dict[str, Any]): All fields by their simplified name. Outer fields come first.
    """
    flat: dict[str, Any] = {}
    inner = []
    for key, value in entry.items():
        flat.setdefault(simple(key), value)
        if isinstance(value, Mapping):
            inner.append(value)
    if depth:
        for value in inner:
            for key, deeper in flatten(value, depth - 1).items():
                flat.setdefault(key, deeper)
    return flat


def label_names(value: Any) -> list[str | int]:
    """Read a label.

    value (Any): A name, a number, a list of them, or an object that has it.
    RETURNS (list[str | int]): The labels. Empty if it is not a label.
    """
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return [value]
    if is_list(value):
        return [name for inner in value for name in label_names(inner)]
    if isinstance(value, Mapping):
        flat = flatten(value, 0)
        for name in NAMES:
            if flat.get(name) is not None and (found := label_names(flat[name])):
                return found
    return []


def label_candidates(flat: Mapping[str, Any]) -> Iterator[tuple[str, list[str | int]]]:
    """Find the fields of an entity that can be its label.

    flat (Mapping[str, Any]): The entity, flattened.
    YIELDS (tuple[str, list[str | int]]): Field and labels, the most likely first.
    """
    seen = set()
    for name in (*LABELS, *(n for n in flat if n.endswith(("label", "labels")))):
        if name in flat and name not in seen:
            seen.add(name)
            names = label_names(flat[name])
            if names:
                yield name, names


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
        start = _first(flat, STARTS)
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
