"""Check the test of `spacy ner compare` with several runs of two recipes, on simulated runs.

    python benchmarks/significance.py

simulates trainings of two recipes that do not differ, and counts how often the difference comes
out significant at 5%: with `spacy ner compare`, with one run of each recipe, and with a bootstrap
over runs and documents (Sellam et al., 2022). Then it simulates recipes whose F1 differs by 0.01,
and counts how often that is found. Runs differ in F1 by chance; documents differ in difficulty,
and in how well the two recipes do on them. With --gold and --predicted, the entities and mistakes
per document are those of a pipeline on a corpus. Writes benchmarks/results/significance.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy
import typer
from machine import keep
from scipy.optimize import brentq

from spacy_transformer_ner.evaluation.resampling import drawings, f_of, percentiles
from spacy_transformer_ner.evaluation.runs import read_run
from spacy_transformer_ner.evaluation.significance import paired_test, runs_test

# Of the entities that a pipeline misses, so many are found wrongly.
SPURIOUS = 0.8
SIMULATED_F = 0.88
DIFFERENCE = 0.01
RESAMPLES = 200

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Case:
    """What is simulated.

    documents (int): The number of documents.
    runs (tuple[int, int]): The number of runs of each recipe.
    between (float): The standard deviation of F1 between runs.
    own (float): The standard deviation of the recipes' difference between documents, in logits.
    """

    documents: int = 200
    runs: tuple[int, int] = (3, 3)
    between: float = 0.005
    own: float = 0.3


NO_DIFFERENCE = (
    Case(), Case(between=0.0), Case(between=0.02), Case(documents=1000), Case(own=0.0),
    Case(own=0.6), Case(documents=50), Case(runs=(5, 5)), Case(runs=(1, 3)),
)  # fmt: skip
A_DIFFERENCE = tuple(
    Case(documents=documents, runs=(runs, runs), between=between)
    for documents in (200, 1000)
    for between in (0.002, 0.005)
    for runs in (3, 5, 10)
)


class Simulation:
    """Simulates runs.

    entities (ndarray): Numbers of entities, one for each document to draw from.
    difficulty (ndarray): The logits of finding them, if the F1 was 0.5 on average.
    """

    def __init__(self, entities: numpy.ndarray, difficulty: numpy.ndarray):
        self.entities, self.difficulty = entities, difficulty

    def logit_of(self, f: float) -> float:
        """f (float): An F1.
        RETURNS (float): What to add to the difficulties for this F1."""
        return float(brentq(lambda logit: self._f(logit) - f, -10, 20))

    def _f(self, logit: float) -> float:
        found = self.entities * _share(logit + self.difficulty)
        missed = (self.entities - found).sum()
        return float(2 * found.sum() / (2 * found.sum() + (1 + SPURIOUS) * missed))

    def draw(self, rng: numpy.random.Generator, case: Case, f: tuple[float, float]) -> list[Any]:
        """RETURNS (list[ndarray]): The counts of two recipes with this F1. Shape: (runs, documents,
        3)"""
        chosen = rng.integers(0, len(self.entities), case.documents)
        drawn = []
        for n, mean in zip(case.runs, f):
            logit = self.logit_of(mean)
            slope = (self._f(logit + 0.1) - self._f(logit - 0.1)) / 0.2
            own = rng.normal(0, case.own / 2**0.5, case.documents)
            chance = rng.normal(0, case.between / slope, (n, 1))
            share = _share(logit + self.difficulty[chosen] + own + chance)
            right = rng.binomial(self.entities[chosen], share)
            missed = self.entities[chosen] - right
            drawn.append(numpy.stack([right, rng.binomial(missed, SPURIOUS), missed], axis=-1))
        return drawn


def _share(logits: numpy.ndarray) -> numpy.ndarray:
    return 1 / (1 + numpy.exp(-logits))


def by_bootstrap(first: numpy.ndarray, second: numpy.ndarray, seed: int) -> bool:
    """RETURNS (bool): Whether the interval of a bootstrap over runs and documents excludes 0."""
    rng = numpy.random.default_rng(seed)
    (weights,) = drawings(first.shape[1], RESAMPLES, seed)
    means = []
    for side in (first, second):
        f = f_of(numpy.einsum("rd,sdc->rsc", weights, side))
        chosen = rng.integers(0, len(side), (RESAMPLES, len(side)))
        means.append(numpy.take_along_axis(f, chosen, axis=1).mean(axis=1))
    interval = percentiles(means[1] - means[0])
    return not interval.low <= 0.0 <= interval.high


def rates(simulation: Simulation, case: Case, difference: float, n: int, f: float) -> dict:
    """RETURNS (dict[str, float]): How often a difference is significant, and the standard deviation
    of F1 between runs."""
    rng = numpy.random.default_rng(0)
    found = {"compare": 0, "one run each": 0, "bootstrap": 0}
    deviations = []
    for i in range(n):
        first, second = simulation.draw(rng, case, (f, f + difference))
        found["compare"] += runs_test(first, second).is_significant
        one = paired_test(first[0], second[0], permutations=499, resamples=1, seed=i)
        found["one run each"] += one.is_significant
        found["bootstrap"] += by_bootstrap(first, second, i)
        deviations.append(f_of(second.sum(axis=1)).std(ddof=1))
    shares = {name: round(count / n, 4) for name, count in found.items()}
    return {**shares, "f_deviation": round(float(numpy.mean(deviations)), 4)}


@app.command(help=__doc__)
def main(
    # fmt: off
    n: int = typer.Option(200, "-n", help="Number of simulations"),
    gold: Optional[Path] = typer.Option(None, help="A .spacy file with annotation"),
    predicted: Optional[Path] = typer.Option(None, help="A .spacy file with predictions for it"),
    suffix: str = typer.Option("", help="Suffix of the result's name"),
    # fmt: on
) -> None:
    rng, f = numpy.random.default_rng(0), SIMULATED_F
    simulation = Simulation(1 + rng.poisson(4, 5000), rng.normal(0, 1, 5000))
    if gold is not None and predicted is not None:
        counts = read_run(predicted, gold).per_document(None)
        counts = counts[counts[:, [0, 2]].sum(axis=1) > 0]
        right, missed = counts[:, 0], counts[:, 2]
        f = float(f_of(counts.sum(axis=0)))
        simulation = Simulation(right + missed, numpy.log((right + 0.5) / (missed + 0.5)))
    result: dict[str, Any] = {"simulations": n, "f": round(f, 4)}
    for name, cases, difference in (
        ("no_difference", NO_DIFFERENCE, 0.0), ("difference", A_DIFFERENCE, DIFFERENCE)
    ):  # fmt: skip
        result[name] = []
        for case in cases:
            row = {**vars(case), **rates(simulation, case, difference, n, f)}
            print(name, row, flush=True)
            result[name].append(row)
    keep("significance", result, suffix=suffix)


if __name__ == "__main__":
    app()
