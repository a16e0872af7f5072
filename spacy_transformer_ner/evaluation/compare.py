"""Compare two pipelines, two recipes with several runs each, or their predictions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Union

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..corpus.reader import AnyCorpus, annotated_docs
from ..loading import Pipeline
from ..progress import Progress, no_progress
from .evaluate import Tokenization
from .mistakes import Context, Mention, context_of, in_text
from .runs import Run, read_run
from .significance import PERMUTATIONS, Difference, difference_of, holm
from .units import Units

# What the second system changes compared to the first.
Change = Literal["fixed", "broken", "no longer spurious", "newly spurious"]
CHANGES: tuple[Change, ...] = ("fixed", "broken", "no longer spurious", "newly spurious")


@dataclass(frozen=True)
class Changed:
    """An entity that only one of two systems predicts: most of its runs do, and at most half of
    the runs of the other.

    change (str): What the second system changes.
    document (int): The index of the document, from 0.
    entity (Mention): The entity.
    first, second (int): How many runs of each system predict it.
    context (Context): Its file and line, and the text around it in its sentence.
    """

    change: Change
    document: int
    entity: Mention
    first: int
    second: int
    context: Context


@dataclass(frozen=True)
class Comparison:
    """The comparison of two systems on one corpus.

    difference (Difference): The difference in F1 over all entities, and its significance.
    per_type (dict[str, Difference]): The same for each type, corrected for the number of types
        (`significance.holm`). Includes the labels that only one system knows.
    first, second (tuple[Run, ...]): The runs of each system.
    changed (tuple[Changed, ...]): The entities that only one system predicts: those that most
        runs agree on come first.
    """

    difference: Difference
    per_type: dict[str, Difference]
    first: tuple[Run, ...]
    second: tuple[Run, ...]
    changed: tuple[Changed, ...]

    def changes(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): The number of entities per kind of change."""
        kinds = [one.change for one in self.changed]
        return {change: kinds.count(change) for change in CHANGES}

    def knows(self, label: str) -> tuple[bool, bool]:
        """label (str): A label.
        RETURNS (tuple[bool, bool]): Whether each system knows it, or may know it."""
        first, second = (
            any(run.labels is None or label in run.labels for run in runs)
            for runs in (self.first, self.second)
        )
        return first, second

    @property
    def verdict(self) -> str:
        """RETURNS (str): The result in words."""
        test = self.difference
        if test.is_significant:
            better = "second" if test.f > 0 else "first"
            total = f"The {better} is better: F1 {test.f:+.4f}, p = {test.p_value:.4f}."
        elif not test.changed:
            total = f"No difference: both find the same entities in {test.documents:,} documents."
        else:
            total = (
                f"No significant difference in F1 ({test.f:+.4f}, p = {test.p_value:.3f}): the "
                f"results differ in {test.changed:,} of {test.documents:,} documents, which may be "
                "due to chance."
            )
        by_way = {
            way: ", ".join(
                f"{label} ({of.f:+.3f})"
                for label, of in self.per_type.items()
                if of.is_significant and (of.f > 0) == (way == "better")
            )
            for way in ("better", "worse")
        }
        types = " and ".join(f"{way} at {labels}" for way, labels in by_way.items() if labels)
        if types:
            return f"{total} By type, the second is {types}."
        if test.changed and len(self.per_type) > 1:
            return f"{total} No single type differs significantly."
        return total

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields and the verdict, for JSON."""
        return {
            "verdict": self.verdict,
            "difference": self.difference.to_dict(),
            "per_type": {label: of.to_dict() for label, of in self.per_type.items()},
            "first": [run.to_dict() for run in self.first],
            "second": [run.to_dict() for run in self.second],
            "changes": self.changes(),
            "changed": [asdict(one) for one in self.changed],
        }


def compare_systems(
    first: Union[Pipeline, Sequence[Pipeline]],
    second: Union[Pipeline, Sequence[Pipeline]],
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Comparison:
    """Compare two systems on a corpus.

    first, second (str | Path | Language | Sequence): Pipelines, or .spacy files with predictions
        for the same texts in the same order. Several are runs of one recipe with other seeds.
    corpus (str | Path | Sequence[Doc]): The annotated corpus, see `reader.annotated_docs`.
    tokenization (str): The input of the pipelines, see `evaluate.Evaluation`.
    permutations, seed (int): See `significance.paired_test`; for one run each.
    progress (Callable): Progress callback for the Docs.
    RETURNS (Comparison): The comparison.
    RAISES: InputError if a pipeline, file or corpus is not found, or the texts differ.
    """
    systems = [
        [
            read_run(run, corpus, tokenization=tokenization, progress=progress)
            for run in ([runs] if isinstance(runs, (str, Path, Language)) else runs)
        ]
        for runs in (first, second)
    ]
    references = annotated_docs(corpus, Vocab())
    return compare(systems[0], systems[1], references, permutations=permutations, seed=seed)


def compare(
    first: Sequence[Run],
    second: Sequence[Run],
    references: Sequence[Doc],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compare two systems.

    first, second (Sequence[Run]): Their runs.
    references (Sequence[Doc]): The annotated texts.
    permutations, seed (int): See `significance.paired_test`; for one run each.
    RETURNS (Comparison): The comparison.
    """

    def test(label: str | None) -> Difference:
        return difference_of(
            [run.per_document(label) for run in first],
            [run.per_document(label) for run in second],
            permutations=permutations,
            seed=seed,
        )

    runs = (*first, *second)
    labels = {label for run in runs for label in run.counts if label is not None}
    known = [run.labels for run in runs if run.labels is not None]
    # What all know and neither the corpus nor a prediction has is no difference.
    labels |= frozenset().union(*known) - frozenset.intersection(*known) if known else set()
    changed = [
        one
        for number, reference in enumerate(references)
        for one in _changed(
            number,
            [run.texts[number] for run in first],
            [run.texts[number] for run in second],
            reference,
        )
    ]
    agreed = {one: abs(one.first / len(first) - one.second / len(second)) for one in changed}
    return Comparison(
        difference=test(None),
        per_type=holm({label: test(label) for label in sorted(labels)}),
        first=tuple(first),
        second=tuple(second),
        changed=tuple(sorted(changed, key=lambda one: -agreed[one])),
    )


def _changed(
    number: int, first: Sequence[Units], second: Sequence[Units], reference: Doc
) -> Iterator[Changed]:
    """The differences between two systems in one text. Their units may differ."""
    one = first[0]
    if all(units == one and units.ends == one.ends for units in (*first, *second)):
        return
    text = reference.text
    gold = set(in_text(text, one, one.gold))
    votes = [
        Counter(mention for units in runs for mention in in_text(text, units, units.predicted))
        for runs in (first, second)
    ]
    before, after = (
        {mention for mention, n in of.items() if 2 * n > len(runs)}
        for of, runs in zip(votes, (first, second))
    )
    by_change: dict[Change, set[Mention]] = {
        "fixed": (after - before) & gold,
        "broken": (before - after) & gold,
        "no longer spurious": before - after - gold,
        "newly spurious": after - before - gold,
    }
    for change, mentions in by_change.items():
        for mention in sorted(mentions, key=lambda m: (m.start, m.end, m.label)):
            context = context_of(reference, mention.start, mention.end, sentence=True)
            yield Changed(change, number, mention, votes[0][mention], votes[1][mention], context)
