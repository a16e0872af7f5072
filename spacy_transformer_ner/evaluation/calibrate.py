"""Fitting the scores of a pipeline on development data."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from spacy.language import Language
from thinc.types import Ints1d

from ..corpus.reader import AnyCorpus, annotated_docs
from ..errors import InputError
from ..files import write_json
from ..progress import Progress, no_progress
from ..recogniser.calibration import FEATURES, Calibration, CalibrationFeatures, design_matrix
from .reliability import (
    Reliability,
    Scored,
    encoded,
    entities_of,
    find_recogniser,
    reliability,
)

FOLDS = 5
# A label gets a weight of its own if so many of its entities were predicted, and
# so many of them wrongly.
MIN_ENTITIES = 100
MIN_WRONG = 10
# What matters where entities are few: on the 169 of the sample's dev set this gives
# a cross-validated Brier score of .133; 10 gives .139, and no calibration .138.
INVERSE_REGULARISATION = 1.0


class NotCalibrated(InputError):
    """The data is not enough to calibrate by; the pipeline is as it was."""


@dataclass(frozen=True)
class Calibrated:
    """A calibration and what it is worth.

    corpus (str): What it was fitted on.
    calibration (Calibration): The calibration.
    scored (Scored): The entities it was fitted on, each scored by a calibration that was
        fitted on other documents.
    """

    corpus: str
    calibration: Calibration
    scored: Scored

    @property
    def before(self) -> Reliability:
        """RETURNS (Reliability): How the scores and what is right agree without it."""
        return reliability(self.scored.marginals, self.scored.right)

    @property
    def after(self) -> Reliability:
        """RETURNS (Reliability): The same with it."""
        return reliability(self.scored.scores, self.scored.right)

    def to_dict(self) -> dict:
        """RETURNS (dict): The figures, for JSON."""
        return {
            "corpus": self.corpus,
            "calibration": self.calibration.to_dict(),
            "cross_validated": self.scored.to_dict(),
        }


def calibrate(
    nlp: Language,
    corpus: AnyCorpus,
    *,
    name: str = "",
    progress: Progress = no_progress,
) -> Calibrated:
    """Fit the scores of a pipeline's entities on development data, so that nine in ten of
    those with a score of 0.9 are right. Nothing else of the pipeline changes; to save it, use
    `nlp.to_disk` or `save_calibration`.

    nlp (Language): The pipeline. Its recogniser gets the calibration.
    corpus (str | Path | Iterable[Doc]): A file in any format that `convert` reads, or
        annotated Docs. Neither the training data nor the data that the pipeline is tested on.
    name (str): What the data is called; the file's path if it is empty.
    progress (Callable): Wraps the stream of texts, whose number it is given.
    RETURNS (Calibrated): The calibration and what it is worth.
    RAISES: NotCalibrated if there is too little to fit on, or the scores would be worse;
        InputError if the file cannot be read or the pipeline has no transformer_ner.
    """
    _, recogniser = find_recogniser(nlp)
    name = name or (str(corpus) if isinstance(corpus, (str, Path)) else "")
    gathered = gather(nlp, corpus, progress)
    fitted = Calibrated(
        corpus=name,
        calibration=fit(gathered.features, gathered.right, gathered.usual_entropy, name),
        scored=cross_validated(gathered),
    )
    before, after = fitted.before, fitted.after
    if after.brier > before.brier and after.ece > before.ece:
        raise NotCalibrated(
            f"the scores of {before.entities} entities, {before.entities - sum(gathered.right)} of "
            f"them wrong, would be worse with it (Brier score {before.brier:.4f}, then "
            f"{after.brier:.4f}). Give more text."
        )
    recogniser.calibration = fitted.calibration
    return fitted


def save_calibration(nlp: Language, path: str | Path) -> None:
    """Write the calibration of a pipeline to the folder that it was loaded from: the one
    file that changes, whole or not at all.

    nlp (Language): The pipeline.
    path (str | Path): The folder.
    """
    name, recogniser = find_recogniser(nlp)
    write_json(Path(path) / name / "cfg", recogniser.cfg)


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
    corpus: AnyCorpus,
    progress: Progress = no_progress,
) -> Gathered:
    """Run a pipeline over the raw text of a corpus and gather what calibration
    is fitted on.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): As of `calibrate`.
    progress (Callable): Wraps the stream of texts, whose number it is given.
    RETURNS (Gathered): The features.
    RAISES: InputError if the corpus cannot be read; NotCalibrated if nothing is found in it.
    """
    _, recogniser = find_recogniser(nlp)
    references = annotated_docs(corpus, nlp.vocab, nlp.lang)
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
        entropy += float(entropies.sum())
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
            f"the pipeline finds no entities in {len(references)} annotated documents.", path=path
        )
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
    RAISES: NotCalibrated if all are right or all wrong.
    """
    if len(set(right.tolist())) < 2:
        raise NotCalibrated(
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
    RAISES: NotCalibrated if there is too little to fit on.
    """
    scores = numpy.zeros(len(gathered.right))
    folds = min(FOLDS, len(set(gathered.documents.tolist())))
    if folds < 2:
        raise NotCalibrated("documents are needed to calibrate by, and this corpus has one.")
    parts = GroupKFold(folds).split(scores, groups=gathered.documents)
    for train, held_out in parts:
        chosen = numpy.zeros(len(scores), dtype=bool)
        chosen[train] = True
        if len(set(gathered.right[chosen].tolist())) < 2:
            raise NotCalibrated(
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
