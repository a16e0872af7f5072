"""Decoding of tag scores: the entities of the best legal sequences, and the features
for their calibration."""

from collections.abc import Sequence
from functools import cached_property
from typing import Optional

import numpy
from spacy.tokens import Doc

from . import constraints
from .arrays import Bools, Floats, Ints
from .calibration import CalibrationFeatures
from .known import NEW, KnownEntities
from .posterior import Posterior
from .viterbi import viterbi


class Decoded:
    """The best legal sequences of Docs. Tokens are counted over all Docs.

    docs (Sequence[Doc]): The Docs; they may be empty.
    emissions (Floats): The score of each tag for each token. Shape: (tokens, tags)
    allowed (Bools | None): Which tags each token may have, see `viterbi.viterbi`.
        Shape: (tokens, tags)
    """

    def __init__(self, docs: Sequence[Doc], emissions: Floats, allowed: Optional[Bools]):
        self.docs = docs
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

    def features(
        self, spans: Ints, labels: Sequence[str], known: Optional[KnownEntities]
    ) -> CalibrationFeatures:
        """Compute the calibration features of spans.

        spans (Ints): Start token, end token (exclusive) and label number of each span.
            Shape: (spans, 3)
        labels (Sequence[str]): All labels.
        known (KnownEntities | None): The entities of the training data.
        RETURNS (CalibrationFeatures): The features.
        """
        owners = numpy.searchsorted(self.starts, spans[:, 0], side="right") - 1
        names = [labels[label] for label in spans[:, 2].tolist()]
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
