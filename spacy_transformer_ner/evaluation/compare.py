"""Compare two pipelines or two sets of predictions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Optional

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpus.reader import AnyCorpus, annotated_docs, corpus_docs
from ..errors import InputError
from ..loading import Pipeline
from ..progress import Progress, no_progress
from .counts import Counts, count
from .evaluate import Tokenization, counts_per_document, evaluate, require_entities
from .mistakes import Mention, in_text
from .resampling import PERMUTATIONS, Difference, paired_test
from .units import Units, align

# What the second system changes compared to the first.
Change = Literal["fixed", "broken", "no longer spurious", "newly spurious"]
CHANGES: tuple[Change, ...] = ("fixed", "broken", "no longer spurious", "newly spurious")


@dataclass(frozen=True)
class Changed:
    """An entity that only one of two systems predicts.

    change (str): What the second system changes.
    document (int): The index of the document, from 0.
    entity (Mention): The entity.
    """

    change: Change
    document: int
    entity: Mention


@dataclass(frozen=True)
class Comparison:
    """The comparison of two systems on one corpus.

    difference (Difference): The difference in F1 over all entities, and its significance.
    per_type (dict[str, Difference]): The same for each type.
    first, second (dict[str | None, Counts]): The counts of each system by type; None is the
        key for all entities.
    changed (tuple[Changed, ...]): The entities that only one system predicts.
    """

    difference: Difference
    per_type: dict[str, Difference]
    first: dict[Optional[str], Counts]
    second: dict[Optional[str], Counts]
    changed: tuple[Changed, ...]

    def changes(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): The number of entities per kind of change."""
        kinds = [one.change for one in self.changed]
        return {change: kinds.count(change) for change in CHANGES}

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return {
            "difference": self.difference.to_dict(),
            "per_type": {label: of.to_dict() for label, of in self.per_type.items()},
            "first": _to_dict(self.first),
            "second": _to_dict(self.second),
            "changes": self.changes(),
            "changed": [asdict(one) for one in self.changed],
        }


def compare_systems(
    first: Pipeline,
    second: Pipeline,
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Comparison:
    """Compare two systems on a corpus.

    first, second (str | Path | Language): Pipelines, or .spacy files with predictions for
        the same texts in the same order.
    corpus (str | Path | Sequence[Doc]): The annotated corpus, see `reader.annotated_docs`.
    tokenization (str): The input of the pipelines, see `evaluate.Evaluation`.
    permutations, seed (int): See `resampling.Difference`.
    progress (Callable): Progress callback for the Docs.
    RETURNS (Comparison): The comparison.
    RAISES: InputError if a pipeline, file or corpus is not found, or the texts differ.
    """
    systems = [
        predictions(source, corpus, tokenization=tokenization, progress=progress)
        for source in (first, second)
    ]
    references = annotated_docs(corpus, Vocab())
    return compare(systems[0], systems[1], references, permutations=permutations, seed=seed)


def _to_dict(counts: dict[Optional[str], Counts]) -> dict:
    """Keep all entities apart from the types, as a type can be called "all"."""
    per_type = {label: of.to_dict() for label, of in counts.items()}
    return {"all": per_type.pop(None), "per_type": per_type}


def predictions(
    source: Pipeline,
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    progress: Progress = no_progress,
) -> list[Units]:
    """Get a system's predictions for a corpus.

    source (str | Path | Language): A pipeline, or a .spacy file with predictions for the
        same texts in the same order.
    corpus (str | Path | Sequence[Doc]): The annotated corpus, see `reader.annotated_docs`.
    tokenization (str): The input of a pipeline, see `evaluate.Evaluation`.
    progress (Callable): Progress callback for the Docs.
    RETURNS (list[Units]): Gold and predicted entities of each text.
    RAISES: InputError if the pipeline or file is not found, or the texts differ.
    """
    if isinstance(source, Language) or Path(source).suffix != ".spacy":
        return evaluate(source, corpus, tokenization=tokenization, progress=progress).texts
    vocab = Vocab()
    references, docs = corpus_docs(corpus, vocab), corpus_docs(source, vocab)
    if len(docs) != len(references):
        raise InputError(
            f"has {len(docs)} texts, but the corpus has {len(references)}. Pass predictions for "
            "the same texts in the same order.",
            path=source,
        )
    require_entities(references, corpus)
    return [
        _aligned(doc, reference, source)
        for doc, reference in zip(docs, references)
        if reference.has_annotation("ENT_IOB")
    ]


def _aligned(doc: Doc, reference: Doc, source: str | Path) -> Units:
    if "".join(doc.text.split()) != "".join(reference.text.split()):
        raise InputError(
            f"does not have the same text as the corpus at {reference.text[:60]!r}. Pass "
            "predictions for the same texts in the same order.",
            path=source,
        )
    if not doc.has_annotation("ENT_IOB"):
        raise InputError(
            f"has no entity annotation for {reference.text[:60]!r}. Pass a file that a pipeline "
            "has annotated.",
            path=source,
        )
    return align(Example(doc, reference))


def compare(
    first: Sequence[Units],
    second: Sequence[Units],
    references: Sequence[Doc],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compare two systems.

    first, second (Sequence[Units]): Their predictions for each text.
    references (Sequence[Doc]): The annotated texts.
    permutations, seed (int): See `resampling.Difference`.
    RETURNS (Comparison): The comparison.
    """
    counts = [
        count((set(units.gold), set(units.predicted)) for units in system)
        for system in (first, second)
    ]

    def test(label: str | None) -> Difference:
        return paired_test(
            counts_per_document(first, label),
            counts_per_document(second, label),
            permutations=permutations,
            seed=seed,
        )

    labels = sorted({label for of_system in counts for label in of_system})
    return Comparison(
        difference=test(None),
        per_type={label: test(label) for label in labels},
        first=_with_total(counts[0]),
        second=_with_total(counts[1]),
        changed=tuple(
            one
            for number, (a, b, reference) in enumerate(zip(first, second, references))
            for one in _changed(number, a, b, reference)
        ),
    )


def _with_total(counts: dict[str, Counts]) -> dict[Optional[str], Counts]:
    """Add the counts of all entities under None."""
    result: dict[Optional[str], Counts] = dict(counts.items())
    result[None] = sum(counts.values(), Counts(0, 0, 0))
    return result


def _changed(number: int, first: Units, second: Units, reference: Doc) -> list[Changed]:
    """The differences between two systems in one text. Their units may differ."""
    gold, before, after = (
        set(in_text(reference.text, units, entities))
        for units, entities in (
            (first, first.gold),
            (first, first.predicted),
            (second, second.predicted),
        )
    )
    by_change: dict[Change, set[Mention]] = {
        "fixed": (after - before) & gold,
        "broken": (before - after) & gold,
        "no longer spurious": before - after - gold,
        "newly spurious": after - before - gold,
    }
    return [
        Changed(change, number, mention)
        for change, mentions in by_change.items()
        for mention in sorted(mentions, key=lambda m: (m.start, m.end, m.label))
    ]
