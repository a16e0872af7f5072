"""Suggestions for improving a pipeline, derived from its evaluation."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from markupsafe import Markup

from ..evaluation.error_types import NONE

# Ignore patterns with fewer mistakes.
FEW = 5
CONFIDENT = 0.9

Record = dict[str, Any]


def bdi(name: str) -> Markup:
    """name (str): A name that users chose.
    RETURNS (Markup): The name as HTML. Bidirectional control characters in it do not affect
        the text that follows."""
    return Markup("<bdi>{}</bdi>").format(name)


def advise(evaluation: Record, mistakes: Sequence[Record], check: Optional[Record]) -> list[str]:
    """Suggest what to do next, most promising first.

    evaluation (dict): The output of the evaluate command.
    mistakes (Sequence[dict]): The mistakes on raw text.
    check (dict | None): The output of the check command.
    RETURNS (list[str]): Sentences; those with names are HTML.
    """
    text = evaluation["text"]
    return [
        *_of_check(check),
        *_of_annotation(mistakes),
        *_of_confusion(text),
        *_of_boundaries(text, mistakes),
        *_of_unseen(text),
        *_of_types(text),
        *_of_tokens(evaluation),
    ]


def _of_check(check: Optional[Record]) -> Iterator[str]:
    severities = Counter(finding["severity"] for finding in (check or {"findings": []})["findings"])
    if severities["error"] or severities["warning"]:
        yield (
            f"The corpus check found {severities['error']} errors and "
            f"{severities['warning']} warnings. Fix them first: see Corpus below."
        )


def _of_annotation(mistakes: Sequence[Record]) -> Iterator[str]:
    confident = [m for m in mistakes if m["score"] is not None and m["score"] >= CONFIDENT]
    if len(confident) >= FEW:
        yield (
            f"Review the {len(confident)} mistakes with a score of {CONFIDENT} or more. Many may be "
            "annotation errors, which hurt both training and evaluation."
        )


def _of_confusion(text: Record) -> Iterator[str]:
    pairs: Counter[tuple[str, str]] = Counter()
    for label, row in text["confusion"].items():
        for other, n in row.items():
            if label != other and NONE not in (label, other):
                pairs[min(label, other), max(label, other)] += n
    for (label, other), n in pairs.most_common(1):
        if n >= FEW:
            yield Markup(
                "{} and {} are confused most often, {} times. Make sure that the annotation "
                "guidelines distinguish them, and add training examples of the confused words."
            ).format(bdi(label), bdi(other), n)


def _of_boundaries(text: Record, mistakes: Sequence[Record]) -> Iterator[str]:
    error_types = text["error_types"]
    n_wrong = sum(n for kind, n in error_types.items() if kind != "right")
    if error_types["boundary"] >= max(FEW, 0.2 * n_wrong):
        shorter = sum(
            len(m["predicted"]["text"]) < len(m["gold"]["text"])
            for m in mistakes
            if m["kind"] == "boundary"
        )
        side = "too short" if 2 * shorter >= error_types["boundary"] else "too long"
        yield (
            f"{error_types['boundary']} entities have the right type but wrong boundaries; most "
            f"predictions are {side}. Check that titles, hyphens and words like “of” are "
            "annotated consistently."
        )


def _of_unseen(text: Record) -> Iterator[str]:
    parts = text["slices"].get("seen in training", {})
    seen, new = parts.get("seen"), parts.get("not seen")
    if seen and new and new["tp"] + new["fn"] >= FEW and seen["r"] - new["r"] > 0.05:
        yield (
            f"Recall is {seen['r']:.0%} for entities seen in training, and {new['r']:.0%} for unseen "
            "ones. Annotate documents with new names rather than more of the same."
        )


def _of_types(text: Record) -> Iterator[str]:
    types = text["entities_per_type"]
    if len(types) < 2:
        return
    label, row = min(types.items(), key=lambda item: item[1]["f"])
    if text["entities"]["f"] - row["f"] > 0.02:
        side = "misses entities" if row["r"] < row["p"] else "predicts spurious entities"
        yield Markup(
            "{} is the weakest type, with an F1 of {:.3f}: the pipeline mostly {}."
        ).format(bdi(label), row["f"], side)


def _of_tokens(evaluation: Record) -> Iterator[str]:
    text, gold = (evaluation[name]["entities"]["f"] for name in ("text", "gold"))
    if gold - text > 0.01:
        yield (
            f"F1 is {gold:.3f} on gold tokens and sentences, but {text:.3f} on raw text. spaCy's "
            "tokenizer splits the text differently from the corpus, and sentence boundaries are "
            "unknown. See the findings on boundaries in the corpus check; customize the tokenizer, "
            "or add a sentencizer before the transformer."
        )
