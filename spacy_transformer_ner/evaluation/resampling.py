"""Bootstrap confidence intervals and paired permutation tests."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy

RESAMPLES = 1000
PERMUTATIONS = 10_000
LEVEL = 0.95
# The number of values drawn at once, to bound memory.
AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Interval:
    """A 95% bootstrap confidence interval: the percentile interval over documents
    resampled with replacement (Efron and Tibshirani, 1993).

    low, high (float): Its bounds.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The difference in F1 between two systems on the same documents.

    f (float): F1 of the second system minus F1 of the first.
    interval (Interval): The 95% bootstrap confidence interval of `f`.
    p_value (float): The p-value of the paired permutation test, which randomly exchanges
        the two systems' results in each document (approximate randomization; Noreen, 1989;
        Yeh, 2000).
    documents (int): The number of documents.
    changed (int): The number of documents in which the systems differ.
    permutations, resamples (int): The number of permutations and bootstrap resamples.
    seed (int): The random seed.
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
        """RETURNS (bool): Whether the p-value is below 5%."""
        return self.p_value < 1.0 - LEVEL

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return {**asdict(self), "significant": self.is_significant}


def f_of(counts: numpy.ndarray) -> numpy.ndarray:
    """counts (ndarray): True positives, false positives and false negatives. Shape: (..., 3)
    RETURNS (ndarray): F1; 0 if all counts are 0. Shape: (...)"""
    tp, fp, fn = numpy.moveaxis(counts, -1, 0)
    return _divide(2 * tp, 2 * tp + fp + fn)


def intervals(
    counts: numpy.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Compute 95% bootstrap confidence intervals of precision, recall and F1.

    counts (ndarray): True positives, false positives and false negatives of each document.
        Shape: (documents, 3)
    resamples (int): The number of bootstrap resamples.
    seed (int): The random seed.
    RETURNS (dict[str, Interval]): The intervals of p, r and f.
    """
    drawn = numpy.concatenate(
        [weights @ counts for weights in _drawings(len(counts), resamples, seed)]
    )
    tp, fp, fn = drawn.T
    figures = {"p": _divide(tp, tp + fp), "r": _divide(tp, tp + fn), "f": f_of(drawn)}
    return {name: _interval(values) for name, values in figures.items()}


def paired_test(
    first: numpy.ndarray,
    second: numpy.ndarray,
    *,
    permutations: int = PERMUTATIONS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Test whether the F1 of two systems differs.

    first, second (ndarray): True positives, false positives and false negatives of each
        document. Shape: (documents, 3)
    permutations, resamples, seed (int): See `Difference`.
    RETURNS (Difference): The difference and its significance.
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
        # Tolerate rounding errors between equal differences.
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


def _drawings(documents: int, resamples: int, seed: int) -> Iterator[numpy.ndarray]:
    """Yield the number of times each document is drawn. Shape: (some resamples, documents)"""
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
