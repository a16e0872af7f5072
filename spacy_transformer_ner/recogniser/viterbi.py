"""The best legal sequence of tags (Viterbi, 1967)."""

from typing import Optional

import numpy

from .arrays import Bools, Floats, Ints
from .constraints import BEGIN, INSIDE, LAST, OUTSIDE, UNIT, states_around
from .forward import (
    BEST,
    cut,
    forward_pass,
    longest_first,
    n_states_of,
    reach,
    split_transitions,
    transitions_of,
)


def viterbi(emissions: Floats, lengths: Ints, allowed: Optional[Bools] = None) -> Ints:
    """Find the legal sequence of tags with the highest sum of emissions. Texts whose
    highest tags are already legal skip the search.

    emissions (Floats): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    lengths (Ints): The number of tokens of each text. Shape: (texts,)
    allowed (Bools | None): Which tags each token may have; None for all. O must be allowed
        for each token, so that a legal sequence exists. Shape: (tokens, tags)
    RETURNS (Ints): The tags. Shape: (tokens,)
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


def _best(scores: Floats, lengths: Ints) -> Ints:
    states, n_labels = (
        best_states(transitions_of(scores, BEST), lengths),
        (scores.shape[1] - 1) // 4,
    )
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


def best_states(transitions: Floats, lengths: Ints) -> Ints:
    """Find the states of the best sequence of each text.

    transitions (Floats): The transitions of all texts, from `forward.transitions_of` with
        BEST.
    lengths (Ints): The number of tokens of each text, none of them 0. Shape: (texts,)
    RETURNS (Ints): The state before each token. Shape: (tokens,)
    """
    pieces = cut(lengths, n_states_of(transitions))
    reached, through = reach(transitions, pieces, BEST)
    # A text ends outside; a piece ends in the state where the next one starts.
    stops = numpy.zeros(len(reached), dtype="int64")
    for piece in reversed(through):
        if not pieces.is_first[piece]:
            stops[piece - 1] = (reached[piece] + through[piece][:, stops[piece]]).argmax()
    starts = numpy.where(pieces.is_first, 0, numpy.roll(stops, 1))
    initial = numpy.where(starts[:, None] == numpy.arange(reached.shape[1]), 0.0, -numpy.inf)
    before = numpy.empty((len(transitions), reached.shape[1]))
    forward_pass(transitions, pieces.starts, pieces.lengths, initial, BEST, out=before)
    # The previous state of the best path to each state.
    stays, begin, inside, last = split_transitions(transitions)
    closed, opened = before[:, :1], before[:, 1:]
    to_closed = numpy.concatenate([closed + stays, opened + last], axis=1).argmax(axis=1)
    labels = numpy.arange(1, before.shape[1])
    to_opened = numpy.where(closed + begin > opened + inside, 0, labels)
    previous = numpy.concatenate([to_closed[:, None], to_opened], axis=1)
    states = numpy.empty(len(transitions), dtype="int64")
    order, running = longest_first(pieces.lengths)
    firsts, state = pieces.starts[order], stops[order]
    for step in range(len(running) - 1, -1, -1):
        tokens = firsts[: running[step]] + step
        state[: len(tokens)] = states[tokens] = previous[tokens, state[: len(tokens)]]
    return states
