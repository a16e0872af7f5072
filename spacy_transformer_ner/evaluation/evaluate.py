"""Running a pipeline over a corpus and measuring what it finds."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from timeit import default_timer
from typing import Literal, Optional

import numpy
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from thinc.types import Ints2d

from ..corpus.docbin import unannotated
from ..corpus.reader import AnyCorpus, annotated_docs
from ..errors import InputError
from ..progress import Progress, no_progress
from .counts import Counts
from .error_types import KINDS, Match, confusion, match_entities, partial_credit
from .figures import Figures, compute_figures
from .mistakes import Mistake, mistakes
from .reliability import Scored, recognisers, scored_entities
from .resampling import LEVEL, RESAMPLES, Interval, intervals
from .slices import TrainingForms, slices
from .units import Units, align

Tokenization = Literal["text", "gold"]
# Of the JSON file, see docs/evaluation.md.
SCHEMA = "spacy-transformer-ner.evaluation.v2"
SEED = 0
# Fewer documents tell nothing of how much others would differ.
MIN_DOCUMENTS = 10


@dataclass(frozen=True)
class Evaluation:
    """One run of a pipeline over a corpus.

    tokenization (str): "text": the pipeline was given the raw text and
        tokenised it, as it will when it is used. "gold": it was given the
        corpus' tokens and sentences, as is common in the literature.
    scores (dict): spaCy's own scores: ents_p, ents_r, ents_f, ents_per_type and
        those of the pipeline's other components.
    seconds (float): What the pipeline took, without the tokeniser.
    memory (int | None): The most memory of the process so far, in MiB, where the
        system tells.
    words (int): How many tokens there were.
    references (list[Doc]): The annotated texts.
    texts (list[Units]): They and what was found in them, on common ground.
    scored (Scored | None): The scores of the entities; None if the pipeline
        gives none.
    forms (TrainingForms | None): What was seen in training, if known.
    """

    tokenization: Tokenization
    scores: dict
    seconds: float
    memory: Optional[int]
    words: int
    references: list[Doc]
    texts: list[Units]
    scored: Optional[Scored] = None
    forms: Optional[TrainingForms] = None

    @property
    def speed(self) -> float:
        """RETURNS (float): Words per second, without the tokeniser."""
        return self.words / self.seconds

    @cached_property
    def figures(self) -> Figures:
        """RETURNS (Figures): Strict figures: an entity is right if its characters and
        its label are."""
        return compute_figures(self.texts)

    @cached_property
    def matches(self) -> list[Match]:
        """RETURNS (list[Match]): What became of each entity."""
        return match_entities(self.texts)

    @property
    def kinds(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): How many entities there are of each kind."""
        counts = Counter(match.kind for match in self.matches)
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def intervals(self) -> dict[Optional[str], dict[str, Interval]]:
        """RETURNS (dict[str | None, dict[str, Interval]]): The intervals of p, r and f of
        each type, and of all entities, under None; nothing where documents are few."""
        if len(self.texts) < MIN_DOCUMENTS:
            return {}
        return {
            label: intervals(counts_per_document(self.texts, label), seed=SEED)
            for label in (None, *self.figures.per_type)
        }

    def slices(self) -> dict[str, dict[str, Counts]]:
        """RETURNS (dict[str, dict[str, Counts]]): See `slices.slices`."""
        return slices(self.matches, self.texts, self.references, self.forms)

    def mistakes(self) -> list[Mistake]:
        """RETURNS (list[Mistake]): What is not right, the surest first."""
        return list(mistakes(self.matches, self.texts, self.references))

    def to_dict(self) -> dict:
        """RETURNS (dict): All of it, for JSON; docs/evaluation.md says what is what."""
        of_label = {
            label: {name: asdict(interval) for name, interval in of.items()}
            for label, of in self.intervals.items()
        }
        return {
            "tokenization": self.tokenization,
            **self.scores,
            "speed": self.speed,
            "seconds": self.seconds,
            "peak_memory_mib": self.memory,
            **self.figures.to_dict(),
            "intervals": {
                "level": LEVEL,
                "resamples": RESAMPLES,
                "seed": SEED,
                # Beside the types, not among them: a type can be called "all".
                "all": of_label.pop(None, {}),
                "of": of_label,
            },
            "partial_credit": partial_credit(self.matches),
            "error_types": self.kinds,
            "confusion": confusion(self.matches),
            "slices": {
                way: {group: counts.to_dict() for group, counts in of.items()}
                for way, of in self.slices().items()
            },
            "confidence": None if self.scored is None else self.scored.to_dict(),
        }


def counts_per_document(texts: Sequence[Units], label: Optional[str] = None) -> Ints2d:
    """Count the entities of each document.

    texts (Sequence[Units]): The documents.
    label (str | None): The type to count; None for all.
    RETURNS (Ints2d): Right, spurious and missed ones. Shape: (documents, 3)
    """
    rows = []
    for units in texts:
        gold, predicted = (
            {entity for entity in entities if label in (None, entity[2])}
            for entities in (units.gold, units.predicted)
        )
        right = len(gold & predicted)
        rows.append((right, len(predicted) - right, len(gold) - right))
    return numpy.array(rows, dtype="int64").reshape(-1, 3)


def evaluate(
    nlp: Language,
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    forms: Optional[TrainingForms] = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate a pipeline on an annotated corpus.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): The corpus: a .spacy file, a file in any format that
        `convert` reads, or Docs.
    tokenization (str): See `Evaluation`.
    forms (TrainingForms | None): What was seen in training, if known.
    progress (Callable): Wraps the stream of Docs, whose number it is given, to
        show progress.
    RETURNS (Evaluation): What came out.
    RAISES: InputError if the corpus cannot be read or has no entities.
    """
    references = annotated_docs(corpus, nlp.vocab, nlp.lang)
    require_entities(references, corpus)
    docs = [_given(nlp, reference, tokenization) for reference in references]
    start = default_timer()
    predicted = list(progress(nlp.pipe(docs), len(docs)))
    seconds = default_timer() - start
    examples = [Example(doc, reference) for doc, reference in zip(predicted, references)]
    return Evaluation(
        tokenization=tokenization,
        scores=Scorer(nlp).score(examples),
        seconds=seconds,
        memory=_peak_memory(),
        words=sum(map(len, predicted)),
        references=references,
        texts=[align(example) for example in examples],
        scored=_scored(nlp, predicted, references),
        forms=forms,
    )


def require_entities(references: Iterable[Doc], corpus: AnyCorpus) -> None:
    """Check that there is something to compare with.

    references (Iterable[Doc]): Annotated Docs.
    corpus (str | Path | Iterable[Doc]): The corpus that they are from.
    RAISES: InputError if they have no entities.
    """
    if not any(doc.ents for doc in references):
        path = corpus if isinstance(corpus, (str, Path)) else "the corpus"
        raise InputError("holds no entities to compare with.", path=path)


def _scored(nlp: Language, docs: list[Doc], references: list[Doc]) -> Scored | None:
    keys = [recogniser.spans_key for _, recogniser in recognisers(nlp)]
    return scored_entities(docs, references, keys[0]) if keys and keys[0] else None


def _given(nlp: Language, reference: Doc, tokenization: Tokenization) -> Doc:
    if tokenization == "text" and not reference.has_unknown_spaces:
        # Not nlp.make_doc: it has a longest text.
        return nlp.tokenizer(reference.text)
    return unannotated(reference, nlp.vocab, sentences=tokenization == "gold")


def _peak_memory() -> Optional[int]:
    """RETURNS (int | None): MiB."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
