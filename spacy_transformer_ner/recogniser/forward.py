"""Going through the legal BILUO sequences of many texts at once, step by step.

Between two tokens a legal sequence is either outside of all entities (state 0) or
within one of a label (state k + 1), so labels + 1 states are enough. What is
computed on the way is said by a semiring (Goodman, 1999): the best sequence
(Viterbi, 1967) or the sum over all of them (Rabiner, 1989).
"""

from dataclasses import dataclass
from typing import Optional

import numpy
from thinc.types import Floats1d, Floats2d, Ints1d

from .constraints import BEGIN, INSIDE, LAST, UNIT

# Long texts are taken in pieces of so many tokens side by side, where that saves
# steps enough to pay for going through each piece from every state: a step takes
# as long as so many moves (1 000 to 1 900 were measured).
PIECE = 64
STEP = 1500


@dataclass(frozen=True)
class Semiring:
    """How the weights of sequences are joined.

    plus (ufunc): Joins the weights of two sequences that end in the same state.
    times (ufunc): Adds the weight of a move to that of a sequence.
    is_log (bool): Whether weights are logarithms. If not, they are scaled at every
        step.
    """

    plus: numpy.ufunc
    times: numpy.ufunc
    is_log: bool


BEST = Semiring(numpy.maximum, numpy.add, is_log=True)
SUM = Semiring(numpy.add, numpy.multiply, is_log=False)
# Slower than SUM, for weights that are too far apart for it.
LOG_SUM = Semiring(numpy.logaddexp, numpy.add, is_log=True)


def moves_of(weights: Floats2d, semiring: Semiring) -> Floats2d:
    """Arrange the weights of tags as those of moves between states.

    weights (Floats2d): The weight of each tag for each token. Shape: (tokens, tags)
    semiring (Semiring): For weights of its kind.
    RETURNS (Floats2d): The weight of staying outside, by O or by any U; and of each
        label's B, I and L. Shape: (tokens, 1 + 3 * labels)
    """
    stays = semiring.plus(weights[:, 0], semiring.plus.reduce(weights[:, UNIT::4], axis=1))
    tags = (weights[:, position::4] for position in (BEGIN, INSIDE, LAST))
    return numpy.concatenate([stays[:, None], *tags], axis=1)


def reverse(moves: Floats2d) -> Floats2d:
    """RETURNS (Floats2d): The moves read backwards, where entities begin with what
    is their end. Shape: (tokens, 1 + 3 * labels)"""
    stays, begin, inside, last = parts_of(moves[::-1])
    return numpy.concatenate([stays, last, inside, begin], axis=1)


def states(moves: Floats2d, lengths: Ints1d, semiring: Semiring) -> tuple[Floats2d, Floats1d]:
    """Compute the weight of all ways to each state before each token.

    moves (Floats2d): The moves of all texts, as of `moves_of`.
    lengths (Ints1d): How many tokens each text has, none of them 0. Shape: (texts,)
    semiring (Semiring): What is computed.
    RETURNS (tuple[Floats2d, Floats1d]): The logarithms of the weights, (tokens,
        states), and of those of whole sequences, (texts,).
    """
    pieces = cut(lengths, n_states_of(moves))
    reached, _ = reach(moves, pieces, semiring)
    before = numpy.empty((len(moves), reached.shape[1]))
    final = walk(moves, pieces.starts, pieces.lengths, reached, semiring, out=before)
    return before, final[pieces.is_last, 0]


@dataclass(frozen=True)
class Pieces:
    """Texts, whole or cut into pieces; each attribute has an entry for each piece.

    starts (Ints1d): Its first token.
    lengths (Ints1d): How many tokens it has.
    is_first, is_last (ndarray): Whether it is its text's first, or last. bool.
    """

    starts: Ints1d
    lengths: Ints1d
    is_first: numpy.ndarray
    is_last: numpy.ndarray


def cut(lengths: Ints1d, n_states: int) -> Pieces:
    """Cut long texts into pieces, where that is faster.

    lengths (Ints1d): How many tokens each text has, none of them 0. Shape: (texts,)
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
    moves: Floats2d, pieces: Pieces, semiring: Semiring
) -> tuple[Floats2d, dict[int, Floats2d]]:
    """Compute the weight of all ways to the start of each piece, and through it.

    moves (Floats2d): The moves of all texts, as of `moves_of`.
    pieces (Pieces): The texts' pieces.
    semiring (Semiring): What is computed.
    RETURNS (tuple[Floats2d, dict[int, Floats2d]]): The logarithm of the weight of all
        ways to each state before each piece, (pieces, states), and for each piece of
        a cut text from each state through it to each, (states, states).
    """
    n_states = n_states_of(moves)
    reached = numpy.full((len(pieces.starts), n_states), -numpy.inf)
    reached[:, 0] = 0.0
    parts = numpy.flatnonzero(~(pieces.is_first & pieces.is_last))
    if not len(parts):  # nor memory for a square of the states, of which there may be thousands
        return reached, {}
    certain = numpy.where(numpy.eye(n_states, dtype=bool), 0.0, -numpy.inf)
    from_each = numpy.repeat(certain[None], len(parts), axis=0)
    ends = walk(moves, pieces.starts[parts], pieces.lengths[parts], from_each, semiring)
    through = dict(zip(parts.tolist(), ends))
    join = numpy.maximum if semiring is BEST else numpy.logaddexp
    for piece, ways in through.items():
        if not pieces.is_last[piece]:
            reached[piece + 1] = join.reduce(reached[piece][:, None] + ways, axis=0)
    return reached, through


def walk(
    moves: Floats2d,
    starts: Ints1d,
    lengths: Ints1d,
    initial: numpy.ndarray,
    semiring: Semiring,
    out: Optional[Floats2d] = None,
) -> numpy.ndarray:
    """Go through stretches of tokens, all of them a step at a time.

    moves (Floats2d): The moves of all tokens, as of `moves_of`.
    starts, lengths (Ints1d): The first token of each stretch, and how many it has; no
        stretches overlap. Shape: (stretches,)
    initial (ndarray): The logarithm of the weight of each state before each, or
        several of them. Shape: (stretches, states) or (stretches, several, states)
    semiring (Semiring): What is computed.
    out (Floats2d | None): Where the logarithm of the weight of each state before each
        token is written, if there is one `initial`. Shape: (tokens, states)
    RETURNS (ndarray): Those after each stretch, of the shape of `initial`.
    """
    plus, times = semiring.plus, semiring.times
    order, running = in_step(lengths)
    tokens = numpy.concatenate(
        [starts[order[:n]] + step for step, n in enumerate(running)] or [starts]
    )
    # In the order of the steps, so that each reads and writes one slice, and with
    # the stretches, of which there are many, in the last dimension.
    several = (1,) * (initial.ndim - 2)
    stays, begin, inside, last = (
        part.T.reshape(part.shape[1], *several, len(tokens))
        for part in parts_of(numpy.ascontiguousarray(moves.T)[:, tokens].T)
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
            size[size == 0] = 1.0  # no legal way goes on from there
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


def in_step(lengths: Ints1d) -> tuple[Ints1d, list[int]]:
    """Order stretches so that those which still run at a step are a prefix.

    lengths (Ints1d): How many tokens each has. Shape: (stretches,)
    RETURNS (tuple[Ints1d, list[int]]): The order, the longest first, and how many
        run at each step.
    """
    order = numpy.argsort(-lengths, kind="stable")
    steps = numpy.arange(int(lengths.max(initial=0)))
    return order, numpy.searchsorted(-lengths[order], -steps, "left").tolist()


def n_states_of(moves: Floats2d) -> int:
    """RETURNS (int): The number of states that moves are between."""
    return 1 + (moves.shape[1] - 1) // 3


def parts_of(moves: Floats2d) -> tuple[Floats2d, Floats2d, Floats2d, Floats2d]:
    """RETURNS (tuple[Floats2d, ...]): The moves that stay outside, (tokens, 1), and
    those by B, I and L, (tokens, labels)."""
    stays, *labels = numpy.split(moves, 1 + numpy.arange(3) * (n_states_of(moves) - 1), axis=1)
    return stays, *labels
