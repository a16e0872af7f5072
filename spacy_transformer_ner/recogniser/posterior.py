"""The distribution over legal BILUO sequences: probabilities of spans, entropy of texts.

The probability of a legal sequence is proportional to the exponential of its sum of
emissions: a linear-chain conditional random field whose transitions are only legal or
illegal. Computed with the forward-backward algorithm (Rabiner, 1989) in 64 bits, whatever
the precision of the emissions.
"""

from typing import Optional, Union

import numpy

from .arrays import Bools, Floats, Ints
from .constraints import BEGIN, INSIDE, LAST, UNIT
from .forward import LOG_SUM, SUM, Semiring, reverse, states, transitions_of

# The largest range of a token's scores, in nats, for sums without logarithms: in 64 bits,
# exp(-600) is not zero yet.
WIDEST = 300.0


class Posterior:
    """The distribution over the legal sequences of texts.

    emissions (Floats): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    lengths (Ints): The number of tokens of each text. Shape: (texts,)
    allowed (Bools | None): Which tags each token may have, see `viterbi.viterbi`.
        Shape: (tokens, tags)
    """

    def __init__(self, emissions: Floats, lengths: Ints, allowed: Optional[Bools] = None):
        scores: Floats = emissions.astype("float64")
        if allowed is not None:
            scores = numpy.where(allowed, scores, -numpy.inf)
        # Subtracting a constant per token does not change the probabilities.
        scores = scores - scores.max(axis=1, keepdims=True, initial=-numpy.inf)
        self.scores = scores
        self.lengths = numpy.asarray(lengths)
        self._begin, self._inside, self._last, self._unit = (
            scores[:, position::4] for position in (BEGIN, INSIDE, LAST, UNIT)
        )
        filled = self.lengths[self.lengths > 0]
        lowest = scores.min(initial=0.0, where=~numpy.isneginf(scores))
        paths, log_sums = _forward_backward(scores, filled, SUM if lowest > -WIDEST else LOG_SUM)
        if not numpy.isfinite(log_sums).all():
            # The legal sequences underflow beside prefixes of illegal ones.
            paths, log_sums = _forward_backward(scores, filled, LOG_SUM)
        # Weights of the states before and after each token, see `forward`.
        self._before, self._after = paths[: len(scores)], paths[len(scores) :][::-1]
        self._log_sum = numpy.repeat(log_sums[: len(filled)], filled)

    def spans(self, spans: Ints) -> Floats:
        """Compute the marginal probability of each span as an entity.

        spans (Ints): Start token, end token (exclusive) and label number of each span;
            tokens are counted over all texts. Shape: (spans, 3)
        RETURNS (Floats): The probabilities. Shape: (spans,)
        """
        start, end, label = numpy.asarray(spans, dtype="int64").reshape(-1, 3).T
        last = end - 1
        single = start == last
        # Sums of the inner tokens; forbidden tokens, -inf, are counted separately.
        barred = numpy.isneginf(self._inside)
        inner = _sums_before(numpy.where(barred, 0.0, self._inside))
        n_barred = _sums_before(barred)
        first, stop = numpy.minimum(start + 1, last), last
        within = inner[stop, label] - inner[first, label]
        within[n_barred[stop, label] > n_barred[first, label]] = -numpy.inf
        several = self._begin[start, label] + within + self._last[last, label]
        scores = numpy.where(single, self._unit[start, label], several)
        logs = self._before[start, 0] + scores + self._after[last, 0] - self._log_sum[start]
        return numpy.exp(numpy.minimum(logs, 0.0))

    def candidates(self, probability: float) -> Ints:
        """Find all spans, also overlapping ones, with at least a given probability.

        probability (float): The lowest probability, above 0.
        RETURNS (Ints): The spans, sorted, in the form of `spans`.
        """
        least = numpy.log(probability)
        closed, opened = self._after[:, :1], self._after[:, 1:]
        outside = self._before[:, :1] - self._log_sum[:, None]
        found: list[Ints] = []
        start, label = numpy.nonzero(outside + self._unit + closed >= least)
        found.append(numpy.stack([start, start + 1, label], axis=1))
        # Extend entities token by token while their probability is high enough.
        start, label = numpy.nonzero(outside + self._begin + opened >= least)
        so_far = outside[start, 0] + self._begin[start, label]
        token = start + 1
        while len(start):
            ends = so_far + self._last[token, label] + closed[token, 0] >= least
            found.append(numpy.stack([start[ends], token[ends] + 1, label[ends]], axis=1))
            so_far = so_far + self._inside[token, label]
            longer = so_far + opened[token, label] >= least
            start, label, so_far = start[longer], label[longer], so_far[longer]
            token = token[longer] + 1
        spans = numpy.concatenate(found)
        return spans[numpy.lexsort(spans.T[::-1])]

    def tags(self) -> Floats:
        """RETURNS (Floats): The marginal probability of each tag. Shape: (tokens, tags)"""
        marginals = numpy.empty_like(self.scores)
        closed, opened = self._before[:, :1], self._before[:, 1:]
        closes, opens = self._after[:, :1], self._after[:, 1:]
        marginals[:, 0] = (closed + closes)[:, 0]
        marginals[:, BEGIN::4] = closed + opens
        marginals[:, INSIDE::4] = opened + opens
        marginals[:, LAST::4] = opened + closes
        marginals[:, UNIT::4] = closed + closes
        with numpy.errstate(invalid="ignore"):
            return numpy.exp(marginals + self.scores - self._log_sum[:, None])

    def entropies(self) -> Floats:
        """RETURNS (Floats): The entropy of the sequences of each text, in nats; 0 if one
        sequence is certain. Shape: (texts,)"""
        expected = (self.tags() * numpy.where(numpy.isneginf(self.scores), 0.0, self.scores)).sum(1)
        ends = numpy.cumsum(self.lengths)
        sums = _sums_before(expected)
        totals = sums[ends] - sums[ends - self.lengths]
        filled = self.lengths > 0
        entropies = numpy.zeros(len(self.lengths))
        entropies[filled] = self._log_sum[ends[filled] - 1] - totals[filled]
        return numpy.maximum(entropies, 0.0)


def _forward_backward(scores: Floats, lengths: Ints, semiring: Semiring) -> tuple[Floats, Floats]:
    """Run `forward.states` on the texts and the reversed texts. Both at once take half of
    the steps."""
    transitions = transitions_of(numpy.exp(scores) if semiring is SUM else scores, semiring)
    with numpy.errstate(invalid="ignore"):
        return states(
            numpy.concatenate([transitions, reverse(transitions)]),
            numpy.concatenate([lengths, lengths[::-1]]),
            semiring,
        )


def _sums_before(values: Union[Bools, Floats]) -> Floats:
    """RETURNS (Floats): Cumulative sums of the rows, from 0. Shape: (rows + 1, ...)"""
    sums = numpy.zeros((len(values) + 1, *values.shape[1:]))
    numpy.cumsum(values, axis=0, out=sums[1:])
    return sums
