"""Align gold and predicted entities across different tokenizations.

If a pipeline tokenizes a text differently from its annotation, neither's tokens can represent
both sets of entities. The text is therefore split into units at every token boundary of
either. On these units both sets can be written as tags, and two entities are equal if and
only if they cover the same characters.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..corpus.overlapping import SPANS_KEY, entities_in, has_only_spans, layers
from ..corpus.tags import write_tags
from ..recogniser.scores import entities_with_scores

Entity = tuple[int, int, str]


@dataclass(frozen=True)
class Units:
    """The units of one text and its entities. Units are tokens if gold and predicted
    tokens are the same.

    gold, predicted (tuple[Entity, ...]): Entities as start unit, end unit (exclusive) and
        label, sorted. As in spaCy's scorer, predictions that touch tokens without gold
        annotation are left out: they are neither right nor wrong. They can overlap.
    known (tuple[bool, ...]): Whether each unit has gold annotation.
    scores (tuple[float | None, ...]): The score of each predicted entity; None if the
        pipeline sets none.
    ends (tuple[int, ...]): The end of each unit, counted in non-whitespace characters.
    """

    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    known: tuple[bool, ...]
    scores: tuple[Optional[float], ...] = field(default=(), compare=False)
    ends: tuple[int, ...] = field(default=(), compare=False)

    def gold_tags(self) -> list[str]:
        """RETURNS (list[str]): The gold tags of the units, IOB2. If entities overlap, those of
        the longest ones that don't."""
        return write_tags(len(self.known), next(iter(layers(self.gold)), ()))

    def predicted_tags(self) -> list[str]:
        """RETURNS (list[str]): The predicted tags of the units, likewise."""
        return write_tags(len(self.known), next(iter(layers(self.predicted)), ()))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """text (str): The text, with its whitespace.
        RETURNS (list[tuple[int, int]]): The character offsets of each unit, end
            exclusive."""
        places = [i for i, character in enumerate(text) if not character.isspace()]
        starts = (0, *self.ends)
        return [(places[start], places[end - 1] + 1) for start, end in zip(starts, self.ends)]


def align(example: Example) -> Units:
    """Align the gold and predicted entities of an Example, in `doc.ents`, or in the span group
    "sc", see `compares_spans`.

    example (Example): The Example. The texts of its Docs may differ in whitespace only.
    RETURNS (Units): The units.
    RAISES: ValueError if the texts differ.
    """
    gold_tokens = list(_token_spans(example.reference))
    predicted_tokens = list(_token_spans(example.predicted))
    gold_ends = [end for _, end in gold_tokens]
    if (gold_ends[-1:] or [0]) != ([end for _, end in predicted_tokens][-1:] or [0]):
        raise ValueError("the texts of gold and prediction differ")
    cuts = sorted({end for _, end in gold_tokens + predicted_tokens} - {0})
    number = {0: 0, **{end: i for i, end in enumerate(cuts, start=1)}}
    known = [True] * len(cuts)
    of_spans = compares_spans(example)
    is_known = of_spans and SPANS_KEY in example.reference.spans
    for token, (start, end) in zip(example.reference, gold_tokens):
        if token.ent_iob == 0 and not is_known:
            known[number[start] : number[end]] = [False] * (number[end] - number[start])
    annotated = entities_in(example.reference) if of_spans else example.reference.ents
    gold = _entities(annotated, gold_tokens, number)
    scored = entities_with_scores(example.predicted, spans=of_spans)
    spans = _entities((span for span, _ in scored), predicted_tokens, number)
    predicted = [
        (entity, score)
        for entity, (_, score) in zip(spans, scored)
        if entity and all(known[entity[0] : entity[1]])
    ]
    if of_spans:
        predicted.sort(key=lambda found: found[0])
    return Units(
        gold=tuple(sorted(filter(None, gold)) if of_spans else filter(None, gold)),
        predicted=tuple(entity for entity, _ in predicted),
        known=tuple(known),
        scores=tuple(score for _, score in predicted),
        ends=tuple(cuts),
    )


def compares_spans(example: Example) -> bool:
    """example (Example): Gold and predicted annotation.
    RETURNS (bool): Whether to compare the entities that can overlap: the pipeline has set the
        span group "sc", and either the gold annotation has it too, or the pipeline sets no
        `doc.ents`."""
    return SPANS_KEY in example.predicted.spans and (
        SPANS_KEY in example.reference.spans or has_only_spans(example.predicted)
    )


def _token_spans(doc: Doc) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each token, counted in non-whitespace characters, so that
    whitespace makes no difference."""
    position = 0
    for token in doc:
        start = position
        position += sum(not c.isspace() for c in token.text)
        yield start, position


def _entities(
    spans: Iterable[Span], tokens: Sequence[tuple[int, int]], number: dict[int, int]
) -> Iterator[Optional[Entity]]:
    """Yield entities in units; None for an entity of whitespace only."""
    for ent in spans:
        start, end = number[tokens[ent.start][0]], number[tokens[ent.end - 1][1]]
        yield (start, end, ent.label_) if start < end else None
