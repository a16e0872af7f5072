"""Evaluate a pipeline on a corpus."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from timeit import default_timer
from typing import Literal, Optional, cast

import numpy
from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpus.docbin import unannotated
from ..corpus.overlapping import SPANS_KEY, entities_in
from ..corpus.reader import AnyCorpus, annotated_docs
from ..errors import InputError
from ..loading import Pipeline, load_pipeline
from ..progress import Progress, no_progress
from .counts import Counts
from .error_types import KINDS, Match, confusion, match_entities, partial_credit
from .figures import Figures, compute_figures
from .mistakes import Mistake, mistakes
from .reliability import Scored, recognisers, scored_entities, scored_spans
from .resampling import LEVEL, RESAMPLES, Interval, intervals
from .slices import TrainingForms, slices
from .units import Units, align, compares_spans

Tokenization = Literal["text", "gold"]
# The schema of the JSON file, see docs/evaluation.md.
SCHEMA = "spacy-transformer-ner.evaluation.v2"
SEED = 0
# With fewer documents, confidence intervals are meaningless.
MIN_DOCUMENTS = 10


@dataclass(frozen=True)
class Evaluation:
    """The result of evaluating a pipeline on a corpus.

    tokenization (str): "text": the pipeline tokenized the raw text, as in production.
        "gold": it got the corpus' tokens and sentences, as is common in the literature.
    scores (dict): spaCy's own scores: ents_p, ents_r, ents_f, ents_per_type, or with spancat
        spans_sc_p and so on, and those of the pipeline's other components.
    seconds (float): The run time of the pipeline, without the tokenizer.
    memory (int | None): The peak memory of the process in MiB, if the system reports it.
    words (int): The number of tokens.
    references (list[Doc]): The annotated texts.
    texts (list[Units]): Their gold and predicted entities, aligned.
    scored (Scored | None): The scores of the entities; None if the pipeline sets none.
    forms (TrainingForms | None): The entities seen in training, if known.
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
        """RETURNS (float): Words per second, without the tokenizer."""
        return self.words / self.seconds

    @cached_property
    def figures(self) -> Figures:
        """RETURNS (Figures): Strict metrics: an entity is right if its characters and its
        label are right."""
        return compute_figures(self.texts)

    @cached_property
    def matches(self) -> list[Match]:
        """RETURNS (list[Match]): The pairs of gold and predicted entities."""
        return match_entities(self.texts)

    @property
    def kinds(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): The number of matches per error type."""
        counts = Counter(match.kind for match in self.matches)
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def intervals(self) -> dict[Optional[str], dict[str, Interval]]:
        """RETURNS (dict[str | None, dict[str, Interval]]): The confidence intervals of p, r
        and f for each type, and under None for all entities. Empty if there are fewer than
        10 documents."""
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
        """RETURNS (list[Mistake]): The mistakes, most confident first."""
        return list(mistakes(self.matches, self.texts, self.references))

    def to_dict(self) -> dict:
        """RETURNS (dict): All results, for JSON. See docs/evaluation.md."""
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
                # Apart from the types, as a type can be called "all".
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
            "entities_in_training": None if self.forms is None else self.forms.per_type,
            "confidence": None if self.scored is None else self.scored.to_dict(),
        }


def counts_per_document(texts: Sequence[Units], label: Optional[str] = None) -> numpy.ndarray:
    """Count the entities of each document.

    texts (Sequence[Units]): The documents.
    label (str | None): The type to count; None for all.
    RETURNS (ndarray): True positives, false positives and false negatives.
        Shape: (documents, 3), int64
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
    pipeline: Pipeline,
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    train: AnyCorpus | TrainingForms | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate a pipeline on an annotated corpus.

    pipeline (Language | str | Path): The pipeline, or its name or path.
    corpus (str | Path | Iterable[Doc]): A file in any format that `convert` reads, or Docs.
    tokenization (str): "text" gives the pipeline raw text, "gold" the corpus' tokens and
        sentences.
    train (str | Path | Iterable[Doc] | TrainingForms | None): The training data, to distinguish
        entities seen in training from others.
    progress (Callable): Wraps the stream of Docs; also gets their number.
    RETURNS (Evaluation): The figures and the mistakes.
    RAISES: InputError if the pipeline or the corpus cannot be read, or the corpus has no
        entities.
    """
    nlp = load_pipeline(pipeline)
    _check_keys(nlp)
    lang = cast(str, nlp.lang)
    references = annotated_docs(corpus, nlp.vocab, lang)
    require_entities(references, corpus)
    if train is not None and not isinstance(train, TrainingForms):
        train = TrainingForms(annotated_docs(train, Vocab(), lang))
    docs = [_given(nlp, reference, tokenization) for reference in references]
    start = default_timer()
    predicted = list(progress(nlp.pipe(docs), len(docs)))
    seconds = default_timer() - start
    examples = [Example(doc, reference) for doc, reference in zip(predicted, references)]
    texts = [align(example) for example in examples]
    return Evaluation(
        tokenization=tokenization,
        scores=Scorer(nlp).score(examples),
        seconds=seconds,
        memory=_peak_memory(),
        words=sum(map(len, predicted)),
        references=references,
        texts=texts,
        scored=scored_spans(texts)
        if any(map(compares_spans, examples))
        else _scored(nlp, predicted, references),
        forms=train,
    )


def require_entities(references: Iterable[Doc], corpus: AnyCorpus) -> None:
    """Check that a corpus has entities to evaluate on.

    references (Iterable[Doc]): The annotated Docs.
    corpus (str | Path | Iterable[Doc]): The corpus, for the error message.
    RAISES: InputError if no Doc has entities.
    """
    if not any(entities_in(doc) for doc in references):
        path = corpus if isinstance(corpus, (str, Path)) else "the corpus"
        raise InputError("has no entities to compare with. Pass an annotated corpus.", path=path)


def _check_keys(nlp: Language) -> None:
    """Check that the entities of a pipeline are where they are looked for."""
    keys = [pipe.key for _, pipe in nlp.pipeline if isinstance(pipe, SpanCategorizer)]
    sets_ents = any("doc.ents" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
    if keys and SPANS_KEY not in keys and not sets_ents:
        raise InputError(
            f"the spans of the pipeline are in doc.spans[{keys[0]!r}]. Set spans_key = "
            f"{SPANS_KEY!r} in the config of spancat, and train it again."
        )


def _scored(nlp: Language, docs: list[Doc], references: list[Doc]) -> Scored | None:
    keys = [recogniser.spans_key for _, recogniser in recognisers(nlp)]
    return scored_entities(docs, references, keys[0]) if keys and keys[0] else None


def _given(nlp: Language, reference: Doc, tokenization: Tokenization) -> Doc:
    if tokenization == "text" and not reference.has_unknown_spaces:
        # nlp.make_doc would refuse texts longer than nlp.max_length.
        return nlp.tokenizer(reference.text)
    return unannotated(reference, nlp.vocab, sentences=tokenization == "gold")


def _peak_memory() -> Optional[int]:
    """RETURNS (int | None): The peak memory of the process in MiB."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
