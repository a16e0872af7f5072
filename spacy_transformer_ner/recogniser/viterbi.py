"""The best legal sequence of tags (Viterbi, 1967)."""

from typing import Optional

import numpy
from thinc.types import Floats2d, Ints1d

from .constraints import BEGIN, INSIDE, LAST, OUTSIDE, UNIT, states_around
from .forward import BEST, cut, in_step, moves_of, n_states_of, parts_of, reach, walk


def viterbi(
    emissions: Floats2d, lengths: Ints1d, allowed: Optional[numpy.ndarray] = None
) -> Ints1d:
    """Find the legal sequence of tags with the highest sum of emissions.

    A text whose highest tags are legal by themselves is done at once: nothing
    can score higher.

    emissions (Floats2d): The score of each tag for each token of all texts, on
        the CPU. Shape: (tokens, tags)
    lengths (Ints1d): How many tokens each text has. Shape: (texts,)
    allowed (ndarray | None): Which tags each token may have, or None for all. O
        must be allowed for every token, so that there always is a legal sequence.
        Shape: (tokens, tags), bool.
    RETURNS (Ints1d): The tags. Shape: (tokens,)
    """
    scores = emissions if allowed is None else numpy.where(allowed, emissions, -numpy.inf)
    tags = scores.argmax(axis=1)
    lengths = lengths[lengths > 0]
    if not len(lengths):
        return tags
    before, after = (of_tags[tags] for of_tags in states_around((emissions.shape[1] - 1) // 4))
    ends = numpy.cumsum(lengths)
    starts = ends - lengths
    breaks = numpy.zeros(len(tags), dtype="bool")
    breaks[1:] = after[:-1] != before[1:]
    breaks[starts] = before[starts] > 0
    breaks[ends - 1] |= after[ends - 1] > 0
    wrong = numpy.add.reduceat(breaks, starts) > 0
    if wrong.any():
        tokens = numpy.repeat(wrong, lengths)
        tags[tokens] = _best(scores[tokens], lengths[wrong])
    return tags


def _best(scores: Floats2d, lengths: Ints1d) -> Ints1d:
    states, n_labels = best_states(moves_of(scores, BEST), lengths), (scores.shape[1] - 1) // 4
    ends = numpy.cumsum(lengths) - 1
    after = numpy.append(states[1:], 0)
    after[ends] = 0
    unit = 1 + 4 * numpy.arange(n_labels) + UNIT - BEGIN
    best_unit = unit[scores[:, unit].argmax(axis=1)]
    tokens = numpy.arange(len(scores))
    outside = numpy.where(scores[tokens, best_unit] > scores[:, OUTSIDE], best_unit, OUTSIDE)
    label = 4 * (numpy.maximum(states, after) - 1)
    position = numpy.where(states == 0, BEGIN, numpy.where(after == 0, LAST, INSIDE))
    return numpy.where((states == 0) & (after == 0), outside, label + position)


def best_states(moves: Floats2d, lengths: Ints1d) -> Ints1d:
    """Find the states that the best sequence of each text goes through.

    moves (Floats2d): The moves of all texts, as of `forward.moves_of` for BEST.
    lengths (Ints1d): How many tokens each text has, none of them 0. Shape: (texts,)
    RETURNS (Ints1d): The state before each token. Shape: (tokens,)
    """
    pieces = cut(lengths, n_states_of(moves))
    reached, through = reach(moves, pieces, BEST)
    # Texts end outside, and where a piece starts the one before it has ended.
    stops = numpy.zeros(len(reached), dtype="int64")
    for piece in reversed(through):
        if not pieces.is_first[piece]:
            stops[piece - 1] = (reached[piece] + through[piece][:, stops[piece]]).argmax()
    starts = numpy.where(pieces.is_first, 0, numpy.roll(stops, 1))
    initial = numpy.where(starts[:, None] == numpy.arange(reached.shape[1]), 0.0, -numpy.inf)
    before = numpy.empty((len(moves), reached.shape[1]))
    walk(moves, pieces.starts, pieces.lengths, initial, BEST, out=before)
    # From which state the best way to each of them comes.
    stays, begin, inside, last = parts_of(moves)
    closed, opened = before[:, :1], before[:, 1:]
    to_closed = numpy.concatenate([closed + stays, opened + last], axis=1).argmax(axis=1)
    labels = numpy.arange(1, before.shape[1])
    to_opened = numpy.where(closed + begin > opened + inside, 0, labels)
    previous = numpy.concatenate([to_closed[:, None], to_opened], axis=1)
    states = numpy.empty(len(moves), dtype="int64")
    order, running = in_step(pieces.lengths)
    firsts, state = pieces.starts[order], stops[order]
    for step in range(len(running) - 1, -1, -1):
        tokens = firsts[: running[step]] + step
        state[: len(tokens)] = states[tokens] = previous[tokens, state[: len(tokens)]]
    return states
