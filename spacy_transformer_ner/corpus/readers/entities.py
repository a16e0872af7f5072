"""Read entities in the forms of all tools: things with a start, an end and a name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
# Within an object that stands for a label.
NAMES = ("label", "name", "displayname", "value", "type", "text", "title", "category", "class")


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
    """Raised for an entity with several parts.

    places (Sequence[tuple[int, int]]): Start and end of the parts.
    """

    def __init__(self, places: Sequence[tuple[int, int]] = ()):
        super().__init__(places)
        self.places = places

    def cover(self, entry: Any) -> Any:
        """entry (Any): The entity, an object or a list.
        RETURNS (Any): The entity with one part that covers all."""
        start = min(start for start, _ in self.places)
        end = max(end for _, end in self.places)
        if isinstance(entry, Mapping):
            return {**entry, "start": start, "end": end}
        return [[[start, end]] if is_list(value) else value for value in entry]


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


def entries(
    value: Any,
    fields: EntryFields = EntryFields(),
    in_parts: list[Any] | None = None,
    *,
    cover: bool = False,
) -> Iterator[Entry]:
    """Read the entities in a field.

    value (Any): A list of entities; or an object that maps identifiers to entities, labels to
        lists of entities, or labels to objects that map texts to lists of offsets.
    fields (EntryFields): The fields of label and text.
    in_parts (list | None): Collects discontinuous entities. If None, they are errors.
    cover (bool): Whether they are read as one entity that covers all parts.
    YIELDS (Entry): The entities.
    RAISES: NoEntity with the value that is not an entity, or Discontinuous.
    """
    value = parsed(value)
    if is_list(value):
        for entry in value:
            try:
                yield from read_entry(entry, fields)
            except Discontinuous as error:
                if in_parts is None:
                    raise
                in_parts.append(entry)
                if cover:
                    # The file has the text of the parts.
                    yield from read_entry(error.cover(entry), replace(fields, said=None))
    elif isinstance(value, Mapping):
        for label, inner in value.items():
            if isinstance(inner, Mapping) and has_offsets(inner):
                yield from read_entry(inner, fields)  # entities by their identifiers
            elif isinstance(inner, Mapping):
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
    except Discontinuous:
        return True


def _places(flat: Mapping[str, Any], field: str | None) -> Iterator[tuple[int, int, str | None]]:
    """Yield the offsets of an object, and a text beside them."""
    start = first_offset(flat, STARTS)
    end = first_offset(flat, ENDS)
    if start is None and end is not None and "endoffset" in flat and not flat.keys() & {*STARTS}:
        start = 0  # Google's protocol buffers leave out zeros
    if start is not None and end is None and not flat.keys() & {*ENDS, *LENGTHS}:
        said = flat.get(field or "text")
        end = start + len(said) if isinstance(said, str) and said else None
    if start is not None and end is None and (length := first_offset(flat, LENGTHS)) is not None:
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
                raise Discontinuous([place[:2] for place in places])
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
                raise Discontinuous([(place[0], place[1]) for place in pair])
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
        found = [names for v in entry if isinstance(v, Mapping | list) for names in label_names(v)]
        name = found[0] if found else label
        if name is None:
            raise NoEntity(entry)
        return Entry(numbers[0], numbers[1], name, said)
    if len(strings) > 1 and not isinstance(entry[0], str) and offset(entry[0]) is not None:
        # [start, end, label, identifier] is spaCy's; [start, end, text, label] has the text first.
        return Entry(numbers[0], numbers[1], strings[0], said)
    if len(strings) > 1:
        raise NoEntity(entry)  # which of them is the label?
    return Entry(numbers[0], numbers[1], strings[0], said)


def first_offset(flat: Mapping[str, Any], names: Sequence[str]) -> int | None:
    for name in names:
        value = flat.get(name)
        if isinstance(value, Mapping):
            value = value.get("offset")
        if (number := offset(value)) is not None:
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
