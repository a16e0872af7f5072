"""Words with entities as indices of words: GLiNER, SpERT, DyGIE++, DocRED and similar."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..documents import Span
from ..overlapping import layers
from ..sources import shorten
from ..tags import write_tags
from .counting import cuts
from .entities import Discontinuous, Entry, EntryFields, NoEntity, entries
from .fields import is_list
from .offsets import COVERED, LEFT_OUT, PARTS, without_overlaps
from .token_records import NESTED

if TYPE_CHECKING:
    from .dialects import Context, Rows

WORDS = ("tokenized_text", "tokens", "words", "token", "sentence", "text")
SPANS = ("ner", "entities", "entity_mentions", "spans", "mentions")
SENTENCES = ("sentences", "sents")
# These fields have the last word of an entity; others the word after it.
INCLUSIVE = ("tokenized_text", "sentences")
# With fewer entities, single words and starts of sentences can be missing by chance.
FEW = 5


@dataclass(frozen=True)
class Sentence:
    """A sentence with its entities.

    words (Sequence[str]): The words.
    entries (Sequence[Entry]): The entities, with indices of words.
    """

    words: Sequence[str]
    entries: Sequence[Entry]


@dataclass(frozen=True)
class Counted:
    """How indices are counted.

    inclusive (bool): Whether the end is the last word of the entity.
    of_document (bool): Whether words are counted from the start of the document.
    """

    inclusive: bool
    of_document: bool = False


def _are_words(value: Any) -> bool:
    return is_list(value) and bool(value) and all(isinstance(word, str) for word in value)


def _field_of_words(record: Mapping[str, Any]) -> str | None:
    return next((f for f in WORDS if _are_words(record.get(f))), None)


def _field_of_sentences(record: Mapping[str, Any]) -> str | None:
    for field in SENTENCES:
        if is_list(record.get(field)) and record[field] and all(map(_are_words, record[field])):
            return field
    return None


def _raw_sentences(record: Mapping[str, Any]) -> list[tuple[Sequence[str], Any]]:
    """Get words and entities of each sentence, unread."""
    field = _field_of_sentences(record)
    if field is not None:
        sentences = record[field]
        if is_list(record.get("vertexSet")):
            return list(zip(sentences, _docred(record["vertexSet"], len(sentences))))
        found = next((record[f] for f in ("ner", "ners", "entities") if is_list(record.get(f))), ())
        return list(zip(sentences, found)) if len(found) == len(sentences) else []
    field = _field_of_words(record)
    if field is None:
        return []
    spans = next((record[f] for f in SPANS if f != field and _holds_objects(record.get(f))), None)
    if spans is None:
        empty = any(f in record and f != field and not record[f] for f in SPANS)
        return [(record[field], [])] if empty else []
    return [(record[field], spans)]


def _docred(vertices: Sequence[Any], n_sentences: int) -> list[list[Any]]:
    """Sort the mentions of DocRED by sentence."""
    found: list[list[Any]] = [[] for _ in range(n_sentences)]
    for mentions in vertices:
        for mention in mentions if is_list(mentions) else ():
            number = mention.get("sent_id") if isinstance(mention, Mapping) else None
            if isinstance(number, int) and 0 <= number < n_sentences:
                found[number].append({k: mention.get(k) for k in ("pos", "type", "name")})
    return found


def _holds_objects(value: Any) -> bool:
    return (is_list(value) and bool(value) and isinstance(value[0], list | tuple | Mapping)) or (
        isinstance(value, Mapping) and bool(value)
    )


def _read(spans: Any, in_parts: list[Any] | None = None, cover: bool = False) -> list[Entry]:
    """Read the entities of a sentence. W2NER has the indices of all words of an entity."""
    found: list[Entry] = []
    for entry in spans if is_list(spans) else [spans]:
        index = entry.get("index") if isinstance(entry, Mapping) else None
        if is_list(index) and index and all(isinstance(i, int) for i in index):
            if list(index) != list(range(index[0], index[0] + len(index))):
                if in_parts is None:
                    raise Discontinuous
                in_parts.append(entry)
                if not cover:
                    continue
            entry = {**entry, "index": None, "start": min(index), "end": max(index) + 1}
        found.extend(entries([entry] if not isinstance(spans, Mapping) else entry, EntryFields()))
    return found


def _are_all_indices(spans: Any) -> bool:
    return is_list(spans) and any(
        isinstance(entry, Mapping) and is_list(entry.get("index")) for entry in spans
    )


def is_token_spans(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it has words, and entities as indices of words."""
    try:
        found = [(words, _read(spans)) for words, spans in _raw_sentences(record)]
    except (NoEntity, Discontinuous, RecursionError):
        return False
    total = sum(len(words) for words, _ in found)
    things = [entry for _, inner in found for entry in inner]
    if not things or not all(isinstance(entry.label, str) for entry in things):
        return False
    if any(not 0 <= entry.start <= entry.end <= total for entry in things):
        return False
    text = record.get("text")
    if not isinstance(text, str):
        return True
    # With a text as well, words are only counted if the offsets don't fit as characters.
    wrong = sum(
        cuts(text, e.start)
        or cuts(text, e.end)
        or e.start == e.end
        or (e.said is not None and text[e.start : e.end] != e.said)
        for e in things
    )
    return 2 * wrong > len(things)


def prepare(
    first: Sequence[tuple[int, Mapping[str, Any]]], rows: "Rows", context: "Context"
) -> Counted:
    """Find out how indices are counted.

    first (Sequence[tuple[int, Mapping]]): The first records.
    rows (Callable): Not used.
    context (Context): The options, and notes.
    RETURNS (Counted): How they are counted.
    RAISES: InputError if the records contradict each other.
    """
    last = after = 0  # entities that show that the end is the last word, or the word after it
    total_entities = first_words = late = 0
    within_sentence = within_document = True
    name, several = "", False
    for _, record in first:
        name = name or _field_of_sentences(record) or _field_of_words(record) or ""
        try:
            found = [(words, _read(spans)) for words, spans in _raw_sentences(record)]
        except (NoEntity, Discontinuous, RecursionError):
            continue
        several = several or len(found) > 1
        total = sum(len(words) for words, _ in found)
        starts = [0, *accumulate(len(words) for words, _ in found)]
        for start, (words, things) in zip(starts, found):
            for entry in things:
                within_sentence &= entry.end <= len(words)
                within_document &= start <= entry.start < start + len(words)
                last += entry.start == entry.end
                total_entities += 1
                first_words += entry.start == 0
                late += _is_late(words, entry)
                after += entry.end == (len(words) if not several else total)
                if entry.said is not None and not several:
                    last += _joined(words, entry.start, entry.end + 1) == _joined_text(entry.said)
                    after += _joined(words, entry.start, entry.end) == _joined_text(entry.said)
    of_document = several and within_document and not within_sentence
    if context.options.offsets is not None:
        return Counted(context.options.offsets in ("inclusive", "from-1"), of_document)
    context.line = first[0][0] if first else 1
    if total_entities >= FEW and not several and not first_words and 2 * late > total_entities:
        raise context.wrong(
            f"{late:,} of {total_entities:,} entities start after a word with a capital letter and "
            "end with a word without. If words are counted from 1, set --offsets from-1 if the end "
            "is the last word, or else subtract 1 from start and end. If they are counted from 0, "
            "set --offsets inclusive or --offsets characters."
        )
    if last and after:
        raise context.wrong(
            "the ends of some entities are the last word and those of others the word after it. "
            "Set --offsets inclusive if they are the last word, or --offsets characters."
        )
    if any(_are_all_indices(spans) for _, r in first for _, spans in _raw_sentences(r)):
        return Counted(False, of_document)
    if not last and not after and name in INCLUSIVE and total_entities >= FEW:
        raise context.wrong(
            f"the end of entities can be the last word or the word after it: {name} has usually "
            f"the last word, but then none of the {total_entities:,} entities would have a single "
            "word. Set --offsets inclusive if it is the last word, or --offsets characters."
        )
    return Counted(bool(last) or (not after and name in INCLUSIVE), of_document)


def _is_late(words: Sequence[str], entry: Entry) -> bool:
    """Whether an entity seems to start a word too late: it leaves out a word with a capital letter
    before it, and ends with one without."""
    if not 0 < entry.start <= entry.end < len(words):
        return False
    end = max(entry.start, entry.end - 1)
    return words[entry.start - 1][:1].isupper() and not words[end][:1].isupper()


def _joined(words: Sequence[str], start: int, end: int) -> str:
    return "".join(words[start:end])


def _joined_text(said: str) -> str:
    return "".join(said.split())


def read_token_spans(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a record.

    record (Mapping): The record.
    context (Context): How indices are counted, and notes.
    YIELDS (Mapping): A record with words and tags per sentence, and more tags for entities that
        overlap.
    """
    counted: Counted = context.state
    sentences = _raw_sentences(record)
    if not sentences:
        raise context.wrong(
            "expected a list of words and a list of entities with start, end and label. Fix this "
            "record."
        )
    start = int(context.options.offsets == "from-1")
    of_document = {"document_id": context.line} if _field_of_sentences(record) else {}
    for words, spans in sentences:
        shift = start if counted.of_document else int(context.options.offsets == "from-1")
        tags = _tags(words, spans, shift, counted.inclusive, context)
        yield {"tokens": words, "ner_tags": tags[0], NESTED: tags[1:], **of_document}
        start += len(words)


def _tags(
    words: Sequence[str], spans: Any, shift: int, inclusive: bool, context: "Context"
) -> list[list[str]]:
    """RETURNS (list[list[str]]): The tags, and those of entities within others."""
    try:
        in_parts: list[Any] | None = None if context.options.of_parts == "refuse" else []
        cover = context.options.of_parts == "cover"
        found = _read(spans, in_parts, cover) if spans else []
    except (NoEntity, RecursionError) as error:
        raise context.wrong(
            f"expected an entity with start, end and label, found {shorten(repr(error.args), 60)}."
        ) from None
    except Discontinuous:
        raise context.wrong(
            f"an entity is discontinuous, which spaCy doesn't support. {PARTS}"
        ) from None
    for _ in in_parts or ():
        context.note(COVERED if cover else LEFT_OUT)
    lines: dict[Span, int] = {}
    for entry in found:
        start, end = entry.start - shift, entry.end - shift + inclusive
        if not (isinstance(entry.label, str) and entry.label and 0 <= start < end <= len(words)):
            other = "characters" if inclusive else "inclusive"
            raise context.wrong(
                f"the entity {entry.label} from {entry.start} to {entry.end} is not within the "
                f"{len(words)} words. The end was read as the "
                f"{'last word' if inclusive else 'word after it'}; for the other, set --offsets "
                f"{other}."
            )
        lines.setdefault(Span(start, end, entry.label), context.line)
    kept = without_overlaps(
        lines,
        lambda span: " ".join(map(str, words[span.start : span.end])),
        context.name,
        context.options.overlaps,
        context.notes,
    )
    found_layers = layers((span.start, span.end, span.label) for span in kept) or [[]]
    return [write_tags(len(words), layer) for layer in found_layers]
