"""Fitting the scores of a pipeline on development data."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from spacy.language import Language
from thinc.types import Ints1d

from ..corpus.reader import annotated_docs
from ..errors import InputError
from ..progress import Progress, no_progress
from ..recogniser.calibration import FEATURES, Calibration, CalibrationFeatures, design_matrix
from .reliability import Scored, encoded, entities_of, find_recogniser

FOLDS = 5
# A label gets a weight of its own if so many of its entities were predicted, and
# so many of them wrongly.
MIN_ENTITIES = 100
MIN_WRONG = 10
# What matters where entities are few: on the 169 of the sample's dev set this gives
# a cross-validated Brier score of .133; 10 gives .139, and no calibration .138.
INVERSE_REGULARISATION = 1.0


@dataclass(frozen=True)
class Gathered:
    """The features of the entities predicted in a corpus.

    features (CalibrationFeatures): What is known of each.
    right (ndarray): Whether each is right.
    documents (Ints1d): Which document each is in.
    usual_entropy (float): The entropy of a token of the corpus.
    gold (dict[str, int]): How many entities of each label the corpus has.
    """

    features: CalibrationFeatures
    right: numpy.ndarray
    documents: Ints1d
    usual_entropy: float
    gold: dict[str, int]


def gather(
    nlp: Language,
    path: str | Path,
    progress: Progress = no_progress,
) -> Gathered:
    """Run a pipeline over the raw text of a corpus and gather what calibration
    is fitted on.

    nlp (Language): The pipeline.
    path (str | Path): The .spacy file.
    progress (Callable): Wraps the stream of texts, whose number it is given.
    RETURNS (Gathered): The features.
    RAISES: InputError if the corpus cannot be read, or nothing is found in it.
    """
    _, recogniser = find_recogniser(nlp)
    references = annotated_docs(path, nlp.vocab, nlp.lang)
    rest = iter(references)
    parts: list[CalibrationFeatures] = []
    right: list[bool] = []
    documents: list[int] = []
    entropy = tokens = 0.0
    number = 0
    for docs in encoded(nlp, progress((r.text for r in references), len(references))):
        spans, features, entropies = recogniser.features(docs)
        parts.append(features)
        entropy += float(entropies.sum())
        tokens += sum(map(len, docs))
        for doc, doc_spans, reference in zip(docs, spans, rest):
            wanted = entities_of(reference)
            for start, end, label in doc_spans.tolist():
                span = doc[start:end]
                right.append((span.start_char, span.end_char, recogniser.labels[label]) in wanted)
                documents.append(number)
            number += 1
    if not right:
        raise InputError("the pipeline finds no entities in this corpus.", path=path)
    return Gathered(
        features=CalibrationFeatures.join(parts),
        right=numpy.array(right, dtype=bool),
        documents=numpy.array(documents),
        usual_entropy=entropy / max(tokens, 1.0),
        gold=dict(Counter(ent.label_ for reference in references for ent in reference.ents)),
    )


def fit(
    features: CalibrationFeatures, right: numpy.ndarray, usual_entropy: float, corpus: str = ""
) -> Calibration:
    """Fit a calibration.

    features (CalibrationFeatures): What is known of predicted entities.
    right (ndarray): Whether each is right.
    usual_entropy (float): The entropy of a token of their corpus.
    corpus (str): What the corpus is called.
    RETURNS (Calibration): The calibration.
    RAISES: InputError if all are right or all wrong.
    """
    if len(set(right.tolist())) < 2:
        raise InputError(
            f"all {len(right)} entities that the pipeline finds are "
            f"{'right' if right.all() else 'wrong'}, so there is nothing to calibrate by. Give "
            "it more text, which it was not trained on."
        )
    labels = features.labels
    weighted = [
        label
        for label in sorted(set(labels))
        if (labels == label).sum() >= MIN_ENTITIES and (~right[labels == label]).sum() >= MIN_WRONG
    ]
    table = numpy.column_stack(
        [design_matrix(features, usual_entropy), *(labels == label for label in weighted)]
    )
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=10_000).fit(table, right)
    weights = model.coef_[0].tolist()
    return Calibration(
        intercept=float(model.intercept_[0]),
        weights=dict(zip(FEATURES, weights)),
        label_weights=dict(zip(weighted, weights[len(FEATURES) :])),
        usual_entropy=usual_entropy,
        entities=len(right),
        corpus=corpus,
    )


def cross_validated(gathered: Gathered) -> Scored:
    """Score each entity by a calibration that was fitted on other documents.

    gathered (Gathered): The features of a corpus.
    RETURNS (Scored): The entities.
    RAISES: InputError if there is too little to fit on.
    """
    scores = numpy.zeros(len(gathered.right))
    folds = min(FOLDS, len(set(gathered.documents.tolist())))
    if folds < 2:
        raise InputError("documents are needed to calibrate by, and this corpus has one.")
    parts = GroupKFold(folds).split(scores, groups=gathered.documents)
    for train, held_out in parts:
        chosen = numpy.zeros(len(scores), dtype=bool)
        chosen[train] = True
        if len(set(gathered.right[chosen].tolist())) < 2:
            raise InputError(
                "the entities that are found wrongly are in too few documents to calibrate by. Give "
                "more text, which the pipeline was not trained on."
            )
        calibration = fit(
            gathered.features.select(chosen), gathered.right[chosen], gathered.usual_entropy
        )
        scores[held_out] = calibration.scores(gathered.features.select(~chosen))
    return Scored(
        scores,
        gathered.features.marginals,
        gathered.right,
        gathered.features.labels.tolist(),
        gathered.gold,
    )
