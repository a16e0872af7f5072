"""Pipelines that teach together.

The average of the distributions of networks that were trained with different seeds is better than
each of them, most of all with few labels, and a student can learn it (Hinton et al., 2015).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..annotation.formats import Fields
from ..annotation.manifest import Totals
from ..errors import InputError
from ..evaluation.reliability import find_recogniser
from ..progress import Progress, no_progress
from ..recogniser.allowed import allowed_tags
from ..recogniser.component import TransformerNER
from ..recogniser.constraints import n_tags
from ..recogniser.decoding import Decoded
from ..recogniser.prediction import Prediction
from ..recogniser.soft_tags import SoftTags
from .teacher import LEAST, Teacher, annotated_texts, fit_temperature


@dataclass(frozen=True)
class Ensemble:
    """Pipelines with the same tokenizer and entity types, of which each has a transformer_ner.

    members (tuple[Teacher, ...]): The pipelines.
    candidates (float): Spans of at least this probability are stored as candidates.
    """

    members: tuple[Teacher, ...]
    candidates: float

    @classmethod
    def load(cls, trainings: Sequence[Path], candidates: float) -> "Ensemble":
        """Load the best pipelines of trainings.

        trainings (Sequence[Path]): The folders of the trainings.
        candidates (float): See the class.
        RETURNS (Ensemble): The ensemble.
        RAISES: InputError if a pipeline has no scores.
        """
        members = tuple(Teacher.load(folder / "model-best") for folder in trainings)
        for folder, member in zip(trainings, members):
            if find_recogniser(member.nlp)[1].spans_key is None:
                raise InputError("has no scores: its spans_key is null.", path=folder)
        return cls(members, candidates)

    @cached_property
    def recogniser(self) -> TransformerNER:
        """RETURNS (TransformerNER): That of the first member."""
        return find_recogniser(self.members[0].nlp)[1]

    @property
    def spans_key(self) -> str:
        """RETURNS (str): The group of the scores in the annotated texts."""
        return self.recogniser.spans_key or ""

    def annotate(
        self,
        inputs: Sequence[str],
        output: Path,
        *,
        fields: Fields = Fields(),
        progress: Progress = no_progress,
    ) -> Totals:
        """Annotate files of texts by each member, see `Teacher.annotate`.

        inputs, fields, progress: See there.
        output (Path): The folder; each member has its own in it.
        RETURNS (Totals): What was annotated.
        RAISES: InputError if it cannot start or resume.
        """
        totals = [
            member.annotate(
                inputs, folder, fields=fields, candidates=self.candidates, progress=progress
            )
            for member, folder in zip(self.members, self._folders(output))
        ]
        return totals[0]

    def texts(self, output: Path, vocab: Vocab) -> Iterator[Doc]:
        """output (Path): The folder of `annotate`.
        vocab (Vocab): The vocabulary of the Docs.
        YIELDS (Doc): The annotated texts, with the average of the members."""
        return self._averaged(annotated_texts(folder, vocab) for folder in self._folders(output))

    def temperature(self, docs: Iterable[Doc]) -> float:
        """docs (Iterable[Doc]): Annotated Docs that no member was trained on.
        RETURNS (float): The temperature of their average, see `Teacher.temperature`."""
        docs = [doc for doc in docs if len(doc)]
        taught = self._averaged(member.taught(docs) for member in self.members)
        return fit_temperature(zip(docs, taught, strict=True), self.recogniser.labels)

    def _folders(self, output: Path) -> list[Path]:
        return [output / str(number) for number, _ in enumerate(self.members, start=1)]

    def _averaged(self, by_member: Iterable[Iterable[Doc]]) -> Iterator[Doc]:
        if len(self.members) == 1:
            (docs,) = by_member
            return iter(docs)
        return map(self._average, zip(*by_member, strict=True))

    def _average(self, docs: Sequence[Doc]) -> Doc:
        """RETURNS (Doc): The first Doc, annotated again with the average over all Docs."""
        labels, doc = self.recogniser.labels, docs[0]
        found = [soft for soft in map(SoftTags.of, docs) if soft is not None]
        total = sum(soft.dense(n_tags(len(labels))) for soft in found)
        probabilities = numpy.asarray(total) / len(found)
        doc.spans.clear()
        doc.user_data.clear()
        doc.set_ents([], default="missing")
        emissions = numpy.log(numpy.maximum(probabilities, LEAST))
        decoded = Decoded([doc], emissions, allowed_tags([doc], len(labels)), labels)
        (entities,) = decoded.scored(decoded.spans, 0.0, None, None)
        spans = decoded.posterior.candidates(self.candidates)
        (candidates,) = decoded.scored(spans, self.candidates, None, None)
        soft = SoftTags.k_best(probabilities, labels)
        Prediction(entities, candidates, soft).annotate(doc, labels, self.spans_key)
        return doc
