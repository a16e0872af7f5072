"""Error types: missed, spurious, wrong type, wrong boundaries, or both wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, Optional

from .units import Entity, Units

Kind = Literal["right", "type", "boundary", "both", "missed", "spurious"]
KINDS: tuple[Kind, ...] = ("right", "type", "boundary", "both", "missed", "spurious")
# Stands for "no entity"; no type has this name.
NONE = ""


@dataclass(frozen=True)
class Match:
    """A gold entity paired with a predicted entity, or either one unpaired.

    kind (str): "right"; "type", "boundary" or "both" if that is wrong; "missed" without a
        predicted entity; "spurious" without a gold entity.
    text (int): The index of the text.
    gold, predicted (Entity | None): The entities, in the text's units.
    score (float | None): The score of the predicted entity, if known.
    """

    kind: Kind
    text: int
    gold: Optional[Entity]
    predicted: Optional[Entity]
    score: Optional[float] = None

    @property
    def place(self) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): The span of units that either entity covers, end
        exclusive."""
        spans = [entity for entity in (self.gold, self.predicted) if entity]
        return min(start for start, _, _ in spans), max(end for _, end, _ in spans)


def match_entities(texts: Iterable[Units]) -> list[Match]:
    """Pair each gold entity with at most one predicted entity: equal entities first, then
    those with equal boundaries, then overlapping ones, preferring the same label and a
    longer overlap.

    texts (Iterable[Units]): The texts.
    RETURNS (list[Match]): The matches of all entities, sorted by text and position.
    """
    found: list[Match] = []
    for number, units in enumerate(texts):
        scores = dict(zip(units.predicted, units.scores))
        pairs = sorted(
            _overlapping(units.gold, units.predicted),
            key=lambda pair: (
                pair[0] != pair[1],
                pair[0][:2] != pair[1][:2],
                pair[0][2] != pair[1][2],
                -_common(*pair),
                pair,
            ),
        )
        gold, predicted, of_text = set(units.gold), set(units.predicted), []
        for one, other in pairs:
            if one in gold and other in predicted:
                gold.remove(one)
                predicted.remove(other)
                of_text.append(Match(_kind(one, other), number, one, other, scores.get(other)))
        of_text += [Match("missed", number, entity, None) for entity in gold]
        of_text += [
            Match("spurious", number, None, entity, scores.get(entity)) for entity in predicted
        ]
        found += sorted(of_text, key=lambda match: match.place)
    return found


def _overlapping(
    gold: tuple[Entity, ...], predicted: tuple[Entity, ...]
) -> Iterable[tuple[Entity, Entity]]:
    """Yield the overlapping pairs. Both inputs are sorted."""
    first = 0
    # The end of all predicted entities so far: they can overlap.
    ends = list(accumulate((end for _, end, _ in predicted), max))
    for one in gold:
        while first < len(predicted) and ends[first] <= one[0]:
            first += 1
        i = first
        while i < len(predicted) and predicted[i][0] < one[1]:
            if predicted[i][1] > one[0]:
                yield one, predicted[i]
            i += 1


def _common(one: Entity, other: Entity) -> int:
    return min(one[1], other[1]) - max(one[0], other[0])


def _kind(gold: Entity, predicted: Entity) -> Kind:
    if gold == predicted:
        return "right"
    if gold[:2] == predicted[:2]:
        return "type"
    return "boundary" if gold[2] == predicted[2] else "both"


def confusion(found: Iterable[Match]) -> dict[str, dict[str, int]]:
    """Compute the confusion matrix of entity types, ignoring boundaries.

    found (Iterable[Match]): The matches, see `match_entities`.
    RETURNS (dict[str, dict[str, int]]): For each gold type the counts of the predicted
        types; "" stands for no entity in both.
    """
    pairs = Counter(
        (
            match.gold[2] if match.gold else NONE,
            match.predicted[2] if match.predicted else NONE,
        )
        for match in found
    )
    labels = sorted({label for pair in pairs for label in pair} - {NONE})
    return {
        gold: {predicted: pairs[gold, predicted] for predicted in (*labels, NONE)}
        for gold in (*labels, NONE)
    }


# The four schemes of SemEval-2013 (Segura-Bedmar et al.). C is correct, I incorrect and P
# partial; missed and spurious entities count the same in all schemes.
SEMEVAL: dict[str, dict[Kind, str]] = {
    "strict": {"right": "C", "type": "I", "boundary": "I", "both": "I"},
    "exact": {"right": "C", "type": "C", "boundary": "I", "both": "I"},
    "partial": {"right": "C", "type": "C", "boundary": "P", "both": "P"},
    "type": {"right": "C", "type": "I", "boundary": "C", "both": "I"},
}


def partial_credit(found: Iterable[Match]) -> dict[str, dict[str, float]]:
    """Compute the partial-credit metrics of MUC-5 (Chinchor and Sundheim, 1993) and
    SemEval-2013 task 9.

    found (Iterable[Match]): The matches, see `match_entities`.
    RETURNS (dict[str, dict[str, float]]): correct, incorrect, partial, missed, spurious, p,
        r and f for each scheme: "strict"; "exact", boundaries only; "partial", boundaries
        only, with half a point for an overlap; "type", the type of overlapping entities;
        "muc", one point each for type and boundaries.
    """
    kinds = Counter(match.kind for match in found)
    counted: dict[str, Counter[str]] = {
        name: Counter(
            {letter: sum(kinds[k] for k, of in ways.items() if of == letter) for letter in "CIP"}
        )
        for name, ways in SEMEVAL.items()
    }
    # MUC scores two slots of each entity: its type and its text.
    counted["muc"] = counted["exact"] + counted["type"]
    result = {}
    for name, of in counted.items():
        slots = 2 if name == "muc" else 1
        missed, spurious = slots * kinds["missed"], slots * kinds["spurious"]
        met = of["C"] + of["I"] + of["P"]
        credit = of["C"] + 0.5 * of["P"]
        p = credit / (met + spurious) if met + spurious else 0.0
        r = credit / (met + missed) if met + missed else 0.0
        result[name] = {
            "correct": of["C"],
            "incorrect": of["I"],
            "partial": of["P"],
            "missed": missed,
            "spurious": spurious,
            "p": p,
            "r": r,
            "f": 2 * p * r / (p + r) if p + r else 0.0,
        }
    return result
