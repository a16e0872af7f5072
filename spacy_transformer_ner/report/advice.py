"""What the figures say is to be done next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from markupsafe import Markup

from ..evaluation.error_types import NONE

# Fewer mistakes than these are no pattern.
FEW = 5
SURE = 0.9

Record = dict[str, Any]


def own(name: str) -> Markup:
    """name (str): A name that others chose.
    RETURNS (Markup): It as HTML: marks of direction in it turn nothing that follows."""
    return Markup("<bdi>{}</bdi>").format(name)


def advise(evaluation: Record, mistakes: Sequence[Record], check: Optional[Record]) -> list[str]:
    """Say what to do, what promises most first.

    evaluation (dict): What the evaluate command wrote.
    mistakes (Sequence[dict]): The mistakes on raw text.
    check (dict | None): What the check command wrote.
    RETURNS (list[str]): Sentences, those with names as HTML; none where nothing stands out.
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
            f"The check of the corpus found {severities['error']} errors and "
            f"{severities['warning']} warnings: mend them first, see below."
        )


def _of_annotation(mistakes: Sequence[Record]) -> Iterator[str]:
    sure = [m for m in mistakes if m["score"] is not None and m["score"] >= SURE]
    if len(sure) >= FEW:
        yield (
            f"Read the {len(sure)} mistakes with a score of {SURE} and more: many of them may be "
            "mistakes of the annotation, which cost twice, in training and in testing."
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
                "{} and {} are taken for one another most often, {} times: see that the "
                "annotation guidelines tell them apart, and add examples of the words concerned."
            ).format(own(label), own(other), n)


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
            f"{error_types['boundary']} entities have the right type and wrong boundaries, most of "
            f"them found {side}: look whether titles, hyphens and words like “of” are annotated in "
            "one way."
        )


def _of_unseen(text: Record) -> Iterator[str]:
    parts = text["slices"].get("seen in training", {})
    seen, new = parts.get("seen"), parts.get("not seen")
    if seen and new and new["tp"] + new["fn"] >= FEW and seen["r"] - new["r"] > 0.05:
        yield (
            f"Of entities that the training data has it finds {seen['r']:.0%}, of new ones "
            f"{new['r']:.0%}: more documents with other names help more than more of the same."
        )


def _of_types(text: Record) -> Iterator[str]:
    types = text["entities_per_type"]
    if len(types) < 2:
        return
    label, row = min(types.items(), key=lambda item: item[1]["f"])
    if text["entities"]["f"] - row["f"] > 0.02:
        side = "finds too few of them" if row["r"] < row["p"] else "sees them where there are none"
        yield Markup("{} is the weakest type, with an F1 of {:.3f}: the pipeline {}.").format(
            own(label), row["f"], side
        )


def _of_tokens(evaluation: Record) -> Iterator[str]:
    text, gold = (evaluation[name]["entities"]["f"] for name in ("text", "gold"))
    if gold - text > 0.01:
        yield (
            f"On the corpus' own tokens and sentences F1 is {gold:.3f}, on raw text {text:.3f}: spaCy's "
            "tokeniser parts words in other ways than the corpus does, and where sentences start is "
            "not told. See the check's findings on boundaries; adapt the tokeniser, or put a "
            "sentencizer before the transformer."
        )
