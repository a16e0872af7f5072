"""The forward pass over the legal BILUO sequences of many texts at once.

Between two tokens a legal sequence is either outside of all entities (state 0) or inside
an entity of label k (state k + 1), so labels + 1 states are enough. A semiring (Goodman,
1999) selects what is computed: the best sequence (Viterbi, 1967) or the sum over all
sequences (Rabiner, 1989).
"""

from dataclasses import dataclass
from typing import Optional

import numpy

from .arrays import Bools, Floats, Ints
from .constraints import BEGIN, INSIDE, LAST, UNIT

# Long texts are cut into pieces of PIECE tokens, which are computed in parallel from every
# state. This pays if it saves enough steps: the overhead of a step equals the cost of STEP
# transitions (1 000 to 1 900 were measured).
PIECE = 64
STEP = 1500


@dataclass(frozen=True)
class Semiring:
    """The operations on the weights of sequences.

    plus (ufunc): Combines two sequences that end in the same state.
    times (ufunc): Extends a sequence by a transition.
    is_log (bool): Whether weights are logarithms. If not, they are rescaled at each step.
    """

    plus: numpy.ufunc
    times: numpy.ufunc
    is_log: bool


BEST = Semiring(numpy.maximum, numpy.add, is_log=True)
SUM = Semiring(numpy.add, numpy.multiply, is_log=False)
# Slower than SUM, for weights outside of its numerical range.
LOG_SUM = Semiring(numpy.logaddexp, numpy.add, is_log=True)


def transitions_of(weights: Floats, semiring: Semiring) -> Floats:
    """Convert weights of tags to weights of transitions between states.

    weights (Floats): The weight of each tag for each token. Shape: (tokens, tags)
    semiring (Semiring): The semiring of the weights.
    RETURNS (Floats): The weight of staying outside, by O or any U, and those of the B, I
        and L of each label. Shape: (tokens, 1 + 3 * labels)
    """
    stays = semiring.plus(weights[:, 0], semiring.plus.reduce(weights[:, UNIT::4], axis=1))
    tags = (weights[:, position::4] for position in (BEGIN, INSIDE, LAST))
    return numpy.concatenate([stays[:, None], *tags], axis=1)


def reverse(transitions: Floats) -> Floats:
    """RETURNS (Floats): The transitions of the reversed texts, with B and L exchanged.
    Shape: (tokens, 1 + 3 * labels)"""
    stays, begin, inside, last = split_transitions(transitions[::-1])
    return numpy.concatenate([stays, last, inside, begin], axis=1)


def states(transitions: Floats, lengths: Ints, semiring: Semiring) -> tuple[Floats, Floats]:
    """Compute the total weight of all paths to each state before each token.

    transitions (Floats): The transitions of all texts, see `transitions_of`.
    lengths (Ints): The number of tokens of each text, none of them 0. Shape: (texts,)
    semiring (Semiring): The semiring of the weights.
    RETURNS (tuple[Floats, Floats]): The logarithm of the weight of each state, (tokens,
        states), and of all sequences of each text, (texts,).
    """
    pieces = cut(lengths, n_states_of(transitions))
    reached, _ = reach(transitions, pieces, semiring)
    before = numpy.empty((len(transitions), reached.shape[1]))
    final = forward_pass(transitions, pieces.starts, pieces.lengths, reached, semiring, out=before)
    return before, final[pieces.is_last, 0]


@dataclass(frozen=True)
class Pieces:
    """Pieces of texts. Each attribute has an entry for each piece.

    starts (Ints): The first token.
    lengths (Ints): The number of tokens.
    is_first, is_last (Bools): Whether the piece is the first or last one of its text.
    """

    starts: Ints
    lengths: Ints
    is_first: Bools
    is_last: Bools


def cut(lengths: Ints, n_states: int) -> Pieces:
    """Cut long texts into pieces if that is faster.

    lengths (Ints): The number of tokens of each text, none of them 0. Shape: (texts,)
    n_states (int): The number of states.
    RETURNS (Pieces): The pieces.
    """
    is_long = lengths > 2 * PIECE
    steps_saved = lengths.max(initial=0) - 2 * PIECE
    pays = steps_saved * STEP > lengths[is_long].sum() * n_states**2
    sizes = numpy.where(is_long & pays, PIECE, lengths)
    counts = -(-lengths // sizes)
    number = numpy.arange(counts.sum()) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
    sizes, ends = numpy.repeat(sizes, counts), numpy.cumsum(lengths)
    starts = numpy.repeat(ends - lengths, counts) + number * sizes
    left = numpy.repeat(ends, counts) - starts
    return Pieces(
        starts=starts,
        lengths=numpy.minimum(left, sizes),
        is_first=number == 0,
        is_last=left <= sizes,
    )


def reach(
    transitions: Floats, pieces: Pieces, semiring: Semiring
) -> tuple[Floats, dict[int, Floats]]:
    """Compute the total weight of all paths to the start of each piece and through it.

    transitions (Floats): The transitions of all texts, see `transitions_of`.
    pieces (Pieces): The pieces of the texts.
    semiring (Semiring): The semiring of the weights.
    RETURNS (tuple[Floats, dict[int, Floats]]): The logarithm of the weight of each state
        before each piece, (pieces, states), and for each piece of a cut text, of the paths
        from each state before it to each state after it, (states, states).
    """
    n_states = n_states_of(transitions)
    reached = numpy.full((len(pieces.starts), n_states), -numpy.inf)
    reached[:, 0] = 0.0
    parts = numpy.flatnonzero(~(pieces.is_first & pieces.is_last))
    if not len(parts):  # saves the memory of states * states: there may be thousands
        return reached, {}
    certain = numpy.where(numpy.eye(n_states, dtype=bool), 0.0, -numpy.inf)
    from_each = numpy.repeat(certain[None], len(parts), axis=0)
    ends = forward_pass(
        transitions, pieces.starts[parts], pieces.lengths[parts], from_each, semiring
    )
    through = dict(zip(parts.tolist(), ends))
    join = numpy.maximum if semiring is BEST else numpy.logaddexp
    for piece, paths in through.items():
        if not pieces.is_last[piece]:
            reached[piece + 1] = join.reduce(reached[piece][:, None] + paths, axis=0)
    return reached, through


def forward_pass(
    transitions: Floats,
    starts: Ints,
    lengths: Ints,
    initial: Floats,
    semiring: Semiring,
    out: Optional[Floats] = None,
) -> Floats:
    """Run the forward pass over pieces of texts, one token of each piece per step.

    transitions (Floats): The transitions of all tokens, see `transitions_of`.
    starts, lengths (Ints): The first token and the number of tokens of each piece; pieces
        do not overlap. Shape: (pieces,)
    initial (Floats): The logarithm of the weight of each state before each piece, or
        several alternatives of it. Shape: (pieces, states) or (pieces, several, states)
    semiring (Semiring): The semiring of the weights.
    out (Floats | None): Receives the logarithm of the weight of each state before each
        token, if `initial` has no alternatives. Shape: (tokens, states)
    RETURNS (Floats): The logarithm of the weight of each state after each piece, in the
        shape of `initial`.
    """
    plus, times = semiring.plus, semiring.times
    order, running = longest_first(lengths)
    tokens = numpy.concatenate(
        [starts[order[:n]] + step for step, n in enumerate(running)] or [starts]
    )
    # In the order of the steps, so that a step reads and writes one slice, with the pieces
    # in the last dimension.
    several = (1,) * (initial.ndim - 2)
    stays, begin, inside, last = (
        part.T.reshape(part.shape[1], *several, len(tokens))
        for part in split_transitions(numpy.ascontiguousarray(transitions.T)[:, tokens].T)
    )
    state = numpy.ascontiguousarray(initial[order].T)
    scale = numpy.zeros(state.shape[1:])
    if not semiring.is_log:
        scale = state.max(axis=0)
        state = numpy.exp(state - scale)
    n_kept = 0 if out is None else len(tokens)
    before, scales = numpy.empty((len(state), n_kept)), numpy.empty(n_kept)
    end = 0
    for n in running:
        start, end = end, end + n
        if n_kept:
            before[:, start:end], scales[start:end] = state[:, :n], scale[:n]
        closed, opened = state[0, ..., :n], state[1:, ..., :n]
        ended = plus.reduce(times(opened, last[..., start:end]), axis=0)
        opened = plus(times(closed, begin[..., start:end]), times(opened, inside[..., start:end]))
        closed = plus(times(closed, stays[0, ..., start:end]), ended)
        if not semiring.is_log:
            size = numpy.maximum(closed, opened.max(axis=0, initial=0.0))
            size[size == 0] = 1.0  # no legal path
            closed, opened = closed / size, opened / size
            scale[..., :n] += numpy.log(size)
        state[0, ..., :n], state[1:, ..., :n] = closed, opened
    if not semiring.is_log:
        with numpy.errstate(divide="ignore"):
            before, state = numpy.log(before) + scales, numpy.log(state) + scale
    if out is not None:
        out[tokens] = before.T
    final = numpy.empty(initial.shape)
    final[order] = state.T
    return final


def longest_first(lengths: Ints) -> tuple[Ints, list[int]]:
    """Sort pieces by length, so that the pieces of each step are a prefix.

    lengths (Ints): The number of tokens of each piece. Shape: (pieces,)
    RETURNS (tuple[Ints, list[int]]): The order, longest first, and the number of pieces
        at each step.
    """
    order = numpy.argsort(-lengths, kind="stable")
    steps = numpy.arange(int(lengths.max(initial=0)))
    return order, numpy.searchsorted(-lengths[order], -steps, "left").tolist()


def n_states_of(transitions: Floats) -> int:
    """RETURNS (int): The number of states."""
    return 1 + (transitions.shape[1] - 1) // 3


def split_transitions(transitions: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """RETURNS (tuple[Floats, ...]): The transitions that stay outside, (tokens, 1), and
    those of B, I and L, (tokens, labels) each."""
    ends = 1 + numpy.arange(3) * (n_states_of(transitions) - 1)
    stays, begin, inside, last = numpy.split(transitions, ends, axis=1)
    return stays, begin, inside, last
