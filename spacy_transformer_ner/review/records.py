"""Change the entities of JSON records."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..corpus.origin import origin_of
from ..corpus.readers.label_studio import SHORT_TASKS, TASKS, annotations_of
from ..corpus.readers.text_records import TextRecords
from ..corpus.readers.token_records import TokenRecords
from ..errors import InputError
from .changes import ENDS, LABELS, STARTS, Change, Edit, Ent, read_entry, unchangeable
from .columns import changed_tags
from .json_ranges import Range, element_ranges, member_ranges, record_ranges
from .label_studio import result_of

# Fields in which Doccano has entities as [start, end, label].
OF_DOCCANO = ("label", "labels")
# The first and the last token of an entity in Prodigy.
OF_TOKENS = ("token_start", "token_end")


def record_edits(
    text: str, reader: TextRecords | TokenRecords, changes: Sequence[Change]
) -> list[Edit]:
    """Get the edits of a JSON file. Only entities that change are replaced.

    text (str): The text of the file.
    reader (TextRecords | TokenRecords): Its reader, after it has read the file.
    changes (Sequence[Change]): The documents that change.
    RETURNS (list[Edit]): The edits.
    RAISES: InputError if an entity cannot be written, or the records have another form than those
        of spaCy, Prodigy, Doccano, Label Studio and Hugging Face.
    """
    if not _is_plain(reader):
        raise unchangeable(reader.name)
    lines = {line for change in changes for line in _lines(change)}
    places: dict[int, list[Range]] = defaultdict(list)
    for line, place in record_ranges(text):
        if line in lines:
            places[line].append(place)
    if isinstance(reader, TextRecords):
        return [edit for change in changes for edit in _text_edits(text, reader, change, places)]
    return [edit for change in changes for edit in _tag_edits(text, reader, change, places)]


def _is_plain(reader: TextRecords | TokenRecords) -> bool:
    if isinstance(reader, TokenRecords):
        return reader.kind is None
    if reader.kind not in (None, TASKS, SHORT_TASKS):
        return False
    is_nested = "." in reader.fields.spans + reader.fields.text
    return reader.offsets == "characters" and not is_nested and reader.fields.read_text is None


def _lines(change: Change) -> set[int]:
    origins = (origin_of(change.doc, token.i) for token in change.doc)
    return {origin[1] for origin in origins if origin is not None}


def _object(text: str, place: Range) -> int:
    """The place of the object of a record. In the format of spaCy 2 it is the second element."""
    return element_ranges(text, place[0])[1][0] if text[place[0]] == "[" else place[0]


def _text_edits(
    text: str, reader: TextRecords, change: Change, places: Mapping[int, list[Range]]
) -> Iterator[Edit]:
    (line,) = _lines(change)
    before = set(change.before)
    for number, place in enumerate(places[line]):
        value = json.loads(text[slice(*place)])
        if not isinstance(value, (dict, list)):
            continue
        said = change.doc.text
        start = _object(text, place)
        found = _entities_of(text, reader, start, value, said)
        if found is None:
            continue
        field, entries = found
        if {_ent(entry, said) for entry in entries} >= before:
            del places[line][number]  # an equal record on this line is another document
            break
    else:
        raise unchangeable(reader.name, line)
    like = next((entry for entry in entries if read_entry(entry)), None)
    if like is None and reader.kind is not None:
        like = _any_entity(text, reader)
    tokens = value.get("tokens") if isinstance(value, dict) else None
    style = _Style(text[slice(*place)], reader.fields.spans, like, tokens, said)
    if field is None or text[field[0]] != "[":
        new = "[" + ", ".join(style.write(ent, None) for ent in change.added) + "]"
        if field is not None:
            yield Edit(*field, new)
        else:
            yield Edit(start + 1, start + 1, f"{json.dumps(reader.fields.spans)}: {new}, ")
        return
    yield _array_edit(text, field, entries, change, style, said)


def _entities_of(
    text: str, reader: TextRecords, start: int, value: Any, said: str
) -> tuple[Range | None, list[Any]] | None:
    """The array of a record's entities and its place, if it is there. None if the record has another
    text than `said`."""
    if reader.kind == TASKS:
        return result_of(text, start, value, said)
    own, record = value if isinstance(value, list) else (value.get(reader.fields.text), value)
    if own != said:
        return None
    spans = reader.fields.spans
    return member_ranges(text, start).get(spans), record.get(spans) or []


def _any_entity(text: str, reader: TextRecords) -> Any:
    """An entity of the file, to write others like it."""
    for _, place in record_ranges(text):
        record = json.loads(text[slice(*place)])
        if reader.kind == TASKS:
            arrays = [annotation["result"] for annotation in annotations_of(record)]
        else:
            arrays = [record.get(reader.fields.spans) or []]
        for entry in (entry for array in arrays for entry in array):
            if read_entry(entry):
                return entry
    raise unchangeable(reader.name)


def _array_edit(
    text: str, field: Range, entries: list, change: Change, style: "_Style", said: str
) -> Edit:
    """Write an array of entities. Those that stay are copied as they are."""
    ranges = element_ranges(text, field[0])
    removed = set(change.removed)
    kept: list[tuple[int, str]] = []
    gone: list[tuple[Ent, Any]] = []
    for entry, place in zip(entries, ranges):
        ent = _ent(entry, said)
        if ent in removed:
            gone.append((ent, entry))
        else:
            kept.append((ent.start, text[slice(*place)]))
    for ent in change.added:
        like = next(
            (entry for old, entry in gone if old.start < ent.end and ent.start < old.end), None
        )
        position = next((i for i, (at, _) in enumerate(kept) if at > ent.start), len(kept))
        kept.insert(position, (ent.start, style.write(ent, like)))
    between = text[ranges[0][1] : ranges[1][0]] if len(ranges) > 1 else style.comma
    if not ranges:
        return Edit(field[0], field[1], "[" + between.join(new for _, new in kept) + "]")
    if not kept:
        return Edit(field[0], field[1], "[]")
    return Edit(ranges[0][0], ranges[-1][1], between.join(new for _, new in kept))


def _ent(entry: Any, said: str) -> Ent:
    """Read an entity without the whitespace around it, as the reader does. Entities in an
    unknown form are never equal to others."""
    read = read_entry(entry)
    if read is None:
        return Ent(-1, -1, "")
    start, end, label = read
    held = said[start:end]
    return Ent(end - len(held.lstrip()), start + len(held.rstrip()), label)


class _Style:
    """How a record writes entities.

    raw (str): The text of the record.
    field (str): The field of the entities.
    first (Any): An entity to write others like. None if there is none.
    tokens (Any): Its tokens, if it has them.
    said (str): Its text.
    """

    def __init__(self, raw: str, field: str, first: Any, tokens: Any, said: str):
        spaced = re.search(r'":\s', raw) is not None
        self.comma = ", " if spaced else ","
        self.separators = (self.comma, ": " if spaced else ":")
        self.ascii = raw.isascii() and "\\u" in raw
        self.first = first
        self.as_list = field in OF_DOCCANO if first is None else isinstance(first, list)
        self.tokens = tokens if isinstance(tokens, list) else []
        self.said = said
        self._ids: list[Any] = []

    def write(self, ent: Ent, like: Any) -> str:
        """ent (Ent): A new entity.
        like (Any): The entity that it replaces, whose other fields it keeps. None if there is
            none.
        RETURNS (str): The JSON of the entity."""
        if self.as_list:
            rest = like[3:] if isinstance(like, list) else []
            return self._dumps([*ent, *rest])
        known = like if isinstance(like, Mapping) else {}
        names = known or (self.first if isinstance(self.first, Mapping) else {})
        if isinstance(names.get("value"), Mapping):  # a region of Label Studio
            value = self._object(ent, known.get("value", {}), names["value"])
            # Relations refer to regions by their id, so the id stays, but comes only once.
            if not known or names.get("id") in self._ids:
                names = {**names, "id": f"{ent.start}-{ent.end}-{ent.label}"}
            self._ids.append(names.get("id"))
            return self._dumps({**names, "value": value})
        return self._dumps(self._object(ent, known, names))

    def _object(
        self, ent: Ent, known: Mapping[str, Any], names: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The object of an entity, with the fields of another one."""
        start, end, label = (
            next((key for key in keys if key in names), keys[0]) for keys in (STARTS, ENDS, LABELS)
        )
        written = [ent.label] if isinstance(names.get(label), list) else ent.label
        right = {start: ent.start, end: ent.end, label: written}
        right |= {"text": self.said[ent.start : ent.end], **self._in_tokens(ent)}
        # In the order of the other entities, and without fields that are unknown here.
        entry = {k: right.get(k, known.get(k)) for k in names if k in right or k in known}
        entry |= {key: right[key] for key in (start, end, label)}
        return {k: v for k, v in entry.items() if k in right or k not in OF_TOKENS}

    def _in_tokens(self, ent: Ent) -> dict[str, int]:
        """The tokens of an entity, as in Prodigy, the last one inclusive."""
        inside = [
            i for i, t in enumerate(self.tokens) if t["start"] < ent.end and ent.start < t["end"]
        ]
        return dict(zip(OF_TOKENS, (inside[0], inside[-1]))) if inside else {}

    def _dumps(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self.ascii, separators=self.separators)


def _tag_edits(
    text: str, reader: TokenRecords, change: Change, places: Mapping[int, list[Range]]
) -> Iterator[Edit]:
    tags = dict(changed_tags(change, reader.tags))
    names = reader.names
    for sentence in change.doc.sents:
        changed = {
            i - sentence.start: tags[i] for i in range(sentence.start, sentence.end) if i in tags
        }
        if not changed:
            continue
        origin = origin_of(change.doc, sentence.start)
        assert origin is not None
        words = [token.text for token in sentence]
        for place in places[origin[1]]:
            record = json.loads(text[slice(*place)])
            given = record.get(reader.words_field) if isinstance(record, dict) else None
            if not isinstance(given, list) or not all(isinstance(w, str) for w in given):
                continue
            # The reader skips empty words.
            filled = [i for i, w in enumerate(given) if w.strip()]
            if [given[i] for i in filled] == words:
                break
        else:
            raise unchangeable(reader.name, origin[1])
        cells = element_ranges(text, member_ranges(text, place[0])[reader.tags_field][0])
        for i, tag in changed.items():
            if names is None:
                new = json.dumps(tag, ensure_ascii=text.isascii())
            elif tag in names.values():
                new = str(next(number for number, name in names.items() if name == tag))
            else:
                raise InputError(
                    f"the tags are numbers, and none stands for {tag}. Add it to the list of tags.",
                    path=reader.name,
                    line=origin[1],
                )
            yield Edit(*cells[filled[i]], new)
