"""Find the fields of text and entities by what they hold."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ...errors import InputError
from ..options import ReadOptions
from ..sources import shorten
from .candidates import NO_SPANS, Candidates, candidates, readable
from .counting import cuts
from .entities import Discontinuous, EntryFields, NoEntity, entries
from .entity_fields import AmbiguousLabel, Seen, find_entry_fields
from .fields import get, is_list, join, parsed, simple
from .text_records import SPANS, TextFields, holds_entities

# Number of records, and of entities, from which the fields are detected.
SAMPLE, ENTITIES = 200, 1000
# Names of fields of text, simplified, the most likely first.
TEXTS = (
    "text", "content", "document", "sentence", "textcontent", "body", "rawtext", "fulltext", "raw",
    "documenttext", "doctext", "source", "context", "utterance", "passage", "paragraph", "message",
    "input", "query", "abstract", "transcript", "description",
)  # fmt: skip
PREDICTED = re.compile(r"(?i)predict|suggest|draft|pre_?annot|preliminary|model_|machine|autosave")


def find_text_fields(
    name: str,
    first: Sequence[tuple[int, Mapping[str, Any]]],
    options: ReadOptions,
    text_file: Callable[[str, int], str] | None = None,
) -> TextFields | None:
    """Find the fields of text and entities.

    name (str): The file name.
    first (Sequence[tuple[int, Mapping]]): The first records.
    options (ReadOptions): The fields, if they are set.
    text_file (Callable | None): Reads the text file that a field names.
    RETURNS (TextFields | None): The fields. None if there are no entities.
    RAISES: InputError if several fields fit, or only predictions are found.
    """
    found = [(line, record, candidates(record)) for line, record in first[:SAMPLE]]
    if not any(inside.spans for _, _, inside in found):
        found = [(line, record, candidates(record)) for line, record in first]
    spans = options.spans_field or _choose_spans(name, found, options)
    if spans is None:
        return None
    line = found[0][0]
    if options.spans_field is not None and not any(
        get(record, spans) is not None for _, record, _ in found
    ):
        raise InputError(
            f"no field {spans} in these records (found: {_names(found[0][1])}). Set the field of "
            "the entities with --spans-field. For fields within fields, write data.entities.",
            path=name,
            line=line,
        )
    text = options.text_field or _choose_text(name, found, spans)
    read_text = None
    if text is None and text_file is not None:
        text = _file_field(found, text_file)
        read_text = text_file if text else None
    elif text is not None and text_file is not None and options.text_field is not None:
        read_text = text_file if _file_field(found, text_file, [text]) else None
    if text is None:
        raise InputError(
            f"no text for the entities in {spans} (found: {_names(found[0][1])}). Set the field of "
            "the text with --text-field. If the text is in a file of its own, put it beside this "
            "file.",
            path=name,
            line=line,
        )
    if options.text_field is not None and not any(
        isinstance(get(record, text), str) for _, record, _ in found
    ):
        raise InputError(
            f"no text in {text} in these records (found: {_names(found[0][1])}). Set the field of "
            "the text with --text-field. For fields within fields, write data.text.",
            path=name,
            line=line,
        )
    return TextFields(
        spans=spans,
        text=text,
        entry=_entry_fields(name, found, text, spans, options),
        others=SPANS if spans in SPANS and options.spans_field is None else (),
        read_text=read_text,
    )


Found = Sequence[tuple[int, Mapping[str, Any], Candidates]]


def _choose_spans(name: str, found: Found, options: ReadOptions) -> str | None:
    paths: dict[str, int] = {}
    for number, (_, _, inside) in enumerate(found):
        for path in inside.spans:
            paths.setdefault(path, number)
    predicted = {path: number for path, number in paths.items() if PREDICTED.search(path)}
    likely = {
        path: number
        for path, number in paths.items()
        if path not in predicted and not NO_SPANS.search(path) and not _are_tokens(found, path)
    }
    if not likely:
        if predicted and _usual_field(found) is None:
            path, number = next(iter(predicted.items()))
            raise InputError(
                f"entities are only in {path}, which are predictions and not annotation. To read "
                f"them, set --spans-field {path}.",
                path=name,
                line=found[number][0],
            )
        return _usual_field(found)
    top = [path for path in SPANS if path in likely]
    # Fields within other fields are only used if there is none beside the text.
    compared = [path for path in likely if "." not in path] if top else list(likely)
    order = {path: i for i, path in enumerate(SPANS)}
    compared.sort(key=lambda path: (likely[path], order.get(path, len(SPANS))))
    best = compared[0]
    for other in compared[1:]:
        line = _differing(found, best, other)
        if line is not None:
            raise InputError(
                f"entities are in {best} and in {other}, and they differ. Set --spans-field "
                f"{best} or --spans-field {other}.",
                path=name,
                line=line,
            )
    for line, _, inside in found:
        for several in inside.several:
            if best.startswith(several):
                rest = best.removeprefix(several).removeprefix(".0").removeprefix(".")
                paths_ = [
                    join(f"{several}.{i}", rest) if rest else f"{several}.{i}" for i in (0, 1)
                ]
                raise InputError(
                    f"{several} has the entities of several annotators. Set one: --spans-field "
                    f"{paths_[0]} or --spans-field {paths_[1]}.",
                    path=name,
                    line=line,
                )
    return best


def _usual_field(found: Found) -> str | None:
    """Find a field with a usual name whose contents are not entities, or empty in the first
    records."""
    for fits in (holds_entities, lambda value: is_list(value) and not value):
        for _, record, _ in found:
            for path in SPANS:
                if fits(record.get(path)):
                    return path
    return None


def _differing(found: Found, one: str, other: str) -> int | None:
    """Get the first line in which two fields have different entities. Records with entities in
    only one of them are found when they are read."""
    for line, record, _ in found:
        held = [_places(get(record, path)) for path in (one, other)]
        if held[0] and held[1] and held[0] != held[1]:
            return line
    return None


def _places(value: Any) -> set[tuple]:
    try:
        fields = EntryFields(lenient=True)
        return {(entry.start, entry.end, entry.label) for entry in entries(value, fields)}
    except (NoEntity, Discontinuous, RecursionError):
        return {(repr(value),)}


def _are_tokens(found: Found, path: str) -> bool:
    """Whether the things in a field cover all of the texts, so that they are tokens."""
    if simple(path.rpartition(".")[2]) not in ("tokens", "words", "token"):
        return False
    are_tokens = False
    for _, _, inside in found:
        things = inside.spans.get(path)
        if not things or not is_list(things):
            continue
        texts = inside.texts.values()
        covered = sum(entry.end - entry.start for entry in readable(things))
        # Entities can cover some of the texts.
        if all(covered != sum(map(len, text.split())) for text in texts):
            return False
        are_tokens = are_tokens or len(things) > 1
    return are_tokens


def _choose_text(name: str, found: Found, spans: str) -> str | None:
    """Choose the field whose texts fit the entities."""
    held = [
        (line, inside, readable(get(record, spans)))
        for line, record, inside in found
        if inside.texts
    ]
    with_entities = [one for one in held if one[2]]
    if not with_entities:
        paths = list(dict.fromkeys(path for _, inside, _ in held for path in inside.texts))
        return _first_named([p for p in paths if simple(p.rpartition(".")[2]) in TEXTS])
    paths = list(with_entities[0][1].texts)
    for _, inside, _ in with_entities[1:]:
        paths = [path for path in paths if path in inside.texts] or paths
    scores: dict[str, float] = {}
    for path in paths:
        if _is_within(path, spans):
            continue
        outside = cut = total = 0
        has_space = False
        for _, inside, things in with_entities:
            text = inside.texts.get(path, "")
            has_space = has_space or " " in text
            for thing in things if text else ():
                total += 1
                if thing.said is not None:
                    cut += thing.said not in text
                elif 0 <= thing.start < thing.end <= len(text):
                    cut += cuts(text, thing.start) or cuts(text, thing.end)
                # Offsets in bytes can be larger, but not by much.
                outside += thing.end > len(text) + (0 if text.isascii() else 3 * len(text))
        is_name = not has_space and 2 * cut > total  # an identifier or an address
        if total and outside <= 0.02 * total and not is_name:
            scores[path] = cut / total
    if not scores:
        # Wrong offsets in the field with the usual name get an error with line and offsets.
        return _first_named([p for p in paths if simple(p) == "text"])
    if len(scores) == 1:
        return next(iter(scores))
    best = min(scores.values())
    likely = [path for path, share in scores.items() if share <= best + 0.2]
    if len(likely) == 1:
        return likely[0]
    named = _first_named([p for p in likely if simple(p.rpartition(".")[2]) in TEXTS])
    contents = {tuple(inside.texts.get(p) for _, inside, _ in with_entities) for p in likely}
    if named is not None and (simple(named) == "text" or len(contents) == 1):
        return named
    if len(contents) == 1:
        return likely[0]
    line = with_entities[0][0]
    raise InputError(
        f"the entities in {spans} can belong to the text in {' or '.join(likely[:6])}. Set "
        f"--text-field {likely[0]} or --text-field {likely[1]}.",
        path=name,
        line=line,
    )


def _is_within(path: str, spans: str) -> bool:
    return path == spans or path.startswith(f"{spans}.")


def _first_named(paths: Iterable[str]) -> str | None:
    def rank(path: str) -> int:
        return TEXTS.index(simple(path.rpartition(".")[2]))

    return min(paths, key=rank, default=None)


def _file_field(
    found: Found, text_file: Callable[[str, int], str], paths: Sequence[str] | None = None
) -> str | None:
    """Find the field with the name of a text file."""
    line, _, inside = found[0]
    for path in paths or list(inside.texts):
        value = inside.texts.get(path)
        if value is None or "\n" in value or len(value) > 300:
            continue
        try:
            text_file(value, line)
        except (InputError, OSError, ValueError):
            continue
        return path
    return None


def _entry_fields(
    name: str, found: Found, text: str, spans: str, options: ReadOptions
) -> EntryFields:
    seen = list(
        islice(
            (
                Seen(held, entry)
                for _, record, _ in found
                if isinstance(held := get(record, text), str)
                for entry in _objects(get(record, spans))
            ),
            ENTITIES,
        )
    )
    try:
        return find_entry_fields(seen, options.label_field)
    except AmbiguousLabel as error:
        options_ = " or ".join(f"--label-field {path}" for path in error.fields[:4])
        raise InputError(
            f"the label of the entities in {spans} can be {' or '.join(error.fields[:4])}. Set "
            f"{options_}.",
            path=name,
            line=found[0][0],
        ) from None


def _objects(value: Any) -> Iterator[Any]:
    """Yield the entities in a field, unread."""
    value = parsed(value)
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _objects(inner)
    elif is_list(value):
        yield from (entry for entry in value if isinstance(entry, Mapping) or is_list(entry))


def _names(record: Mapping[str, Any]) -> str:
    return ", ".join(shorten(str(field), 30) for field in list(record)[:12]) or "none"
