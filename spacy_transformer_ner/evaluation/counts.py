"""Count true positives, false positives and false negatives."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Counts:
    """Entity counts. An entity is right if its characters and its label are right.

    tp (int): True positives: predicted entities that are right.
    fp (int): False positives: predicted entities that are wrong.
    fn (int): False negatives: gold entities that are not predicted.
    """

    tp: int
    fp: int
    fn: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def p(self) -> float:
        """RETURNS (float): Precision; 0 if nothing is predicted."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def r(self) -> float:
        """RETURNS (float): Recall; 0 if there are no gold entities."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f(self) -> float:
        """RETURNS (float): F1, the harmonic mean of precision and recall."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 0.0

    def to_dict(self) -> dict:
        """RETURNS (dict): p, r, f, tp, fp and fn, for JSON."""
        return {"p": self.p, "r": self.r, "f": self.f, **asdict(self)}


def count(texts: Iterable[tuple[set, set]]) -> dict[str, Counts]:
    """Count entities by label.

    texts (Iterable[tuple[set, set]]): The gold and the predicted entities of each text,
        as tuples that end with the label.
    RETURNS (dict[str, Counts]): The counts of each label, in alphabetical order.
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


def averages(counts: Mapping[str, Counts]) -> dict[str, dict[str, float]]:
    """Average precision, recall and F1 over labels.

    counts (Mapping[str, Counts]): The counts of each label.
    RETURNS (dict[str, dict[str, float]]): "macro", the unweighted mean, and "weighted",
        weighted by the number of gold entities, as in scikit-learn and seqeval; each with
        p, r and f.
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
