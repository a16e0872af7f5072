"""Fitting the scores of a pipeline on development data."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from thinc.types import Ints1d

from ..corpus.docbin import read_docbin
from ..errors import InputError
from ..recogniser.calibration import FEATURES, Calibration, Evidence, features
from .confidence import Scored, entities_of, find_recogniser

FOLDS = 5
BATCH = 32
# A label gets a weight of its own if so many of its entities were predicted, and
# so many of them wrongly.
MIN_ENTITIES = 100
MIN_WRONG = 10
# What matters where entities are few: on the 169 of the sample's dev set this gives
# a cross-validated Brier score of .133; 10 gives .139, and no calibration .138.
INVERSE_REGULARISATION = 1.0


@dataclass(frozen=True)
class Gathered:
    """The evidence of the entities predicted in a corpus.

    evidence (Evidence): What is known of each.
    right (ndarray): Whether each is right.
    documents (Ints1d): Which document each is in.
    usual_entropy (float): The entropy of a token of the corpus.
    gold (dict[str, int]): How many entities of each label the corpus has.
    """

    evidence: Evidence
    right: numpy.ndarray
    documents: Ints1d
    usual_entropy: float
    gold: dict[str, int]


def gather(
    nlp: Language,
    path: str | Path,
    progress: Callable[[Iterable[Doc], int], Iterable[Doc]] = lambda docs, _: docs,
) -> Gathered:
    """Run a pipeline over the raw text of a corpus and gather what calibration
    is fitted on.

    nlp (Language): The pipeline.
    path (str | Path): The .spacy file.
    progress (Callable): Wraps the stream of Docs, whose number it is given.
    RETURNS (Gathered): The evidence.
    RAISES: InputError if the corpus cannot be read, or nothing is found in it.
    """
    name, recogniser = find_recogniser(nlp)
    references = [doc for doc in read_docbin(path, nlp.vocab) if doc.has_annotation("ENT_IOB")]
    parts: list[Evidence] = []
    right: list[bool] = []
    documents: list[int] = []
    entropy = tokens = 0.0
    after = nlp.pipe_names[nlp.pipe_names.index(name) :]
    with nlp.select_pipes(disable=after):
        docs = (nlp.tokenizer(reference.text) for reference in references)
        number = 0
        for batch in minibatch(nlp.pipe(progress(docs, len(references))), BATCH):
            batch = list(batch)
            entropy += float((recogniser.uncertainty(batch) * [len(doc) for doc in batch]).sum())
            tokens += sum(map(len, batch))
            for doc, (spans, evidence) in zip(batch, recogniser.evidence(batch)):
                wanted = entities_of(references[number])
                for start, end, label in spans.tolist():
                    span = doc[start:end]
                    right.append(
                        (span.start_char, span.end_char, recogniser.labels[label]) in wanted
                    )
                    documents.append(number)
                parts.append(evidence)
                number += 1
                doc._.trf_data = None
    if not right:
        raise InputError("the pipeline finds no entities in this corpus.", path=path)
    return Gathered(
        evidence=join(parts),
        right=numpy.array(right, dtype=bool),
        documents=numpy.array(documents),
        usual_entropy=entropy / max(tokens, 1.0),
        gold=dict(Counter(ent.label_ for reference in references for ent in reference.ents)),
    )


def join(parts: Sequence[Evidence]) -> Evidence:
    """parts (Sequence[Evidence]): Evidence of some Docs.
    RETURNS (Evidence): Of all of them."""
    arrays = {
        name: numpy.concatenate([getattr(part, name) for part in parts])
        for name in ("marginals", "softmaxes", "novelty", "entropies", "tokens")
    }
    return Evidence(**arrays, labels=[label for part in parts for label in part.labels])


def select(evidence: Evidence, chosen: numpy.ndarray) -> Evidence:
    """evidence (Evidence): Evidence.
    chosen (ndarray): Which of it, bool.
    RETURNS (Evidence): That."""
    arrays = {
        name: getattr(evidence, name)[chosen]
        for name in ("marginals", "softmaxes", "novelty", "entropies", "tokens")
    }
    labels = [label for label, keep in zip(evidence.labels, chosen.tolist()) if keep]
    return Evidence(**arrays, labels=labels)


def fit(
    evidence: Evidence, right: numpy.ndarray, usual_entropy: float, corpus: str = ""
) -> Calibration:
    """Fit a calibration.

    evidence (Evidence): What is known of predicted entities.
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
    labels = numpy.array(evidence.labels)
    weighted = [
        label
        for label in sorted(set(evidence.labels))
        if (labels == label).sum() >= MIN_ENTITIES and (~right[labels == label]).sum() >= MIN_WRONG
    ]
    table = numpy.column_stack(
        [features(evidence, usual_entropy), *(labels == label for label in weighted)]
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

    gathered (Gathered): The evidence of a corpus.
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
            select(gathered.evidence, chosen), gathered.right[chosen], gathered.usual_entropy
        )
        scores[held_out] = calibration.scores(select(gathered.evidence, ~chosen))
    return Scored(
        scores, gathered.evidence.marginals, gathered.right, gathered.evidence.labels, gathered.gold
    )
