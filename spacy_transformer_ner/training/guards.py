"""The logger spacy-transformer-ner.GuardLogger.v1: warns of trainings that are going wrong."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any, Dict, Optional

from spacy.language import Language
from wasabi import msg

from ..encoder.optimizer import AdamW
from .folders import lock_output
from .run import Log, SetUp, TrainingRun, run_of

# Stop after this many consecutive gradients that are not finite.
MAX_NOT_FINITE = 50
# Warn after more than this many evaluations without a correct entity.
MAX_EVALUATIONS_AT_ZERO = 5
# Labels and collapses are checked once F1 has reached this.
MIN_F = 0.3
# Learning rates outside of this range are not known to work for any encoder.
RATES = 1e-7, 2e-3
# What the scores of entities are called: those of spancat, if the pipeline has it.
PREFIXES = "spans_sc", "ents"


def guard_logger() -> SetUp:
    """Warn of a learning rate that cannot work, gradients that are not finite, an F1 that
    collapses or stays 0, and labels that are never predicted. Stop the training if gradients
    stay not finite; model-best is kept. Registered as spacy-transformer-ner.GuardLogger.v1.

    RETURNS (Callable): The logger.
    """
    lock_output()

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        run = run_of(nlp)
        guard = Guard(run)

        def log(info: Optional[Dict[str, Any]]) -> None:
            for warning in guard.look(info):
                msg.warn(*warning)

        return log, run.close

    return set_up


class Guard:
    """The checks of a training.

    run (TrainingRun): The training.
    """

    def __init__(self, run: TrainingRun):
        self.run = run
        self.best = 0.0
        self.n_evaluations = 0
        self._highest_rate = 0.0
        self._at_zero: Counter[str] = Counter()
        self._said: set[str] = set()

    def look(self, info: Optional[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """info (dict | None): What spaCy passes to loggers after a step; None if there was no
            evaluation.
        YIELDS (tuple[str, str]): Each problem and its fix, once."""
        for about, what, remedy in self._look(info):
            if about not in self._said:
                self._said.add(about)
                yield what, remedy

    def _look(self, info: Optional[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
        optimizer = self.run.optimizer
        if isinstance(optimizer, AdamW):
            yield from self._of_gradients(optimizer.n_skipped)
            yield from self._of_rate(optimizer.learn_rate)
        else:
            yield from self._of_losses(self.run.n_not_finite)
        scores = {} if info is None else info["other_scores"]
        prefix = next((name for name in PREFIXES if f"{name}_f" in scores), None)
        if info is None or prefix is None:
            return
        self.n_evaluations += 1
        score, step = scores[f"{prefix}_f"] or 0.0, info["step"]
        if self.best >= MIN_F and score < 0.1 * self.best:
            yield (
                f"collapse {step}",
                f"F1 on dev fell from {self.best:.3f} to {score:.3f} at step {step}",
                "If it does not recover, stop (Ctrl-C) and lower initial_rate in "
                "[training.optimizer.learn_rate]. model-best is kept.",
            )
        self.best = max(self.best, score)
        if self.n_evaluations > MAX_EVALUATIONS_AT_ZERO and not self.best:
            yield (
                "nothing",
                f"F1 on dev is still 0 after {step} steps",
                "If the loss does not fall, initial_rate in [training.optimizer.learn_rate] is "
                "too high or too low. If it falls, check the data with `spacy ner check`.",
            )
        if self.best >= MIN_F:
            yield from self._of_types(scores.get(f"{prefix}_per_type") or {})

    def _of_gradients(self, n_skipped: int) -> Iterator[tuple[str, str, str]]:
        if not n_skipped:
            return
        yield (
            "gradients",
            "The gradient is not finite: this update is skipped",
            "If this happens often, lower initial_rate in [training.optimizer.learn_rate], or "
            'set precision = "fp32" in [components.transformer.model].',
        )
        if n_skipped >= MAX_NOT_FINITE:
            self.run.stop(
                f"{n_skipped} gradients in a row were not finite. Lower initial_rate in "
                '[training.optimizer.learn_rate], or set precision = "fp32" in '
                "[components.transformer.model]. model-best is kept."
            )

    def _of_losses(self, n_not_finite: int) -> Iterator[tuple[str, str, str]]:
        """For optimizers that do not skip such updates: afterwards no weight is finite."""
        if not n_not_finite:
            return
        remedy = (
            "Lower the learning rate in [training.optimizer], or set @optimizers = "
            '"spacy-transformer-ner.AdamW.v1" there, which skips such updates.'
        )
        yield "losses", "The loss is not finite", remedy
        if n_not_finite >= MAX_NOT_FINITE:
            self.run.stop(
                f"{n_not_finite} losses in a row were not finite. {remedy} model-best is kept."
            )

    def _of_rate(self, rate: float) -> Iterator[tuple[str, str, str]]:
        self._highest_rate = max(self._highest_rate, rate)
        low, high = RATES
        is_low = self.n_evaluations > MAX_EVALUATIONS_AT_ZERO and self._highest_rate < low
        if rate > high or is_low:
            yield (
                "rate",
                f"The learning rate is {self._highest_rate:.1g}",
                f"Rates {'below' if is_low else 'above'} {low if is_low else high:g} are not "
                "known to work. Set initial_rate in [training.optimizer.learn_rate], usually to "
                "2e-5 to 3e-4.",
            )

    def _of_types(self, per_type: dict[str, dict[str, float]]) -> Iterator[tuple[str, str, str]]:
        for name, row in per_type.items():
            self._at_zero[name] = 0 if row["f"] else self._at_zero[name] + 1
            if self._at_zero[name] > MAX_EVALUATIONS_AT_ZERO:
                yield (
                    f"type {name}",
                    f"F1 of {name} is 0 in {MAX_EVALUATIONS_AT_ZERO + 1} evaluations",
                    "If dev has more than a few of these entities, the training data has too "
                    "few, or uses another label: run `spacy ner check`. Or train longer.",
                )
