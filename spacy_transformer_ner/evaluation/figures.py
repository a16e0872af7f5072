"""Metrics of entities and of tokens."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from sklearn.metrics import classification_report as token_report

from .counts import Counts, averages, count
from .units import Units


@dataclass(frozen=True)
class Figures:
    """The strict metrics of a pipeline on a corpus. Every predicted sequence is valid, so they
    equal those of conlleval, and of seqeval's strict and default modes.

    all (Counts): The counts of all entities (micro average).
    per_type (dict[str, Counts]): The counts of each type.
    averages (dict[str, dict[str, float]]): "macro" and "weighted", see
        `counts.averages`.
    token_accuracy (float): The share of units with the right IOB2 tag, O included. Units
        are tokens if gold and predicted tokens are the same.
    tokens (dict[str, dict[str, float]]): scikit-learn's report for the units' IOB2 tags:
        precision, recall, f1-score and support of each tag.
    documents (int): The number of Docs.
    units (int): The number of units.
    """

    all: Counts
    per_type: dict[str, Counts]
    averages: dict[str, dict[str, float]]
    token_accuracy: float
    tokens: dict[str, dict[str, float]]
    documents: int
    units: int

    def to_dict(self) -> dict:
        """RETURNS (dict): The figures, for JSON."""
        return {
            "documents": self.documents,
            "units": self.units,
            "token_accuracy": self.token_accuracy,
            "tokens": self.tokens,
            "entities": self.all.to_dict(),
            "entities_per_type": {k: v.to_dict() for k, v in self.per_type.items()},
            "entities_averages": self.averages,
        }


def compute_figures(texts: Sequence[Units]) -> Figures:
    """Compute the strict metrics.

    texts (Sequence[Units]): The texts.
    RETURNS (Figures): The metrics.
    """
    per_type = count((set(units.gold), set(units.predicted)) for units in texts)
    gold = [units.gold_tags() for units in texts]
    predicted = [units.predicted_tags() for units in texts]
    pairs = [
        (a, b)
        for units, *tags in zip(texts, gold, predicted)
        for known, a, b in zip(units.known, *tags)
        if known
    ]
    return Figures(
        all=sum(per_type.values(), Counts(0, 0, 0)),
        per_type=per_type,
        averages=averages(per_type),
        token_accuracy=sum(a == b for a, b in pairs) / len(pairs) if pairs else 0.0,
        tokens=_of_tokens(pairs),
        documents=len(texts),
        units=len(pairs),
    )


def seqeval_report(texts: Sequence[Units]) -> str:
    """texts (Sequence[Units]): The texts.
    RETURNS (str): seqeval's classification report; empty if there are no entities."""
    if not any(units.gold or units.predicted for units in texts):
        return ""
    gold = [units.gold_tags() for units in texts]
    predicted = [units.predicted_tags() for units in texts]
    with warnings.catch_warnings():
        # seqeval warns of labels without gold or predicted entities.
        warnings.simplefilter("ignore")
        return classification_report(
            gold, predicted, digits=4, zero_division=0, mode="strict", scheme=IOB2
        )


def _of_tokens(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, float]]:
    if not pairs:
        return {}
    gold, predicted = zip(*pairs)
    rows = token_report(gold, predicted, zero_division=0, output_dict=True)
    return {
        name: {key: float(value) for key, value in row.items()}
        for name, row in rows.items()
        if isinstance(row, dict)
    }
