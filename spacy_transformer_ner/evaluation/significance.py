"""Test whether the F1 of two systems differs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy

from .resampling import (
    LEVEL,
    RESAMPLES,
    Interval,
    drawings,
    f_of,
    parts,
    percentiles,
)

PERMUTATIONS = 10_000


@dataclass(frozen=True)
class Difference:
    """The difference in F1 between two systems on the same documents.

    f (float): F1 of the second system minus F1 of the first, each the mean over its runs.
    first, second (float): The F1 of each.
    interval (Interval): The 95% confidence interval of `f`.
    p_value (float): The p-value of `paired_test` or `runs_test`.
    corrected (float): The p-value, corrected for the number of tests. Equal to `p_value` if it
        is the only test.
    documents (int): The number of documents.
    changed (int): The number of documents in which the systems differ.
    """

    f: float
    first: float
    second: float
    interval: Interval
    p_value: float
    corrected: float
    documents: int
    changed: int

    @property
    def is_significant(self) -> bool:
        """RETURNS (bool): Whether the corrected p-value is below 5%."""
        return self.corrected < 1.0 - LEVEL

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return {**asdict(self), "significant": self.is_significant}


def difference_of(
    first: Sequence[numpy.ndarray],
    second: Sequence[numpy.ndarray],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Difference:
    """Test whether the F1 of two systems differs.

    first, second (Sequence[ndarray]): For each run of a system, the true positives, false
        positives and false negatives of each document. Shape: (documents, 3)
    permutations, seed (int): See `paired_test`.
    RETURNS (Difference): Of `paired_test` for one run each, else of `runs_test`.
    """
    if len(first) == len(second) == 1:
        return paired_test(first[0], second[0], permutations=permutations, seed=seed)
    return runs_test(numpy.stack(first), numpy.stack(second))


def paired_test(
    first: numpy.ndarray,
    second: numpy.ndarray,
    *,
    permutations: int = PERMUTATIONS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Test whether two pipelines differ. The test randomly exchanges their results in each
    document (approximate randomization; Noreen, 1989; Yeh, 2000). The interval is the
    percentile interval over documents resampled with replacement.

    first, second (ndarray): True positives, false positives and false negatives of each
        document. Shape: (documents, 3)
    permutations, resamples (int): The number of permutations and bootstrap resamples.
    seed (int): The random seed.
    RETURNS (Difference): The difference and its significance.
    """
    first, second = numpy.asarray(first), numpy.asarray(second)
    changes = second - first
    differs = changes.any(axis=1)
    before, after = float(f_of(first.sum(axis=0))), float(f_of(second.sum(axis=0)))
    rng = numpy.random.default_rng(seed)
    as_large = 0
    for n in parts(permutations, int(differs.sum())):
        exchanged = rng.integers(0, 2, size=(n, int(differs.sum())), dtype="int8")
        moved = exchanged.astype("float64") @ changes[differs]
        differences = f_of(second.sum(axis=0) - moved) - f_of(first.sum(axis=0) + moved)
        # Tolerate rounding errors between equal differences.
        as_large += int((abs(differences) >= abs(after - before) - 1e-12).sum())
    drawn = numpy.concatenate(
        [
            f_of(weights @ second) - f_of(weights @ first)
            for weights in drawings(len(first), resamples, seed)
        ]
    )
    p_value = (as_large + 1) / (permutations + 1)
    return Difference(
        f=after - before,
        first=before,
        second=after,
        interval=percentiles(drawn),
        p_value=p_value,
        corrected=p_value,
        documents=len(first),
        changed=int(differs.sum()),
    )


def runs_test(first: numpy.ndarray, second: numpy.ndarray) -> Difference:
    """Test whether two recipes differ, with several runs of each: would other seeds and other
    documents show the same difference?

    The runs of a recipe are a sample of its trainings, and the documents a sample of their kind.
    All runs see the same documents. Studies of diagnostic tests have the same design, with readers
    and cases, and this is their analysis of variance: the F1 is linearized to one value per run
    and document, as with jackknife pseudovalues (Dorfman, Berbaum and Metz, 1992), the variance
    of the difference is the sum of that between runs and that between documents, and its degrees
    of freedom are Hillis' (2007; 2014 for runs that are not paired). It assumes that both recipes
    vary equally between runs. With few runs, it keeps the error rate that a bootstrap over runs
    and documents (Sellam et al., 2022) exceeds.

    first, second (ndarray): True positives, false positives and false negatives of each run in
        each document. At least three runs in all. Shape: (runs, documents, 3)
    RETURNS (Difference): The difference and its significance.
    """
    from scipy.stats import t

    sides = numpy.asarray(first), numpy.asarray(second)
    documents = sides[0].shape[1]
    before, after = (f_of(side.sum(axis=1)).mean() for side in sides)
    values = [_linearized(side) for side in sides]
    # The mean of these over the documents is the F1 of a run.
    of_runs = [value.mean(axis=1) for value in values]
    freedom = sum(map(len, sides)) - 2
    share = sum(1 / len(side) for side in sides)
    between_runs = sum(((f - f.mean()) ** 2).sum() for f in of_runs) / freedom
    rest = sum(
        ((value - value.mean(axis=0) - value.mean(axis=1, keepdims=True) + value.mean()) ** 2).sum()
        for value in values
    ) / (freedom * max(1, documents - 1))
    change = values[1].mean(axis=0) - values[0].mean(axis=0)
    between_documents = change.var(ddof=1) if documents > 1 else 0.0
    runs = share * between_runs
    # The difference between runs in a document is already part of that between runs.
    cases = max(0.0, between_documents - share * rest) / documents
    has_some = (sides[0].any(axis=(0, 2)) | sides[1].any(axis=(0, 2))).sum()
    error = float(numpy.sqrt(runs + cases))
    if error:
        weighted = runs**2 / freedom + cases**2 / max(1, has_some - 1)
        degrees = (runs + cases) ** 2 / weighted
        p_value = float(2 * t.sf(abs(after - before) / error, degrees))
        error *= float(t.ppf((1 + LEVEL) / 2, degrees))
    else:  # no two runs of a recipe differ
        p_value = float(after == before)
    differs = (sides[0].mean(axis=0) != sides[1].mean(axis=0)).any(axis=1)
    return Difference(
        f=float(after - before),
        first=float(before),
        second=float(after),
        interval=Interval(float(after - before) - error, float(after - before) + error),
        p_value=p_value,
        corrected=p_value,
        documents=documents,
        changed=int(differs.sum()),
    )


def _linearized(counts: numpy.ndarray) -> numpy.ndarray:
    """Linearize F1 in the documents (delta method).

    counts (ndarray): Shape: (runs, documents, 3)
    RETURNS (ndarray): The F1 of each run, plus the influence of each document on it. Shape: (runs,
        documents)"""
    f = f_of(counts.sum(axis=1))[:, None]
    twice = 2 * counts[..., 0]
    total = twice + counts[..., 1] + counts[..., 2]
    mean = total.mean(axis=1, keepdims=True)
    return f + (twice - f * total) / numpy.where(mean > 0, mean, 1.0)


def holm(tests: Mapping[str, Difference]) -> dict[str, Difference]:
    """Correct the p-values of several tests (Holm, 1979), so that the probability of any false
    positive is 5%.

    tests (Mapping[str, Difference]): The tests.
    RETURNS (dict[str, Difference]): The same with `corrected`, in the same order.
    """
    corrected, highest = {}, 0.0
    for i, name in enumerate(sorted(tests, key=lambda name: tests[name].p_value)):
        highest = max(highest, min(1.0, (len(tests) - i) * tests[name].p_value))
        corrected[name] = highest
    return {name: replace(test, corrected=corrected[name]) for name, test in tests.items()}
