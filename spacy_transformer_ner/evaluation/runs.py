"""The runs that `compare` compares: pipelines, or files with their predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from glob import glob, has_magic
from pathlib import Path
from typing import Any, Optional

import numpy
from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..corpus.overlapping import is_annotated
from ..corpus.reader import AnyCorpus, corpus_docs
from ..errors import InputError
from ..files import size_of
from ..loading import Pipeline, load_pipeline
from ..progress import Progress, no_progress
from .counts import Counts, count
from .evaluate import Tokenization, counts_per_document, evaluate, require_entities
from .units import Units, align

# The pipeline in the folder of a training.
BEST = "model-best"


@dataclass(frozen=True)
class Run:
    """The predictions of one pipeline.

    texts (Sequence[Units]): Gold and predicted entities of each text.
    name (str): The pipeline or file.
    labels (frozenset[str] | None): The labels that the pipeline knows. None if unknown.
    speed (float | None): Words per second, without the tokenizer. None if unknown.
    size (int | None): The size of the pipeline on disk in bytes. None if unknown.
    """

    texts: Sequence[Units]
    name: str = ""
    labels: frozenset[str] | None = None
    speed: float | None = None
    size: int | None = None

    @cached_property
    def counts(self) -> dict[Optional[str], Counts]:
        """RETURNS (dict[str | None, Counts]): The counts of each type; None is the key for all
        entities."""
        per_type = count((set(units.gold), set(units.predicted)) for units in self.texts)
        found: dict[Optional[str], Counts] = dict(per_type.items())
        found[None] = sum(per_type.values(), Counts(0, 0, 0))
        return found

    def per_document(self, label: Optional[str]) -> numpy.ndarray:
        """label (str | None): A type; None for all.
        RETURNS (ndarray): See `evaluate.counts_per_document`."""
        return counts_per_document(self.texts, label)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What is known of the run, for JSON. All entities are kept apart
        from the types, as a type can be called "all"."""
        per_type = {label: of.to_dict() for label, of in self.counts.items()}
        return {
            "name": self.name,
            "labels": None if self.labels is None else sorted(self.labels),
            "speed": self.speed,
            "size": self.size,
            "all": per_type.pop(None),
            "per_type": per_type,
        }


def find_runs(given: Sequence[str]) -> list[str]:
    """Find pipelines.

    given (Sequence[str]): Pipelines, .spacy files with predictions, folders of `spacy ner train`,
        and patterns of these, such as "training/mine-*".
    RETURNS (list[str]): The pipelines and files.
    RAISES: InputError if a pattern matches nothing, or a run comes twice.
    """
    found: list[str] = []
    for name in given:
        paths = sorted(glob(name)) if has_magic(name) and not Path(name).exists() else [name]
        if not paths:
            raise InputError("no such files. Check the pattern.", path=name)
        for path in paths:
            best = Path(path, BEST)
            found.append(str(best) if best.is_dir() else path)
    twice = next((path for path in found if found.count(path) > 1), None)
    if twice is not None:
        raise InputError("comes twice among the runs. Pass it once.", path=twice)
    return found


def read_run(
    source: Pipeline,
    corpus: AnyCorpus,
    *,
    tokenization: Tokenization = "text",
    progress: Progress = no_progress,
) -> Run:
    """Get a pipeline's predictions for a corpus.

    source (str | Path | Language): A pipeline, or a .spacy file with predictions for the
        same texts in the same order.
    corpus (str | Path | Sequence[Doc]): The annotated corpus, see `reader.annotated_docs`.
    tokenization (str): The input of a pipeline, see `evaluate.Evaluation`.
    progress (Callable): Progress callback for the Docs.
    RETURNS (Run): The run.
    RAISES: InputError if the pipeline or file is not found, or the texts differ.
    """
    if isinstance(source, Language) or Path(source).suffix != ".spacy":
        nlp = load_pipeline(source)
        result = evaluate(nlp, corpus, tokenization=tokenization, progress=progress)
        name = f"{nlp.lang}_{nlp.meta['name']}" if isinstance(source, Language) else str(source)
        size = None if nlp.path is None else size_of(nlp.path)
        return Run(result.texts, name, _labels(nlp), result.speed, size)
    vocab = Vocab()
    references, docs = corpus_docs(corpus, vocab), corpus_docs(source, vocab)
    if len(docs) != len(references):
        raise InputError(
            f"has {len(docs)} texts, but the corpus has {len(references)}. Pass predictions for "
            "the same texts in the same order.",
            path=source,
        )
    require_entities(references, corpus)
    texts = [
        _aligned(doc, reference, source)
        for doc, reference in zip(docs, references)
        if is_annotated(reference)
    ]
    return Run(texts, str(source))


def _labels(nlp: Language) -> frozenset[str] | None:
    """The labels of the components that set entities, if all of them say which these are."""
    names = [name for name, pipe in nlp.pipeline if isinstance(pipe, SpanCategorizer)] or [
        name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns
    ]
    known = [nlp.pipe_labels.get(name) for name in names]
    if not names or not all(known):
        return None
    return frozenset(label for labels in known for label in labels or ())


def _aligned(doc: Doc, reference: Doc, source: str | Path) -> Units:
    if "".join(doc.text.split()) != "".join(reference.text.split()):
        raise InputError(
            f"does not have the same text as the corpus at {reference.text[:60]!r}. Pass "
            "predictions for the same texts in the same order.",
            path=source,
        )
    if not is_annotated(doc):
        raise InputError(
            f"has no entity annotation for {reference.text[:60]!r}. Pass a file that a pipeline "
            "has annotated.",
            path=source,
        )
    return align(Example(doc, reference))
