"""The predicted entities of a corpus, to calibrate their scores on."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..corpus.reader import AnyCorpus, annotated_docs
from ..errors import InputError
from ..progress import Progress, no_progress
from ..recogniser.calibration import CalibrationFeatures
from .reliability import encoded, entities_of, find_recogniser


class NotCalibrated(InputError):
    """Raised if the data does not allow a calibration. The pipeline is unchanged."""


@dataclass(frozen=True)
class Gathered:
    """The entities predicted in a corpus, with their calibration features.

    features (CalibrationFeatures): The features of each entity.
    right (ndarray): Whether each entity is right. Shape: (entities,), bool
    documents (ndarray): The index of each entity's document. Shape: (entities,)
    usual_entropy (float): The mean entropy of the corpus' tokens.
    gold (dict[str, int]): The number of gold entities per label.
    """

    features: CalibrationFeatures
    right: numpy.ndarray
    documents: numpy.ndarray
    usual_entropy: float
    gold: dict[str, int]

    def select(self, chosen: numpy.ndarray) -> "Gathered":
        """chosen (ndarray): Which entities to select. Shape: (entities,), bool
        RETURNS (Gathered): These entities."""
        return replace(
            self,
            features=self.features.select(chosen),
            right=self.right[chosen],
            documents=self.documents[chosen],
        )


def gather_with_copy(
    nlp: Language, corpus: AnyCorpus, progress: Progress = no_progress
) -> tuple[Gathered, Gathered]:
    """Collect the data to fit on: that of a corpus, and that of its copy in lower case.

    nlp, corpus, progress: See `gather`.
    RETURNS (tuple[Gathered, Gathered]): The predicted entities of both.
    RAISES: See `gather`.
    """
    references = annotated_docs(corpus, nlp.vocab, cast(str, nlp.lang))
    gathered = gather(nlp, references, progress)
    try:
        return gathered, gather(nlp, [lower_case(doc) for doc in references], progress)
    except NotCalibrated:  # no entities in lower case
        return gathered, gathered


def lower_case(doc: Doc) -> Doc:
    """doc (Doc): An annotated Doc.
    RETURNS (Doc): A copy in lower case, with its entities."""
    copy = Doc(
        doc.vocab,
        # A word in lower case may be longer.
        words=[token.text.lower() for token in doc],
        spaces=[bool(token.whitespace_) for token in doc],
    )
    copy.ents = [Span(copy, ent.start, ent.end, label=ent.label) for ent in doc.ents]
    return copy


def joined(*parts: Gathered) -> tuple[CalibrationFeatures, numpy.ndarray]:
    """parts (Gathered): Data of several corpora.
    RETURNS (tuple[CalibrationFeatures, ndarray]): The features of all entities, and whether they
        are right."""
    return (
        CalibrationFeatures.join([part.features for part in parts]),
        numpy.concatenate([part.right for part in parts]),
    )


def gather(
    nlp: Language,
    corpus: AnyCorpus,
    progress: Progress = no_progress,
) -> Gathered:
    """Run a pipeline over the raw text of a corpus and collect the data to fit on.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): See `calibrate`.
    progress (Callable): Progress callback for the texts.
    RETURNS (Gathered): The predicted entities and their features.
    RAISES: InputError if the corpus cannot be read; NotCalibrated if no entities are found.
    """
    _, recogniser = find_recogniser(nlp)
    references = annotated_docs(corpus, nlp.vocab, cast(str, nlp.lang))
    path = corpus if isinstance(corpus, (str, Path)) else None
    rest = iter(references)
    parts: list[CalibrationFeatures] = []
    right: list[bool] = []
    documents: list[int] = []
    entropy = tokens = 0.0
    number = 0
    for batch in encoded(nlp, progress((r.text for r in references), len(references))):
        spans, features, entropies = recogniser.features(batch)
        parts.append(features)
        entropy += float(cast(numpy.ndarray, entropies).sum())
        tokens += sum(map(len, batch))
        for doc, doc_spans, reference in zip(batch, spans, rest):
            wanted = entities_of(reference)
            for start, end, label in doc_spans.tolist():
                span = doc[start:end]
                right.append((span.start_char, span.end_char, recogniser.labels[label]) in wanted)
                documents.append(number)
            number += 1
    if not right:
        raise NotCalibrated(
            f"the pipeline finds no entities in {len(references)} annotated documents. Use more "
            "development data.",
            path=path,
        )
    return Gathered(
        features=CalibrationFeatures.join(parts),
        right=numpy.array(right, dtype=bool),
        documents=numpy.array(documents),
        usual_entropy=entropy / max(tokens, 1.0),
        gold=dict(Counter(ent.label_ for reference in references for ent in reference.ents)),
    )
