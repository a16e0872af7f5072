"""The mistakes of a pipeline, shown in context."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Optional

from spacy.tokens import Doc

from ..corpus.origin import place_of, token_at
from ..results import Result
from .error_types import Kind, Match
from .units import Entity, Units

# Characters of context on each side.
CONTEXT = 120


@dataclass(frozen=True)
class Mention:
    """An entity as shown to the user.

    start, end (int): Its character offsets in the text, end exclusive.
    label (str): Its type.
    text (str): Its text.
    """

    start: int
    end: int
    label: str
    text: str


@dataclass(frozen=True)
class Context:
    """Where an entity is.

    place (str): The source file and line, "" if unknown.
    before, after (str): The text on both sides, cut at words.
    """

    place: str
    before: str
    after: str


@dataclass(frozen=True)
class Mistake(Result):
    """One mistake.

    kind (str): See `error_types.Match`.
    document (int): The index of the document in the corpus, from 0.
    place (str): The source file and line, if known.
    gold, predicted (Mention | None): The entities.
    score (float | None): The score of the predicted entity.
    before, text, after (str): The text that either entity covers, and its context.
    """

    kind: Kind
    document: int
    place: str
    gold: Optional[Mention]
    predicted: Optional[Mention]
    score: Optional[float]
    before: str
    text: str
    after: str


def mistakes(
    found: Iterable[Match], texts: Sequence[Units], references: Sequence[Doc]
) -> Iterator[Mistake]:
    """List the mistakes, most confident first: a confident mistake is often an annotation
    error. Missed entities have no score and come last.

    found (Iterable[Match]): The matches, see `error_types.match_entities`.
    texts (Sequence[Units]): The texts.
    references (Sequence[Doc]): The same texts, annotated.
    YIELDS (Mistake): The mistakes.
    """
    wrong = [match for match in found if match.kind != "right"]
    wrong.sort(key=lambda o: (o.score is None, -(o.score or 0.0), o.text, o.place))

    @cache  # a text may have many mistakes
    def text_of(number: int) -> tuple[str, list[tuple[int, int]]]:
        text = references[number].text
        return text, texts[number].offsets(text)

    for match in wrong:
        reference = references[match.text]
        text, offsets = text_of(match.text)
        first, last = match.place
        start, end = offsets[first][0], offsets[last - 1][1]
        context = context_of(reference, start, end, text)
        yield Mistake(
            kind=match.kind,
            document=match.text,
            place=context.place,
            gold=match.gold and _mention(text, offsets, match.gold),
            predicted=match.predicted and _mention(text, offsets, match.predicted),
            score=None if match.score is None else round(match.score, 4),
            before=context.before,
            text=text[start:end],
            after=context.after,
        )


def context_of(
    doc: Doc, start: int, end: int, text: str | None = None, *, sentence: bool = False
) -> Context:
    """Get the context of an entity.

    doc (Doc): The annotated text.
    start, end (int): The entity's character offsets.
    text (str | None): The text of the Doc, if it is at hand.
    sentence (bool): Whether the context ends with the sentence, if the Doc has sentences.
    RETURNS (Context): Its place and context.
    """
    text = doc.text if text is None else text
    token, first, last = token_at(doc, start), 0, len(text)
    if sentence and doc.has_annotation("SENT_START"):
        first = doc[token].sent.start_char
        last = max(end, doc[token_at(doc, end - 1)].sent.end_char)
    low, high = max(first, start - CONTEXT), min(last, end + CONTEXT)
    return Context(
        place_of(doc, token),
        _cut_left(text[low:start], low > first),
        _cut_right(text[end:high], high < last),
    )


def in_text(text: str, units: Units, entities: Iterable[Entity]) -> list[Mention]:
    """text (str): A text.
    units (Units): Its units.
    entities (Iterable[Entity]): Entities in units.
    RETURNS (list[Mention]): The entities with character offsets and text."""
    offsets = units.offsets(text)
    return [_mention(text, offsets, entity) for entity in entities]


def _mention(text: str, offsets: Sequence[tuple[int, int]], entity: Entity) -> Mention:
    start, end = offsets[entity[0]][0], offsets[entity[1] - 1][1]
    return Mention(start, end, entity[2], text[start:end])


def _cut_left(text: str, is_cut: bool) -> str:
    """Start at a word boundary."""
    start = text.find(" ") + 1 if is_cut else 0
    return ("…" if is_cut else "") + text[start:]


def _cut_right(text: str, is_cut: bool) -> str:
    end = text.rfind(" ") if is_cut and " " in text else len(text)
    return text[:end] + ("…" if is_cut else "")
