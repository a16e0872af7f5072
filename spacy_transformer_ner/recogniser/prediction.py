"""Predictions, and how they annotate a Doc."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional, cast

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc, Span

from .arrays import Floats, Ints
from .scores import CANDIDATES, set_scores, with_kept
from .soft_tags import SoftTags

# The value of ENT_IOB at the start of an entity.
BEGINS_ENTITY = 3


@dataclass(frozen=True)
class ScoredSpans:
    """Spans of a Doc and their scores.

    spans (Ints): Start token, end token (exclusive) and label number of each span.
        Shape: (spans, 3)
    scores (Floats): The probability that each span is correct; NaN if scores are turned off.
        Shape: (spans,)
    marginals (Floats): The scores before calibration. Shape: (spans,)
    """

    spans: Ints
    scores: Floats
    marginals: Floats

    def best(self, n: Optional[int]) -> "ScoredSpans":
        """n (int | None): The number of spans to keep; None for all.
        RETURNS (ScoredSpans): Those with the highest scores, the highest first."""
        best = numpy.argsort(-self.scores, kind="stable")[:n]
        return ScoredSpans(self.spans[best], self.scores[best], self.marginals[best])

    def of(self, doc: Doc, labels: Sequence[str]) -> list[Span]:
        """doc (Doc): The Doc.
        labels (Sequence[str]): All labels.
        RETURNS (list[Span]): The spans."""
        # The label's name, not its hash, adds it to the Doc's vocabulary.
        return [Span(doc, a, b, label=labels[label]) for a, b, label in self.spans.tolist()]


@dataclass(frozen=True)
class Prediction:
    """What is predicted for a Doc.

    entities (ScoredSpans): The entities.
    candidates (ScoredSpans | None): Candidate spans, most probable first; None if turned off.
    soft_tags (SoftTags | None): The distribution over the tags; None if turned off.
    """

    entities: ScoredSpans
    candidates: Optional[ScoredSpans] = None
    soft_tags: Optional[SoftTags] = None

    def annotate(self, doc: Doc, labels: Sequence[str], spans_key: Optional[str]) -> None:
        """Set `doc.ents` and the scores. Existing entities and blocked tokens are kept.

        doc (Doc): The Doc.
        labels (Sequence[str]): All labels.
        spans_key (str | None): The group of `doc.spans` for the scores; None for none.
        """
        found = self.entities
        spans = found.of(doc, labels)
        if self.soft_tags is not None:
            self.soft_tags.store(doc)
        if spans_key:
            # Entities of an earlier run keep their scores.
            kept = with_kept(doc, spans_key, spans, found.scores, found.marginals)
            set_scores(doc, spans_key, *kept)
            if self.candidates is not None:
                some = self.candidates
                key = f"{spans_key}{CANDIDATES}"
                set_scores(doc, key, some.of(doc, labels), some.scores, some.marginals)
        iob = cast(Ints, doc.to_array([ENT_IOB, ENT_TYPE]))
        if not (iob[:, 0] & 1).any():  # no token is inside an entity
            doc.set_ents(spans)
            return
        blocked = numpy.flatnonzero((iob[:, 0] == BEGINS_ENTITY) & (iob[:, 1] == 0))
        doc.set_ents(
            [*doc.ents, *spans],
            blocked=[doc[i : i + 1] for i in blocked.tolist()],
            default="outside",
        )
