"""How sure figures are, by drawing the documents anew."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy
from thinc.types import Floats2d, Ints2d

RESAMPLES = 1000
PERMUTATIONS = 10_000
LEVEL = 0.95
# Memory is bounded by what is drawn at once.
AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Interval:
    """Where a figure lies with a probability of .95: the middle of what it is over
    documents drawn anew with replacement (the bootstrap percentile interval; Efron and
    Tibshirani, 1993).

    low, high (float): Its ends.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Two systems on the same documents.

    f (float): F1 of the second less that of the first.
    interval (Interval): Of this, over documents drawn anew.
    p_value (float): How probable a difference as large is where there is none: its
        share among those with the two systems' results exchanged by chance in each
        document (approximate randomisation; Noreen, 1989; Yeh, 2000).
    documents (int): How many documents there are.
    changed (int): In how many of them the systems differ.
    permutations, resamples, seed (int): Of the computation.
    """

    f: float
    interval: Interval
    p_value: float
    documents: int
    changed: int
    permutations: int
    resamples: int
    seed: int

    @property
    def is_significant(self) -> bool:
        """RETURNS (bool): Whether it is at 5 %."""
        return self.p_value < 1.0 - LEVEL

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return {**asdict(self), "significant": self.is_significant}


def f_of(counts: numpy.ndarray) -> numpy.ndarray:
    """counts (ndarray): Right, spurious and missed. Shape: (..., 3)
    RETURNS (ndarray): F1, 0 where there is nothing. Shape: (...)"""
    tp, fp, fn = numpy.moveaxis(counts, -1, 0)
    return _divide(2 * tp, 2 * tp + fp + fn)


def intervals(counts: Ints2d, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Interval]:
    """Compute the intervals of precision, recall and F1.

    counts (Ints2d): Right, spurious and missed entities of each document.
        Shape: (documents, 3)
    resamples (int): How often the documents are drawn.
    seed (int): Of the drawing.
    RETURNS (dict[str, Interval]): Of p, r and f.
    """
    drawn = numpy.concatenate(
        [weights @ counts for weights in _drawings(len(counts), resamples, seed)]
    )
    tp, fp, fn = drawn.T
    figures = {"p": _divide(tp, tp + fp), "r": _divide(tp, tp + fn), "f": f_of(drawn)}
    return {name: _interval(values) for name, values in figures.items()}


def paired_test(
    first: Ints2d,
    second: Ints2d,
    *,
    permutations: int = PERMUTATIONS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Test whether the F1 of two systems differs.

    first, second (Ints2d): Right, spurious and missed entities of each document.
        Shape: (documents, 3)
    permutations, resamples, seed (int): See `Difference`.
    RETURNS (Difference): What came out.
    """
    first, second = numpy.asarray(first), numpy.asarray(second)
    changes = second - first
    differs = changes.any(axis=1)
    difference = float(f_of(second.sum(axis=0)) - f_of(first.sum(axis=0)))
    rng = numpy.random.default_rng(seed)
    as_large = 0
    for n in _parts(permutations, int(differs.sum())):
        exchanged = rng.integers(0, 2, size=(n, int(differs.sum())), dtype="int8")
        moved = exchanged.astype("float64") @ changes[differs]
        differences = f_of(second.sum(axis=0) - moved) - f_of(first.sum(axis=0) + moved)
        # Equal ones may come out unequal in their last digit.
        as_large += int((abs(differences) >= abs(difference) - 1e-12).sum())
    drawn = numpy.concatenate(
        [
            f_of(weights @ second) - f_of(weights @ first)
            for weights in _drawings(len(first), resamples, seed)
        ]
    )
    return Difference(
        f=difference,
        interval=_interval(drawn),
        p_value=(as_large + 1) / (permutations + 1),
        documents=len(first),
        changed=int(differs.sum()),
        permutations=permutations,
        resamples=resamples,
        seed=seed,
    )


def _drawings(documents: int, resamples: int, seed: int) -> Iterator[Floats2d]:
    """Yield how often each document is drawn. Shape: (some resamples, documents)"""
    rng = numpy.random.default_rng(seed)
    for n in _parts(resamples, documents):
        yield rng.multinomial(documents, numpy.full(documents, 1 / documents), size=n)


def _parts(total: int, size: int) -> Iterator[int]:
    at_once = max(1, AT_ONCE // max(1, size))
    for start in range(0, total, at_once):
        yield min(at_once, total - start)


def _interval(values: numpy.ndarray) -> Interval:
    tail = (1.0 - LEVEL) / 2
    low, high = numpy.quantile(values, (tail, 1.0 - tail))
    return Interval(float(low), float(high))


def _divide(numerator: numpy.ndarray, denominator: numpy.ndarray) -> numpy.ndarray:
    return numpy.divide(
        numerator,
        denominator,
        out=numpy.zeros(numpy.shape(numerator)),
        where=numpy.asarray(denominator) > 0,
    )
