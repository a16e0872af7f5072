"""Extrapolations of curves whose course is known."""

import numpy
import pytest

from spacy_transformer_ner.evaluation.extrapolation import LearningCurve, Measured

SHARES = (0.125, 0.25, 0.5, 1.0)


def simulate(rng, f, noise, documents=150):
    """The counts of one training with this expected F1."""
    f = numpy.clip(f + rng.normal(scale=noise), 0.0, 1.0)
    gold = 1 + rng.poisson(3, size=documents)
    found = rng.binomial(gold, f)
    return numpy.stack([found, gold - found, gold - found], axis=1)


def curve_of(rng, course, sizes, draws, noise):
    return LearningCurve(
        [
            Measured(size, [simulate(rng, course(size), noise) for _ in range(draws)])
            for size in sizes
        ]
    )


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("n_sizes", [3, 4])
def test_the_interval_covers_the_truth(draws, n_sizes):
    rng = numpy.random.default_rng(draws)
    sizes = [int(800 * share) for share in SHARES[-n_sizes:]]
    inside, widths = {2: [], 4: []}, []
    for _ in range(60):
        limit, exponent = rng.uniform(0.6, 0.98), rng.uniform(0.2, 1.0)
        first = limit * rng.uniform(0.3, 0.8)

        def course(n, limit=limit, first=first, exponent=exponent):
            return limit - (limit - first) * (n / 100) ** -exponent

        curve = curve_of(rng, course, sizes, draws, noise=0.012)
        for times, estimate in zip(inside, curve.extrapolate([1600, 3200])):
            truth = course(800 * times) + rng.normal(scale=0.012)
            inside[times].append(estimate.low <= truth <= estimate.high)
            widths.append(estimate.high - estimate.low)
    for times, covered in inside.items():
        assert 0.9 <= numpy.mean(covered), times
    # An interval of everything would cover the truth as well.
    assert numpy.median(widths) < 0.2


def test_a_flat_curve_stays_flat():
    rng = numpy.random.default_rng(0)
    curve = curve_of(rng, lambda n: 0.85, [int(800 * s) for s in SHARES], 3, 0.005)
    (twice,) = curve.extrapolate([1600])
    assert 0.83 < twice.f < 0.88 and twice.high - twice.low < 0.1


def test_more_draws_narrow_the_interval():
    widths = []
    for draws in (1, 6):
        rng = numpy.random.default_rng(0)
        curve = curve_of(
            rng, lambda n: 0.9 - 3 / n**0.5, [int(800 * s) for s in SHARES], draws, 0.01
        )
        widths.append(numpy.mean([e.high - e.low for e in curve.points()]))
    assert widths[1] < widths[0]


def test_two_sizes_are_too_few():
    rng = numpy.random.default_rng(0)
    curve = curve_of(rng, lambda n: 0.8, [400, 800], 3, 0.01)
    assert len(curve.points()) == 2 and curve.extrapolate([1600]) == []
