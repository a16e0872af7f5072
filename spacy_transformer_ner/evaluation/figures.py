"""Figures of entities and of tokens."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from sklearn.metrics import classification_report as token_report

from .conlleval import conlleval
from .counts import Counts, averages, count
from .units import Units

SEQEVAL_MODE = "strict, IOB2"


@dataclass(frozen=True)
class Figures:
    """What a pipeline got right on a corpus.

    all (Counts): All entities (micro average).
    per_type (dict[str, Counts]): Each type's.
    averages (dict[str, dict[str, float]]): "macro" and "weighted", see
        `counts.averages`.
    token_accuracy (float): The share of units whose IOB2 tag is right, O
        included; units are tokens where the tokenisations are equal.
    tokens (dict[str, dict[str, float]]): scikit-learn's report of the units' IOB2 tags:
        precision, recall, f1-score and support of each.
    documents (int): How many Docs were counted.
    units (int): How many units.
    seqeval_report (str): seqeval's classification report, strict mode, IOB2.
    seqeval (dict): The same as numbers.
    seqeval_default (dict): The same in seqeval's default mode.
    conlleval (dict): What conlleval gives, see `conlleval.conlleval`.
    """

    all: Counts
    per_type: dict[str, Counts]
    averages: dict[str, dict[str, float]]
    token_accuracy: float
    tokens: dict[str, dict[str, float]]
    documents: int
    units: int
    seqeval_report: str
    seqeval: dict[str, dict[str, float]]
    seqeval_default: dict[str, dict[str, float]]
    conlleval: dict

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
            "seqeval_mode": SEQEVAL_MODE,
            "seqeval": self.seqeval,
            "seqeval_default": self.seqeval_default,
            "conlleval": self.conlleval,
        }


def compute_figures(texts: Sequence[Units]) -> Figures:
    """Count and compute.

    texts (Sequence[Units]): The texts.
    RETURNS (Figures): The figures.
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
    strict, default = (
        _seqeval(gold, predicted, **mode) if per_type else ("", {})
        for mode in ({"mode": "strict", "scheme": IOB2}, {})
    )
    return Figures(
        all=sum(per_type.values(), Counts(0, 0, 0)),
        per_type=per_type,
        averages=averages(per_type),
        token_accuracy=sum(a == b for a, b in pairs) / len(pairs) if pairs else 0.0,
        tokens=_of_tokens(pairs),
        documents=len(texts),
        units=len(pairs),
        seqeval_report=strict[0],
        seqeval=strict[1],
        seqeval_default=default[1],
        conlleval=conlleval(gold, predicted),
    )


def _seqeval(gold: list[list[str]], predicted: list[list[str]], **mode) -> tuple[str, dict]:
    """RETURNS (tuple[str, dict]): seqeval's report as text and as numbers."""
    with warnings.catch_warnings():
        # Of labels that are not in the gold annotation, or not predicted.
        warnings.simplefilter("ignore")
        text, numbers = (
            classification_report(
                gold, predicted, digits=4, zero_division=0, output_dict=as_numbers, **mode
            )
            for as_numbers in (False, True)
        )
    return text, _floats(numbers)


def _of_tokens(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, float]]:
    if not pairs:
        return {}
    gold, predicted = zip(*pairs)
    rows = token_report(gold, predicted, zero_division=0, output_dict=True)
    return _floats({name: row for name, row in rows.items() if isinstance(row, dict)})


def _floats(rows: dict) -> dict[str, dict[str, float]]:
    return {name: {key: float(value) for key, value in row.items()} for name, row in rows.items()}
