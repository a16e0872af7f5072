import numpy

from spacy_transformer_ner.evaluation.resampling import f_of, intervals


def system(rng, entities, accuracy):
    """Counts per document: a share of the entities is right; of the others, most are
    replaced by a spurious entity."""
    right = rng.binomial(entities, accuracy)
    missed = entities - right
    spurious = rng.binomial(missed, 0.7)
    return numpy.stack([right, spurious, missed], axis=1)


def test_coverage_of_intervals():
    """About 95% of the intervals contain the true F1."""
    rng = numpy.random.default_rng(1)
    everything = system(rng, rng.integers(1, 40, size=20_000), 0.9)
    truth = f_of(everything.sum(axis=0))
    held = 0
    for seed in range(200):
        some = everything[rng.integers(0, len(everything), size=150)]
        interval = intervals(some, resamples=300, seed=seed)["f"]
        held += interval.low <= truth <= interval.high
    assert 0.91 <= held / 200 <= 0.99


def test_intervals_without_predictions():
    found = intervals(numpy.array([[0, 0, 3], [0, 0, 2]]))
    assert all((i.low, i.high) == (0.0, 0.0) for i in found.values())


def test_same_seed_gives_same_intervals():
    counts = system(numpy.random.default_rng(2), numpy.full(30, 9), 0.8)
    assert intervals(counts, seed=1) == intervals(counts, seed=1) != intervals(counts, seed=2)
