"""The lattice of legal BILUO sequences, and the best path through it.

Tags are numbered: 0 is O, and label number k has B, I, L and U at 4k + 1 to
4k + 4. Texts of a batch stand one after the other, without padding; all steps
of time are taken for all of them at once.
"""

import numpy
from thinc.types import Floats1d, Floats2d, Ints1d, Ints2d
from thinc.util import get_array_module

OUTSIDE = 0
BEGIN, INSIDE, LAST, UNIT = range(1, 5)


def n_tags(n_labels: int) -> int:
    """RETURNS (int): The number of tags of so many labels."""
    return 1 + 4 * n_labels


def tag_names(labels: tuple[str, ...]) -> list[str]:
    """RETURNS (list[str]): The name of each tag, e.g. "O", "B-PER"."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BILU")]


def position_of(tags: Ints1d) -> Ints1d:
    """RETURNS (Ints1d): For each tag OUTSIDE, BEGIN, INSIDE, LAST or UNIT."""
    return ((tags - 1) % 4 + 1) * (tags > 0)


def label_of(tags: Ints1d) -> Ints1d:
    """RETURNS (Ints1d): For each tag the number of its label; -1 for O."""
    return (tags - 1) // 4


def legal_transitions(n_labels: int, xp=numpy):
    """Say which tag may follow which.

    n_labels (int): The number of labels.
    xp: numpy or cupy.
    RETURNS: Whether a text may start with each tag, (tags,); whether a tag
        (rows) may be followed by a tag (columns), (tags, tags); whether a text
        may end with each, (tags,). All bool.
    """
    tags = xp.arange(n_tags(n_labels))
    position, label = position_of(tags), label_of(tags)
    opens = (position == BEGIN) | (position == INSIDE)
    continues = (position == INSIDE) | (position == LAST)
    same_label = label[:, None] == label[None, :]
    both = opens[:, None] & continues[None, :] & same_label
    neither = ~opens[:, None] & ~continues[None, :]
    return ~continues, both | neither, ~opens


def viterbi(emissions: Floats2d, lengths: Ints1d, allowed=None) -> Ints1d:
    """Find the legal sequence of tags with the highest sum of emissions.

    A text whose highest tags are legal by themselves is done at once: nothing
    can score higher. Dynamic programming (Viterbi, 1967) decides the others.

    emissions (Floats2d): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    lengths (Ints1d): How many tokens each text has, on the CPU. Shape: (texts,)
    allowed: Which tags each token may have, or None for all. O must be allowed
        for every token, so that there always is a legal sequence.
        Shape: (tokens, tags), bool.
    RETURNS (Ints1d): The tags. Shape: (tokens,)
    """
    xp = get_array_module(emissions)
    n_labels = (emissions.shape[1] - 1) // 4
    start, follows, end = legal_transitions(n_labels, xp)
    scores = emissions if allowed is None else xp.where(allowed, emissions, -xp.inf)
    tags = scores.argmax(axis=1)
    if not len(tags):
        return tags
    lengths = lengths[lengths > 0]
    ends = numpy.cumsum(lengths)
    starts = ends - lengths
    first, last = xp.asarray(starts), xp.asarray(ends - 1)
    breaks = xp.zeros(len(tags), dtype="int64")
    breaks[1:] = ~follows[tags[:-1], tags[1:]]
    breaks[first] = ~start[tags[first]]
    breaks[last] |= ~end[tags[last]]
    so_far = xp.cumsum(breaks)
    wrong = _to_numpy(so_far[last] - so_far[first] + breaks[first] > 0)
    if wrong.any():
        _viterbi(scores, starts[wrong], lengths[wrong], tags, start, follows, end)
    return tags


def _to_numpy(array):
    return array.get() if hasattr(array, "get") else array


def _viterbi(scores, starts, lengths, tags, start, follows, end) -> None:
    """Write the best path of some texts into `tags`.

    The longest texts come first, so those still running at a step are a
    prefix, and no text is padded to the length of another.
    """
    xp = get_array_module(scores)
    order = numpy.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    running = [int(n) for n in (lengths[None, :] > numpy.arange(lengths[0])[:, None]).sum(1)]
    starts = xp.asarray(starts)
    penalty = xp.where(follows, 0.0, -xp.inf).astype(scores.dtype)
    best = scores[starts] + xp.where(start, 0.0, -xp.inf).astype(scores.dtype)
    final = best.copy()
    back = []
    for step in range(1, len(running)):
        n = running[step]
        paths = best[:n, :, None] + penalty  # (texts, from, to)
        previous = paths.argmax(axis=1)
        back.append(previous)
        best = xp.take_along_axis(paths, previous[:, None, :], axis=1)[:, 0]
        best = best + scores[starts[:n] + step]
        final[:n] = best
    current = (final + xp.where(end, 0.0, -xp.inf).astype(scores.dtype)).argmax(axis=1)
    for step in range(len(running) - 1, -1, -1):
        n = running[step]
        if step + 1 < len(running):
            m = running[step + 1]
            current[:m] = back[step][xp.arange(m), current[:m]]
        tags[starts[:n] + step] = current[:n]


def mean_softmax(emissions: Floats2d, spans: Ints2d) -> Floats1d:
    """Compute the mean probability of the tags of spans, each token taken by
    itself: what is left when it is not asked which sequences are legal.

    emissions (Floats2d): The score of each tag for each token, on the CPU.
        Shape: (tokens, tags)
    spans (Ints2d): First token, token after the last, and number of the label of
        each. Shape: (spans, 3)
    RETURNS (Floats1d): The means. Shape: (spans,)
    """
    scores = emissions.astype("float64")
    scores = numpy.exp(scores - scores.max(axis=1, keepdims=True, initial=-numpy.inf))
    scores /= scores.sum(axis=1, keepdims=True)
    start, end, label = spans.T
    tag = 1 + 4 * label
    inner = numpy.zeros((len(scores) + 1, (scores.shape[1] - 1) // 4))
    numpy.cumsum(scores[:, INSIDE::4], axis=0, out=inner[1:])
    several = scores[start, tag] + scores[end - 1, tag + LAST - BEGIN]
    several += inner[end - 1, label] - inner[numpy.minimum(start + 1, end - 1), label]
    single = scores[start, tag + UNIT - BEGIN]
    return numpy.where(end - start == 1, single, several / (end - start))


def spans_of(tags: Ints1d) -> list[tuple[int, int, int]]:
    """Read the entities of a legal sequence, or of many one after the other.

    tags (Ints1d): The tags. Shape: (tokens,)
    RETURNS (list[tuple[int, int, int]]): Start, end and label of each.
    """
    position = position_of(tags)
    starts = numpy.flatnonzero((position == BEGIN) | (position == UNIT))
    ends = numpy.flatnonzero((position == LAST) | (position == UNIT)) + 1
    return list(zip(starts.tolist(), ends.tolist(), label_of(tags[starts]).tolist()))
