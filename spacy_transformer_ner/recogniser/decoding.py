"""Decoding of tag scores: the entities of the best legal sequences, and the features
for their calibration."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Optional, Union

import numpy
from numpy.typing import NDArray
from spacy.tokens import Doc

from . import constraints
from .arrays import Bools, Floats, Ints
from .calibration import Calibration, CalibrationFeatures
from .known import NEW, KnownEntities
from .posterior import Posterior
from .prediction import ScoredSpans
from .soft_tags import SoftTags
from .viterbi import viterbi


class Decoded:
    """The best legal sequences of Docs. Tokens are counted over all Docs.

    docs (Sequence[Doc]): The Docs; they may be empty.
    emissions (Floats): The score of each tag for each token. Shape: (tokens, tags)
    allowed (Bools | None): Which tags each token may have, see `viterbi.viterbi`.
        Shape: (tokens, tags)
    labels (Sequence[str]): All labels.
    """

    def __init__(
        self,
        docs: Sequence[Doc],
        emissions: Floats,
        allowed: Optional[Bools],
        labels: Sequence[str],
    ):
        self.docs = docs
        self.labels = labels
        self.lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        self.starts = numpy.cumsum(self.lengths) - self.lengths
        self.allowed = allowed
        self.emissions = emissions
        found = constraints.spans_of(viterbi(emissions, self.lengths, allowed))
        # Start token, end token (exclusive), label number.
        self.spans: Ints = numpy.array(found, dtype="int64").reshape(-1, 3)

    @cached_property
    def posterior(self) -> Posterior:
        """RETURNS (Posterior): The distribution over all legal sequences."""
        return Posterior(self.emissions, self.lengths, self.allowed)

    @cached_property
    def entropies(self) -> Floats:
        """RETURNS (Floats): The entropy of each Doc, in nats. Shape: (docs,)"""
        return self.posterior.entropies()

    def by_doc(self, spans: Ints, *more: Floats) -> Iterator[tuple[NDArray[Any], ...]]:
        """Split spans by Doc.

        spans (Ints): Start token, end token (exclusive) and label number of each span, in
            order. Shape: (spans, 3)
        more (Floats): Arrays with an entry for each span.
        YIELDS (tuple[ndarray, ...]): The spans of each Doc, with tokens counted in the Doc, and
            its parts of the other arrays.
        """
        ends = numpy.searchsorted(spans[:, 0], self.starts[1:])
        parts = (numpy.split(array, ends) for array in (spans, *more))
        for start, part, *others in zip(self.starts.tolist(), *parts):
            yield part - [start, start, 0], *others

    def soft_tags(self, k: int) -> Iterator[SoftTags]:
        """k (int): The number of tags to keep of each token.
        YIELDS (SoftTags): The distribution over the tags of each Doc."""
        marginals = numpy.nan_to_num(self.posterior.tags())
        for rows in numpy.split(marginals, self.starts[1:]):
            yield SoftTags.k_best(rows, self.labels, k)

    def unscored(self, spans: Ints) -> Iterator[ScoredSpans]:
        """spans (Ints): The spans, as in `by_doc`.
        YIELDS (ScoredSpans): The spans of each Doc, without scores."""
        nan = numpy.full(len(spans), numpy.nan)
        return (ScoredSpans(*part) for part in self.by_doc(spans, nan, nan))

    def scored(
        self,
        spans: Ints,
        least: Union[float, Floats],
        calibration: Optional[Calibration],
        known: Optional[KnownEntities],
    ) -> Iterator[ScoredSpans]:
        """Score spans, and keep those with a high score.

        spans (Ints): The spans, as in `by_doc`.
        least (float | Floats): The lowest score to keep, for all spans or for each.
        calibration (Calibration | None): The calibration of the scores.
        known (KnownEntities | None): The entities of the training data, for the calibration.
        YIELDS (ScoredSpans): The spans of each Doc.
        """
        if not len(spans):  # skip computing the posterior
            return self.unscored(spans)
        if calibration is None:
            scores = marginals = self.posterior.spans(spans)
        else:
            features = self.features(spans, known)
            scores, marginals = calibration.scores(features), features.marginals
        kept = scores >= least
        parts = self.by_doc(spans[kept], scores[kept], marginals[kept])
        return (ScoredSpans(*part) for part in parts)

    def features(self, spans: Ints, known: Optional[KnownEntities]) -> CalibrationFeatures:
        """Compute the calibration features of spans.

        spans (Ints): The spans, as in `by_doc`.
        known (KnownEntities | None): The entities of the training data.
        RETURNS (CalibrationFeatures): The features.
        """
        owners = numpy.searchsorted(self.starts, spans[:, 0], side="right") - 1
        names = [self.labels[label] for label in spans[:, 2].tolist()]
        novelty: Ints = numpy.full(len(spans), NEW)
        if known is not None and len(spans):
            places = (spans[:, :2] - self.starts[owners][:, None]).tolist()
            texts = [self.docs[i][a:b].text for i, (a, b) in zip(owners.tolist(), places)]
            novelty = known.novelty(texts, names)
        return CalibrationFeatures(
            marginals=self.posterior.spans(spans),
            softmaxes=constraints.mean_softmax(self.emissions, spans),
            novelty=novelty,
            entropies=self.entropies[owners],
            tokens=self.lengths[owners].astype("float64"),
            labels=numpy.array(names, dtype=object),
        )
