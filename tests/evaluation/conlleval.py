"""The metrics of conlleval, the scorer of the CoNLL shared tasks.

Follows the rules of conlleval.pl (Tjong Kim Sang, version of 2004-01-26): it reads chunks
from any tags, valid or not, and counts a chunk as right if start, end and type are equal.
"""

from collections.abc import Iterable, Sequence

from spacy_transformer_ner.evaluation.counts import Counts, count

Chunk = tuple[int, int, str]

# Pairs of prefixes (previous tag, current tag) that end or start a chunk of the same type.
ENDS = frozenset(("BB", "BO", "IB", "IO", "EE", "EI", "EO"))
STARTS = frozenset(("BB", "IB", "OB", "OI", "EE", "EI", "OE"))
OUTSIDE = ("O", "")


def chunks(tags: Iterable[str]) -> list[Chunk]:
    """Read the chunks of a sentence.

    tags (Iterable[str]): Its tags, IOB1, IOB2 or IOE.
    RETURNS (list[Chunk]): Start token, end token (exclusive) and type of each chunk.
    """
    found: list[Chunk] = []
    start: int | None = None
    before = OUTSIDE
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-")
        now = (prefix, kind)
        between = before[0] + prefix
        if start is not None and (between in ENDS or before[1] != kind):
            found.append((start, i, before[1]))
            start = None
        if between in STARTS or (prefix != "O" and before[1] != kind):
            start = i
        before = now
    return found


def conlleval(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict:
    """Compute the metrics that conlleval prints.

    gold, predicted (Sequence[Sequence[str]]): The tags of each sentence.
    RETURNS (dict): The counts "tokens", "phrases", "found" and "correct"; "accuracy",
        "precision", "recall" and "fb1" in percent; and "per_type".
    """
    counts = count(
        (set(chunks(gold_tags)), set(chunks(predicted_tags)))
        for gold_tags, predicted_tags in zip(gold, predicted)
    )
    total = sum(counts.values(), Counts(0, 0, 0))
    right = sum(a == b for pair in zip(gold, predicted) for a, b in zip(*pair))
    tokens = sum(map(len, gold))
    return {
        "tokens": tokens,
        "phrases": total.tp + total.fn,
        "found": total.tp + total.fp,
        "correct": total.tp,
        "accuracy": 100.0 * right / tokens if tokens else 0.0,
        **_percent(total),
        "per_type": {
            label: {**_percent(some), "found": some.tp + some.fp}
            for label, some in sorted(counts.items())
        },
    }


def _percent(counts: Counts) -> dict[str, float]:
    return {
        "precision": 100.0 * counts.p,
        "recall": 100.0 * counts.r,
        "fb1": 100.0 * counts.f,
    }
