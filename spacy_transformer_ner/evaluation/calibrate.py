"""Calibrate the scores of a pipeline on development data."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from spacy.language import Language

from ..corpus.reader import AnyCorpus
from ..files import write_json
from ..progress import Progress, no_progress
from ..recogniser.calibration import (
    FEATURES,
    UNUSED,
    Calibration,
    CalibrationFeatures,
    design_matrix,
)
from .gathered import Gathered, NotCalibrated, gather_with_copy, joined
from .reliability import Reliability, Scored, find_recogniser, reliability

FOLDS = 5
# A label gets its own weight if at least this many of its entities are predicted, and at
# least this many of those are wrong.
MIN_ENTITIES = 100
MIN_WRONG = 10
# scikit-learn's C, which matters if there are few entities: on the 169 of the sample's dev
# set the cross-validated Brier score is .133 with 1, .139 with 10, and .138 uncalibrated.
INVERSE_REGULARISATION = 1.0


@dataclass(frozen=True)
class Calibrated:
    """A calibration and its cross-validated scores.

    corpus (str): The corpus it was fitted on.
    calibration (Calibration): The calibration.
    scored (Scored): The entities it was fitted on, each scored by a calibration fitted on
        other documents.
    """

    corpus: str
    calibration: Calibration
    scored: Scored

    @property
    def before(self) -> Reliability:
        """RETURNS (Reliability): The reliability of the scores before calibration."""
        return reliability(self.scored.marginals, self.scored.right)

    @property
    def after(self) -> Reliability:
        """RETURNS (Reliability): The reliability of the scores after calibration."""
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
    """Calibrate the scores of a pipeline's entities on development data, so that nine in
    ten entities with a score of 0.9 are right. Nothing else in the pipeline changes. To save
    the calibration, use `nlp.to_disk` or `save_calibration`.

    The calibration is fitted on the data and on a copy in lower case, which is less like the
    training data, so that scores are not too high on other text.

    nlp (Language): The pipeline. Its recogniser gets the calibration.
    corpus (str | Path | Iterable[Doc]): A file in any format that `convert` reads, or
        annotated Docs. Use neither the training data nor the test data.
    name (str): The name of the corpus. Defaults to the path of the file.
    progress (Callable): Progress callback for the texts.
    RETURNS (Calibrated): The calibration and its cross-validated scores.
    RAISES: NotCalibrated if there is too little data or the scores would get worse;
        InputError if the file cannot be read or the pipeline has no transformer_ner.
    """
    _, recogniser = find_recogniser(nlp)
    name = name or (str(corpus) if isinstance(corpus, (str, Path)) else "")
    gathered, copy = gather_with_copy(nlp, corpus, progress)
    _check(gathered.right)
    fitted = Calibrated(
        corpus=name,
        calibration=fit(*joined(gathered, copy), gathered.usual_entropy, name),
        scored=cross_validated(gathered, copy),
    )
    before, after = fitted.before, fitted.after
    if after.brier > before.brier and after.ece > before.ece:
        raise NotCalibrated(
            f"calibration would make the scores worse (Brier score {before.brier:.4f} before, "
            f"{after.brier:.4f} after; {before.entities} entities, "
            f"{before.entities - sum(gathered.right)} of them wrong). Use more development data."
        )
    recogniser.calibration = fitted.calibration
    return fitted


def save_calibration(nlp: Language, path: str | Path) -> None:
    """Write a pipeline's calibration to the directory that the pipeline was loaded from.
    Only one file changes, and the write is atomic.

    nlp (Language): The pipeline.
    path (str | Path): The directory.
    """
    name, recogniser = find_recogniser(nlp)
    write_json(Path(path) / name / "cfg", recogniser.cfg)


def fit(
    features: CalibrationFeatures, right: numpy.ndarray, usual_entropy: float, corpus: str = ""
) -> Calibration:
    """Fit a calibration.

    features (CalibrationFeatures): The features of the predicted entities.
    right (ndarray): Whether each entity is right. Shape: (entities,), bool
    usual_entropy (float): The mean entropy of the corpus' tokens.
    corpus (str): The name of the corpus.
    RETURNS (Calibration): The calibration.
    RAISES: NotCalibrated if all are right or all wrong.
    """
    _check(right)
    labels = features.labels
    weighted = [
        label
        for label in sorted(set(labels))
        if (labels == label).sum() >= MIN_ENTITIES and (~right[labels == label]).sum() >= MIN_WRONG
    ]
    matrix = design_matrix(features, usual_entropy)
    matrix[:, FEATURES.index(UNUSED)] = 0.0  # so that its weight is 0
    table = numpy.column_stack([matrix, *(labels == label for label in weighted)])
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


def cross_validated(gathered: Gathered, copy: Gathered) -> Scored:
    """Score each entity with a calibration fitted on other documents.

    gathered (Gathered): The predicted entities of a corpus.
    copy (Gathered): Those of its copy, to fit on as well.
    RETURNS (Scored): The entities and their scores.
    RAISES: NotCalibrated if there is too little data.
    """
    scores = numpy.zeros(len(gathered.right))
    folds = min(FOLDS, len(set(gathered.documents.tolist())))
    if folds < 2:
        raise NotCalibrated(
            "the pipeline finds entities in one document only, too few to calibrate on. Use more "
            "development data."
        )
    parts = GroupKFold(folds).split(scores, groups=gathered.documents)
    for train, held_out in parts:
        if len(set(gathered.right[train].tolist())) < 2:
            raise NotCalibrated(
                "too few documents contain wrong entities to calibrate on. Use more data that the "
                "pipeline was not trained on."
            )
        numbers = gathered.documents[train]
        others = (part.select(numpy.isin(part.documents, numbers)) for part in (gathered, copy))
        calibration = fit(*joined(*others), gathered.usual_entropy)
        own = numpy.isin(gathered.documents, gathered.documents[held_out])
        scores[held_out] = calibration.scores(gathered.features.select(own))
    return Scored(
        scores,
        cast(numpy.ndarray, gathered.features.marginals),
        gathered.right,
        gathered.features.labels.tolist(),
        gathered.gold,
    )


def _check(right: numpy.ndarray) -> None:
    if len(set(right.tolist())) < 2:
        raise NotCalibrated(
            f"all {len(right)} entities that the pipeline finds are "
            f"{'right' if right.all() else 'wrong'}, so there is nothing to calibrate on. Use "
            "more data that the pipeline was not trained on."
        )
