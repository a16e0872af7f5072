"""Gold and predicted entities on common ground, whatever the tokenisations.

Where a pipeline tokenises a text differently from its annotation, neither's
tokens can carry both's entities. The text is cut at every token boundary of
either; on these units both can be written as tags, and two entities are equal
there exactly if they cover the same characters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Optional

from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.tags import write_tags
from ..recogniser.scores import scores_of

Entity = tuple[int, int, str]


@dataclass(frozen=True)
class Units:
    """One text's units and what is said of them. Equal to the tokens where the
    tokenisations are equal.

    gold, predicted (tuple[Entity, ...]): Entities as first unit, the unit after
        the last, and label. Predictions that touch tokens whose gold annotation
        is missing are left out, as spaCy's scorer does: they are neither right
        nor wrong.
    known (tuple[bool, ...]): For each unit whether its gold annotation is
        there.
    scores (tuple[float | None, ...]): The score of each predicted entity, None where
        the pipeline gives none.
    ends (tuple[int, ...]): Where each unit ends, counted in characters that are not
        blanks.
    """

    gold: tuple[Entity, ...]
    predicted: tuple[Entity, ...]
    known: tuple[bool, ...]
    scores: tuple[Optional[float], ...] = field(default=(), compare=False)
    ends: tuple[int, ...] = field(default=(), compare=False)

    def gold_tags(self) -> list[str]:
        """RETURNS (list[str]): The gold tags of the units, IOB2."""
        return write_tags(len(self.known), self.gold)

    def predicted_tags(self) -> list[str]:
        """RETURNS (list[str]): The predicted tags of the units, IOB2."""
        return write_tags(len(self.known), self.predicted)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """text (str): The text, with its blanks.
        RETURNS (list[tuple[int, int]]): The characters that each unit starts with and
            ends before."""
        places = [i for i, character in enumerate(text) if not character.isspace()]
        starts = (0, *self.ends)
        return [(places[start], places[end - 1] + 1) for start, end in zip(starts, self.ends)]


def align(example: Example) -> Units:
    """Bring gold and prediction of an Example on common units.

    example (Example): The Example; both Docs have the same text but for blanks.
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
    for token, (start, end) in zip(example.reference, gold_tokens):
        if token.ent_iob == 0:
            known[number[start] : number[end]] = [False] * (number[end] - number[start])
    gold = _entities(example.reference, gold_tokens, number)
    scores = scores_of(example.predicted)
    predicted = [
        (entity, score)
        for entity, score in zip(_entities(example.predicted, predicted_tokens, number), scores)
        if entity and all(known[entity[0] : entity[1]])
    ]
    return Units(
        gold=tuple(filter(None, gold)),
        predicted=tuple(entity for entity, _ in predicted),
        known=tuple(known),
        scores=tuple(score for _, score in predicted),
        ends=tuple(cuts),
    )


def _token_spans(doc: Doc) -> Iterator[tuple[int, int]]:
    """Yield where each token starts and ends, counted in characters that are
    not blanks, so that blanks, and tokens of them, make no difference."""
    position = 0
    for token in doc:
        start = position
        position += sum(not c.isspace() for c in token.text)
        yield start, position


def _entities(
    doc: Doc, tokens: Sequence[tuple[int, int]], number: dict[int, int]
) -> Iterator[Optional[Entity]]:
    """Yield the entities of a Doc in units; None for one of blanks alone."""
    for ent in doc.ents:
        start, end = number[tokens[ent.start][0]], number[tokens[ent.end - 1][1]]
        yield (start, end, ent.label_) if start < end else None
