"""Figures of entities and of tokens."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from .units import Units

SEQEVAL_MODE = "strict, IOB2"


@dataclass(frozen=True)
class Counts:
    """Entities counted; right means the same characters and the same label.

    tp (int): Predicted and right.
    fp (int): Predicted and wrong.
    fn (int): In the gold annotation and not predicted so.
    """

    tp: int
    fp: int
    fn: int

    @property
    def p(self) -> float:
        """RETURNS (float): Precision; 0 if nothing was predicted."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def r(self) -> float:
        """RETURNS (float): Recall; 0 if there is nothing to find."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f(self) -> float:
        """RETURNS (float): F1, the harmonic mean of both."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 0.0

    def to_dict(self) -> dict:
        """RETURNS (dict): p, r, f, tp, fp, fn."""
        return {"p": self.p, "r": self.r, "f": self.f, **asdict(self)}


@dataclass(frozen=True)
class Figures:
    """What a pipeline got right on a corpus.

    all (Counts): All entities (micro average).
    per_type (dict[str, Counts]): Each type's.
    token_accuracy (float): The share of units whose IOB2 tag is right, O
        included; units are tokens where the tokenisations are equal.
    documents (int): How many Docs were counted.
    units (int): How many units.
    seqeval_report (str): seqeval's classification report, strict mode, IOB2.
    seqeval (dict): The same as numbers.
    """

    all: Counts
    per_type: dict[str, Counts]
    token_accuracy: float
    documents: int
    units: int
    seqeval_report: str
    seqeval: dict[str, dict[str, float]]

    def to_dict(self) -> dict:
        """RETURNS (dict): The figures, for JSON."""
        return {
            "documents": self.documents,
            "units": self.units,
            "token_accuracy": self.token_accuracy,
            "entities": self.all.to_dict(),
            "entities_per_type": {k: v.to_dict() for k, v in self.per_type.items()},
            "seqeval_mode": SEQEVAL_MODE,
            "seqeval": self.seqeval,
        }


def compute_figures(texts: Sequence[Units]) -> Figures:
    """Count and compute.

    texts (Sequence[Units]): The texts.
    RETURNS (Figures): The figures.
    """
    tp: Counter[str] = Counter()
    fp: Counter[str] = Counter()
    fn: Counter[str] = Counter()
    right = total = 0
    gold_tags, predicted_tags = [], []
    for units in texts:
        gold, predicted = set(units.gold), set(units.predicted)
        tp.update(label for *_, label in gold & predicted)
        fp.update(label for *_, label in predicted - gold)
        fn.update(label for *_, label in gold - predicted)
        gold_tags.append(units.gold_tags())
        predicted_tags.append(units.predicted_tags())
        for known, a, b in zip(units.known, gold_tags[-1], predicted_tags[-1]):
            total += known
            right += known and a == b
    labels = sorted(tp.keys() | fp.keys() | fn.keys())
    return Figures(
        all=Counts(tp.total(), fp.total(), fn.total()),
        per_type={label: Counts(tp[label], fp[label], fn[label]) for label in labels},
        token_accuracy=right / total if total else 0.0,
        documents=len(texts),
        units=total,
        seqeval_report=_seqeval(gold_tags, predicted_tags, output_dict=False) if labels else "",
        seqeval=_seqeval(gold_tags, predicted_tags, output_dict=True) if labels else {},
    )


def _seqeval(gold: list[list[str]], predicted: list[list[str]], *, output_dict: bool):
    report = classification_report(
        gold,
        predicted,
        mode="strict",
        scheme=IOB2,
        digits=4,
        zero_division=0,
        output_dict=output_dict,
    )
    if not output_dict:
        return report
    return {
        name: {key: float(value) for key, value in row.items()} for name, row in report.items()
    }
