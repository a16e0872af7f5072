"""Entities counted as right, spurious and missed."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass


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

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

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


def count(texts: Iterable[tuple[set, set]]) -> dict[str, Counts]:
    """Count entities by label.

    texts (Iterable[tuple[set, set]]): The gold and the predicted entities of each text,
        as tuples that end with the label.
    RETURNS (dict[str, Counts]): Of each label, in the alphabet's order.
    """
    tp: Counter[str] = Counter()
    fp: Counter[str] = Counter()
    fn: Counter[str] = Counter()
    for gold, predicted in texts:
        tp.update(label for *_, label in gold & predicted)
        fp.update(label for *_, label in predicted - gold)
        fn.update(label for *_, label in gold - predicted)
    labels = sorted(tp.keys() | fp.keys() | fn.keys())
    return {label: Counts(tp[label], fp[label], fn[label]) for label in labels}


def averages(counts: Mapping[Hashable, Counts]) -> dict[str, dict[str, float]]:
    """Average precision, recall and F1 over labels.

    counts (Mapping[Hashable, Counts]): Of each label.
    RETURNS (dict[str, dict[str, float]]): "macro", every label alike, and "weighted",
        each by how many entities the gold annotation has, as scikit-learn and seqeval
        do; each with p, r and f.
    """
    weights = {
        "macro": [1] * len(counts),
        "weighted": [some.tp + some.fn for some in counts.values()],
    }
    return {
        name: {
            figure: _mean([getattr(some, figure) for some in counts.values()], of_labels)
            for figure in ("p", "r", "f")
        }
        for name, of_labels in weights.items()
    }


def _mean(values: list[float], weights: list[int]) -> float:
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights)) / total if total else 0.0
