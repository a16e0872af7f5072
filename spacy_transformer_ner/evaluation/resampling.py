"""Bootstrap confidence intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy

RESAMPLES = 1000
LEVEL = 0.95
# The number of values drawn at once, to bound memory.
AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval.

    low, high (float): Its bounds.
    """

    low: float
    high: float


def f_of(counts: numpy.ndarray) -> numpy.ndarray:
    """counts (ndarray): True positives, false positives and false negatives. Shape: (..., 3)
    RETURNS (ndarray): F1; 0 if all counts are 0. Shape: (...)"""
    tp, fp, fn = numpy.moveaxis(counts, -1, 0)
    return _divide(2 * tp, 2 * tp + fp + fn)


def intervals(
    counts: numpy.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Compute 95% bootstrap confidence intervals of precision, recall and F1: percentiles over
    documents resampled with replacement (Efron and Tibshirani, 1993).

    counts (ndarray): True positives, false positives and false negatives of each document.
        Shape: (documents, 3)
    resamples (int): The number of bootstrap resamples.
    seed (int): The random seed.
    RETURNS (dict[str, Interval]): The intervals of p, r and f.
    """
    drawn = numpy.concatenate(
        [weights @ counts for weights in drawings(len(counts), resamples, seed)]
    )
    tp, fp, fn = drawn.T
    figures = {"p": _divide(tp, tp + fp), "r": _divide(tp, tp + fn), "f": f_of(drawn)}
    return {name: percentiles(values) for name, values in figures.items()}


def drawings(documents: int, resamples: int, seed: int) -> Iterator[numpy.ndarray]:
    """Resample documents with replacement.

    documents, resamples (int): The number of documents, and of resamples.
    seed (int): The random seed.
    YIELDS (ndarray): How often each document is drawn. Shape: (some resamples, documents)
    """
    rng = numpy.random.default_rng(seed)
    for n in parts(resamples, documents):
        yield rng.multinomial(documents, numpy.full(documents, 1 / documents), size=n)


def parts(total: int, size: int) -> Iterator[int]:
    """Split work into parts that fit in memory.

    total (int): The number of items.
    size (int): The number of values of an item.
    YIELDS (int): The number of items of a part.
    """
    at_once = max(1, AT_ONCE // max(1, size))
    for start in range(0, total, at_once):
        yield min(at_once, total - start)


def percentiles(values: numpy.ndarray) -> Interval:
    """values (ndarray): Resampled values. Shape: (resamples,)
    RETURNS (Interval): The percentile interval."""
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
