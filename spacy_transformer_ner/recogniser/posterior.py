"""The distribution over legal BILUO sequences: how probable a span is, how sure
the recogniser is of a text.

A sequence is as probable as the exponential of its sum of emissions, among the
legal ones (a linear-chain conditional random field whose transitions say what
is legal, no more). Computed by the forward-backward algorithm (Rabiner, 1989), in
64 bits, whatever the precision of the emissions.
"""

import numpy
from thinc.types import Floats1d, Floats2d, Ints1d, Ints2d

from .constraints import BEGIN, INSIDE, LAST, UNIT
from .forward import LOG_SUM, SUM, Semiring, moves_of, reverse, states

# How far apart the scores of a token may be (nats) to be summed as they are: in 64
# bits, exp(-600) is not zero yet.
WIDEST = 300.0


class Posterior:
    """The distribution over the legal sequences of some texts.

    emissions (Floats2d): The score of each tag for each token of all texts, on
        the CPU. Shape: (tokens, tags)
    lengths (Ints1d): How many tokens each text has. Shape: (texts,)
    allowed (ndarray | None): Which tags each token may have; as of
        `viterbi.viterbi`. Shape: (tokens, tags), bool.
    """

    def __init__(
        self,
        emissions: Floats2d,
        lengths: Ints1d,
        allowed: numpy.ndarray | None = None,
    ):
        scores = emissions.astype("float64")
        if allowed is not None:
            scores = numpy.where(allowed, scores, -numpy.inf)
        # A constant for each token changes no probability.
        scores = scores - scores.max(axis=1, keepdims=True, initial=-numpy.inf)
        self.scores = scores
        self.lengths = numpy.asarray(lengths)
        self._begin, self._inside, self._last, self._unit = (
            scores[:, position::4] for position in (BEGIN, INSIDE, LAST, UNIT)
        )
        filled = self.lengths[self.lengths > 0]
        lowest = scores.min(initial=0.0, where=~numpy.isneginf(scores))
        ways, log_sums = _ways(scores, filled, SUM if lowest > -WIDEST else LOG_SUM)
        if not numpy.isfinite(log_sums).all():
            # All that is legal is far less than what leads nowhere.
            ways, log_sums = _ways(scores, filled, LOG_SUM)
        # States before each token; 0 is outside, k + 1 within an entity of label k.
        self._before, self._after = ways[: len(scores)], ways[len(scores) :][::-1]
        self._log_sum = numpy.repeat(log_sums[: len(filled)], filled)

    def spans(self, spans: Ints2d) -> Floats1d:
        """Compute how probable it is that an entity starts, ends and is labelled
        just so.

        spans (Ints2d): First token, token after the last, and label of each, the
            tokens counted over all texts. Shape: (spans, 3)
        RETURNS (Floats1d): The probabilities. Shape: (spans,)
        """
        start, end, label = numpy.asarray(spans, dtype="int64").reshape(-1, 3).T
        last = end - 1
        single = start == last
        # Sums of the inner tokens; what may not be inside is summed apart.
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

    def candidates(self, probability: float) -> tuple[Ints2d, Floats1d]:
        """Find all spans that are entities with some probability, overlapping
        ones included.

        probability (float): The least they may have, more than 0.
        RETURNS (tuple[Ints2d, Floats1d]): The spans, as of `spans`, in order,
            and the probability of each.
        """
        least = numpy.log(probability)
        closed, opened = self._after[:, :1], self._after[:, 1:]
        outside = self._before[:, :1] - self._log_sum[:, None]
        found: list[numpy.ndarray] = []
        start, label = numpy.nonzero(outside + self._unit + closed >= least)
        found.append(numpy.stack([start, start + 1, label], axis=1))
        # Entities that have begun, as long as some of their ends are probable enough.
        start, label = numpy.nonzero(outside + self._begin + opened >= least)
        so_far = outside[start, 0] + self._begin[start, label]
        token = start + 1
        while len(start):
            ends = so_far + self._last[token, label] + closed[token, 0] >= least
            found.append(numpy.stack([start[ends], token[ends] + 1, label[ends]], axis=1))
            so_far = so_far + self._inside[token, label]
            goes_on = so_far + opened[token, label] >= least
            start, label, so_far = start[goes_on], label[goes_on], so_far[goes_on]
            token = token[goes_on] + 1
        spans = numpy.concatenate(found)
        spans = spans[numpy.lexsort(spans.T[::-1])]
        return spans, self.spans(spans)

    def tags(self) -> Floats2d:
        """RETURNS (Floats2d): How probable each tag of each token is.
        Shape: (tokens, tags)"""
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

    def entropies(self) -> Floats1d:
        """RETURNS (Floats1d): The entropy of the sequences of each text, in nats:
        0 where one sequence is certain. Shape: (texts,)"""
        expected = (self.tags() * numpy.where(numpy.isneginf(self.scores), 0.0, self.scores)).sum(1)
        ends = numpy.cumsum(self.lengths)
        sums = _sums_before(expected)
        totals = sums[ends] - sums[ends - self.lengths]
        filled = self.lengths > 0
        entropies = numpy.zeros(len(self.lengths))
        entropies[filled] = self._log_sum[ends[filled] - 1] - totals[filled]
        return numpy.maximum(entropies, 0.0)


def _ways(scores: Floats2d, lengths: Ints1d, semiring: Semiring) -> tuple[Floats2d, Floats1d]:
    """As of `forward.states`, of the texts and of the texts read backwards, where entities
    begin with what is their end. Both at once take half of the steps."""
    moves = moves_of(numpy.exp(scores) if semiring is SUM else scores, semiring)
    with numpy.errstate(invalid="ignore"):
        return states(
            numpy.concatenate([moves, reverse(moves)]),
            numpy.concatenate([lengths, lengths[::-1]]),
            semiring,
        )


def _sums_before(values: numpy.ndarray) -> numpy.ndarray:
    """Sums of all rows before each, and of all."""
    sums = numpy.zeros((len(values) + 1, *values.shape[1:]))
    numpy.cumsum(values, axis=0, out=sums[1:])
    return sums
