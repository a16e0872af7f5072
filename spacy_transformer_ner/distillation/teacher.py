"""A teacher, and the texts that it annotates."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy
from scipy.optimize import minimize_scalar
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ..annotation.annotate import annotate
from ..annotation.formats import Fields
from ..annotation.local import run_here
from ..annotation.manifest import Totals
from ..corpus.docbin import unannotated
from ..encoder.network import Encoder
from ..encoder.shim import encoders_of
from ..evaluation.reliability import recognisers
from ..loading import Pipeline, load_pipeline
from ..progress import Progress, no_progress
from ..recogniser.component import TransformerNER
from ..recogniser.constraints import tag_numbers
from ..recogniser.soft_tags import SoftTags

# The range of temperatures.
TEMPERATURES = 0.25, 4.0
# Probabilities are not lower than this: 0 would make the likelihood 0.
LEAST = 1e-6


@dataclass(frozen=True)
class Teacher:
    """A pipeline that annotates texts for a student.

    nlp (Language): The pipeline, loaded from disk.
    """

    nlp: Language

    @classmethod
    def load(cls, pipeline: Pipeline) -> "Teacher":
        """pipeline (Language | str | Path): The pipeline, or its name or path.
        RETURNS (Teacher): The teacher."""
        return cls(load_pipeline(pipeline))

    @cached_property
    def recogniser(self) -> TransformerNER | None:
        """RETURNS (TransformerNER | None): The component that gives the distribution over the
        tags; None if the teacher only sets entities."""
        return next((found for _, found in recognisers(self.nlp)), None)

    @property
    def encoder(self) -> Encoder | None:
        """RETURNS (Encoder | None): Its encoder; None if it has none of this package."""
        return next((encoder for encoder, _ in encoders_of(self.nlp)), None)

    @property
    def labels(self) -> list[str]:
        """RETURNS (list[str]): The entity types that its components say they know."""
        names = [n for n in self.nlp.pipe_names if "doc.ents" in self.nlp.get_pipe_meta(n).assigns]
        return sorted({label for name in names for label in self.nlp.pipe_labels[name]})

    def annotate(
        self,
        inputs: Sequence[str],
        output: Path,
        *,
        fields: Fields = Fields(),
        candidates: float | None = None,
        progress: Progress = no_progress,
    ) -> Totals:
        """Annotate files of texts, each exactly once. Call again to resume.

        inputs (Sequence[str]): Files, folders and patterns, see `annotation.annotate`.
        output (Path): The folder for the shards.
        fields (Fields): The columns or keys to read.
        candidates (float | None): Also store the spans of at least this probability.
        progress (Callable): Wraps the stream of shards.
        RETURNS (Totals): What was annotated.
        RAISES: InputError if it cannot start or resume.
        """
        ours = self.recogniser
        settings = {"teaches": True, "candidates": candidates, "max_candidates": None}
        with ours.using(**settings) if ours is not None else nullcontext():
            totals, _ = annotate(
                self.nlp, inputs, output, run_here, fields=fields, format="docbin",
                progress=progress,
            )  # fmt: skip
        return totals

    def temperature(self, docs: Iterable[Doc]) -> float:
        """Find the temperature with which the distribution over the tags fits gold tags best
        (temperature scaling, Guo et al., 2017).

        docs (Iterable[Doc]): Annotated Docs that the teacher was not trained on.
        RETURNS (float): The temperature; 1 if the teacher has no distribution.
        """
        docs = [doc for doc in docs if len(doc)]
        ours = self.recogniser
        return (
            1.0
            if ours is None
            else fit_temperature(zip(docs, self.taught(docs), strict=True), ours.labels)
        )

    def taught(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        """docs (Iterable[Doc]): Docs.
        YIELDS (Doc): Their texts, annotated, with soft tags if the teacher has a distribution."""
        ours = self.recogniser
        with ours.using(teaches=True) if ours is not None else nullcontext():
            yield from self.nlp.pipe(unannotated(doc, self.nlp.vocab) for doc in docs)


def fit_temperature(pairs: Iterable[tuple[Doc, Doc]], labels: Sequence[str]) -> float:
    """pairs (Iterable[tuple[Doc, Doc]]): Annotated Docs, and the same with soft tags.
    labels (Sequence[str]): The labels of the tags.
    RETURNS (float): The temperature that fits best, see `Teacher.temperature`."""
    numbers, rows = tag_numbers(labels), []
    for doc, taught in pairs:
        soft = SoftTags.of(taught)
        if soft is None or soft.tags is None or soft.probabilities is None:
            continue
        tags = Example(taught, doc).get_aligned_ner()
        gold = numpy.array([numbers.get(tag, -1) for tag in tags])
        is_gold = soft.tags == gold[:, None]
        for row, right in zip(soft.probabilities, is_gold):
            if right.any():
                rows.append((*row[right], *row[~right]))
    logs = numpy.log(numpy.maximum(numpy.array(rows, dtype="float64"), LEAST))

    def loss(log_temperature: float) -> float:
        scaled = logs / numpy.exp(log_temperature)
        return float((numpy.logaddexp.reduce(scaled, axis=1) - scaled[:, 0]).mean())

    if not rows:
        return 1.0
    found = minimize_scalar(loss, bounds=tuple(map(numpy.log, TEMPERATURES)), method="bounded")
    return round(float(numpy.exp(found.x)), 3)


def annotated_texts(folder: Path, vocab: Vocab) -> Iterator[Doc]:
    """folder (Path): The folder of `Teacher.annotate`.
    vocab (Vocab): The vocabulary of the Docs.
    YIELDS (Doc): The annotated texts that have tokens, in their order."""
    for path in sorted(folder.glob("part-*.spacy")):
        for doc in DocBin(store_user_data=True).from_disk(path).get_docs(vocab):
            if len(doc):
                yield doc


def score_of(ent: Span) -> float | None:
    """ent (Span): An entity.
    RETURNS (float | None): Its score, if its pipeline sets `ent._.score`."""
    score = ent._.score if Span.has_extension("score") else None
    return None if score is None else min(max(float(score), 0.0), 1.0)
