"""Extrapolate learning curves: what more training data would give.

The expected F1 with n documents is modelled as an inverse power law, c - a * n ** -b, which fits
the learning curves of most models and tasks (Cortes et al., 1993; Hestness et al., 2017). A
few measurements do not determine its three parameters, so many curves are drawn, each is
weighted by how well it fits the measurements within their noise, and the interval is what
these curves predict.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy

from .resampling import LEVEL, f_of

RESAMPLES = 1000
CURVES = 40_000
# Curves from nearly linear in log(n) to steeper than any that was published.
EXPONENTS = 0.05, 1.5
# What is assumed about the standard deviation of F1 between trainings, and the number of
# trainings this assumption is worth.
USUAL_NOISE = 0.015
USUAL_WEIGHT = 2
# An extrapolation needs this many sizes of the training data.
MIN_SIZES = 3


@dataclass(frozen=True)
class Measured:
    """The F1 of trainings on the same number of documents.

    documents (int): The number of training documents.
    counts (Sequence[ndarray]): For each training, the true positives, false positives and
        false negatives of each dev document. Shape: (dev documents, 3)
    """

    documents: int
    counts: Sequence[numpy.ndarray]

    @property
    def f(self) -> list[float]:
        """RETURNS (list[float]): The F1 of each training."""
        return [float(f_of(counts.sum(axis=0))) for counts in self.counts]


@dataclass(frozen=True)
class Estimate:
    """An F1 with its 95% interval.

    f (float): The F1.
    low, high (float): The interval.
    """

    f: float
    low: float
    high: float

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


class LearningCurve:
    """A learning curve and its noise.

    measured (Sequence[Measured]): The measurements, by number of training documents. All were
        made on the same dev documents.
    seed (int): The random seed.
    """

    def __init__(self, measured: Sequence[Measured], *, seed: int = 0):
        self.sizes = numpy.array([each.documents for each in measured], dtype="float64")
        self.seed = seed
        self._f = numpy.array([numpy.mean(each.f) for each in measured])
        self._draws = numpy.array([len(each.counts) for each in measured])
        self._noise = _between_trainings([each.f for each in measured])
        self._covariance = _of_dev(measured, seed) + numpy.diag(self._noise / self._draws)

    def points(self) -> list[Estimate]:
        """RETURNS (list[Estimate]): The mean F1 of each size. The interval has two causes: which
        dev documents were annotated, and which documents and seed the training drew."""
        deviation = 1.96 * numpy.sqrt(numpy.diag(self._covariance))
        return [
            Estimate(float(f), float(max(0.0, f - d)), float(min(1.0, f + d)))
            for f, d in zip(self._f, deviation)
        ]

    def extrapolate(self, sizes: Sequence[float]) -> list[Estimate]:
        """Predict the F1 of one training on more documents.

        sizes (Sequence[float]): The numbers of documents.
        RETURNS (list[Estimate]): The median and the 95% interval of each. Empty if there are
            too few measurements, see `MIN_SIZES`.
        """
        if len(self.sizes) < MIN_SIZES:
            return []
        rng = numpy.random.default_rng(self.seed)
        # Drawn near the F1 at the largest size, which is known best, and weighted accordingly.
        spread = numpy.sqrt(self._covariance[-1, -1])
        offset = rng.normal(size=CURVES)
        at_last = self._f[-1] + 1.5 * spread * offset
        limit = at_last + rng.random(CURVES) * (1.0 - at_last)
        exponent = rng.uniform(*EXPONENTS, CURVES)

        def at(size: float | numpy.ndarray) -> numpy.ndarray:
            ratio = numpy.atleast_1d(size)[:, None] / self.sizes[-1]
            return limit - (limit - at_last) * ratio**-exponent

        misfit = self._f[:, None] - at(self.sizes)
        misfits = (misfit * numpy.linalg.solve(self._covariance, misfit)).sum(axis=0)
        possible = (at_last > 0.0) & (at_last < 1.0)
        best = misfits[possible].min()
        # If no curve fits within the noise, there is more noise than known.
        excess = max(1.0, best / max(1, len(self.sizes) - 2))
        weights = numpy.exp((best - misfits) / (2 * excess) + offset**2 / 2) * possible
        noise = rng.normal(scale=numpy.sqrt(excess * self._noise[-1]), size=CURVES)
        return [_weighted(numpy.clip(at(size)[0] + noise, 0.0, 1.0), weights) for size in sizes]


def _of_dev(measured: Sequence[Measured], seed: int) -> numpy.ndarray:
    """RETURNS (ndarray): The covariance of the F1 of all sizes when dev documents are resampled:
    an easy document is easy for all. Shape: (sizes, sizes)"""
    rng = numpy.random.default_rng(seed)
    documents = len(measured[0].counts[0])
    drawn = []
    for _ in range(RESAMPLES // 50):  # in parts, to bound memory
        weights = rng.multinomial(documents, numpy.full(documents, 1 / documents), size=50)
        f = [[f_of(weights @ counts) for counts in each.counts] for each in measured]
        drawn.append([numpy.mean(draws, axis=0) for draws in f])
    covariance = numpy.cov(numpy.concatenate(drawn, axis=1))
    return numpy.atleast_2d(covariance) + 1e-6 * numpy.eye(len(measured))


def _between_trainings(f: Sequence[Sequence[float]]) -> numpy.ndarray:
    """RETURNS (ndarray): The variance of F1 between trainings of each size. As there are few
    trainings, it is a mean with the variance of all sizes, and that with the usual one."""
    squares = numpy.array([numpy.var(draws) * len(draws) for draws in f])
    degrees = numpy.array([len(draws) - 1 for draws in f])
    usual = USUAL_WEIGHT * USUAL_NOISE**2
    pooled = (squares.sum() + usual) / (degrees.sum() + USUAL_WEIGHT)
    return (squares + USUAL_WEIGHT * pooled) / (degrees + USUAL_WEIGHT)


def _weighted(values: numpy.ndarray, weights: numpy.ndarray) -> Estimate:
    order = numpy.argsort(values)
    shares = numpy.cumsum(weights[order]) / weights.sum()
    tail = (1.0 - LEVEL) / 2
    places = numpy.searchsorted(shares, (tail, 0.5, 1.0 - tail)).clip(max=len(values) - 1)
    low, median, high = values[order[places]].tolist()
    return Estimate(median, low, high)
