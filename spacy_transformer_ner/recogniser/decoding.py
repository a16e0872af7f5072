"""What is decoded from the scores of tags: the entities of the best legal
sequences, and all that is known of how sure they are."""

from collections.abc import Sequence
from functools import cached_property
from typing import Optional

import numpy
from spacy.tokens import Doc
from thinc.types import Floats1d, Floats2d, Ints2d

from . import constraints
from .calibration import CalibrationFeatures
from .known import NEW, KnownEntities
from .posterior import Posterior
from .viterbi import viterbi


class Decoded:
    """The best legal sequences of some Docs. Tokens are counted over all Docs.

    docs (Sequence[Doc]): The Docs; empty ones are fine.
    emissions (Floats2d): The score of each tag for each token, on the CPU.
        Shape: (tokens, tags)
    allowed (ndarray | None): Which tags each token may have; as of
        `viterbi.viterbi`. Shape: (tokens, tags), bool.
    """

    def __init__(self, docs: Sequence[Doc], emissions: Floats2d, allowed: Optional[numpy.ndarray]):
        self.docs = docs
        self.lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        self.starts = numpy.cumsum(self.lengths) - self.lengths
        self.allowed = allowed
        self.emissions = emissions
        found = constraints.spans_of(viterbi(emissions, self.lengths, allowed))
        # First token, token after the last, number of the label.
        self.spans: Ints2d = numpy.array(found, dtype="int64").reshape(-1, 3)

    @cached_property
    def posterior(self) -> Posterior:
        """RETURNS (Posterior): The distribution over all legal sequences."""
        return Posterior(self.emissions, self.lengths, self.allowed)

    @cached_property
    def entropies(self) -> Floats1d:
        """RETURNS (Floats1d): How unsure the sequence of each Doc is, in nats.
        Shape: (docs,)"""
        return self.posterior.entropies()

    def features(
        self, spans: Ints2d, labels: Sequence[str], known: Optional[KnownEntities]
    ) -> CalibrationFeatures:
        """Tell what is known of spans.

        spans (Ints2d): First token, token after the last, and number of the label
            of each. Shape: (spans, 3)
        labels (Sequence[str]): All labels.
        known (KnownEntities | None): The entities of the training data.
        RETURNS (CalibrationFeatures): What is known of each.
        """
        owners = numpy.searchsorted(self.starts, spans[:, 0], side="right") - 1
        names = [labels[label] for label in spans[:, 2].tolist()]
        novelty = numpy.full(len(spans), NEW)
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
