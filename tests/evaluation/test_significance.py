from dataclasses import replace

import numpy
import pytest

from spacy_transformer_ner.evaluation.significance import holm, paired_test, runs_test

from .test_resampling import system


def test_false_positive_rate_of_the_test():
    rng = numpy.random.default_rng(0)
    significant = 0
    for seed in range(200):
        entities = rng.integers(1, 40, size=120)
        first, second = system(rng, entities, 0.9), system(rng, entities, 0.9)
        test = paired_test(first, second, permutations=500, resamples=20, seed=seed)
        significant += test.is_significant
    assert 0.03 <= significant / 200 <= 0.07


def test_real_difference_is_significant():
    rng = numpy.random.default_rng(0)
    entities = rng.integers(1, 40, size=120)
    first, second = system(rng, entities, 0.85), system(rng, entities, 0.92)
    test = paired_test(first, second)
    assert test.f > 0 and test.p_value < 0.001
    assert 0 < test.interval.low < test.f < test.interval.high
    back = paired_test(second, first)
    assert back.f == -test.f and back.p_value == pytest.approx(test.p_value, abs=0.001)


def test_equal_systems():
    counts = numpy.array([[3, 1, 0], [5, 0, 2]])
    test = paired_test(counts, counts)
    assert (test.f, test.p_value, test.changed) == (0.0, 1.0, 0)
    assert (test.interval.low, test.interval.high) == (0.0, 0.0)
    assert not test.is_significant


def runs(rng, entities, accuracy, *, n=3, between=0.1):
    """Runs of a recipe: the accuracy differs between runs, and between documents in the same
    way for all."""
    difficulty = numpy.random.default_rng(7).normal(size=len(entities))
    logits = numpy.log(accuracy / (1 - accuracy)) + difficulty + rng.normal(0, between, (n, 1))
    return numpy.stack([system(rng, entities, 1 / (1 + numpy.exp(-run))) for run in logits])


@pytest.mark.parametrize("between", [0.0, 0.1, 0.3])
def test_false_positive_rate_with_runs(between):
    rng = numpy.random.default_rng(1)
    significant = 0
    for _ in range(400):
        entities = rng.poisson(4, size=120)
        first, second = (runs(rng, entities, 0.9, between=between) for _ in range(2))
        significant += runs_test(first, second).is_significant
    assert 0.03 <= significant / 400 <= 0.07


def test_real_difference_with_runs():
    rng = numpy.random.default_rng(0)
    entities = rng.integers(1, 40, size=120)
    first, second = runs(rng, entities, 0.85), runs(rng, entities, 0.92)
    test, back = runs_test(first, second), runs_test(second, first)
    assert test.is_significant and test.interval.low > 0
    assert test.f == pytest.approx(test.second - test.first)
    assert (back.f, back.p_value) == pytest.approx((-test.f, test.p_value))
    # The seeds are a level: the same runs are less certain than their documents.
    pair = paired_test(first[0], second[0], permutations=999)
    assert test.p_value > pair.p_value


def test_one_run_against_several():
    rng = numpy.random.default_rng(3)
    entities = rng.integers(1, 40, size=120)
    test = runs_test(runs(rng, entities, 0.9, n=1), runs(rng, entities, 0.9))
    assert 0.0 < test.p_value <= 1.0 and test.interval.low < test.f < test.interval.high


def test_runs_that_are_equal():
    counts = numpy.array([[[3, 1, 0], [5, 0, 2]]] * 2)
    test = runs_test(counts, counts)
    assert (test.f, test.p_value, test.changed) == (0.0, 1.0, 0)
    nothing = runs_test(0 * counts, 0 * counts)
    assert (nothing.f, nothing.p_value, nothing.interval.low) == (0.0, 1.0, 0.0)


def test_holm():
    counts = numpy.array([[3, 1, 0], [5, 0, 2]])
    test = paired_test(counts, counts, permutations=9)
    tests = {
        name: replace(test, p_value=p) for name, p in {"a": 0.04, "b": 0.01, "c": 0.03}.items()
    }
    corrected = {name: test.corrected for name, test in holm(tests).items()}
    assert corrected == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert list(corrected) == ["a", "b", "c"] and holm({}) == {}
