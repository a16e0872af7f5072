"""The reliability of scores: calibration error, thresholds, precision and recall."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy
from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer
from spacy.tokens import Doc
from spacy.util import minibatch

from ..errors import InputError
from ..recogniser.component import TransformerNER
from ..recogniser.scores import ENTITIES, MARGINALS, SCORES
from ..results import Result
from .units import Units

BINS = 15
BATCH = 32


@dataclass(frozen=True)
class Bin:
    """A bin of a reliability diagram.

    entities (int): The number of entities in the bin.
    score (float): Their mean score.
    precision (float): The share of them that are right.
    """

    entities: int
    score: float
    precision: float


@dataclass(frozen=True)
class Reliability(Result):
    """How well scores predict whether entities are right.

    entities (int): The number of predicted entities.
    ece (float): The expected calibration error over 15 bins with equal numbers of entities
        (Naeini et al. 2015): the mean distance between score and precision.
    brier (float): The Brier score: the mean squared error of the scores.
    aurc (float): The area under the risk-coverage curve (Geifman and El-Yaniv 2017): the
        error rate among the highest-scoring entities, averaged over all cutoffs.
    mean_score, precision (float): The mean score and the precision of all entities.
    bins (tuple[Bin, ...]): The reliability diagram.
    """

    entities: int
    ece: float
    brier: float
    aurc: float
    mean_score: float
    precision: float
    bins: tuple[Bin, ...]


def reliability(scores: numpy.ndarray, right: numpy.ndarray) -> Reliability:
    """Compute calibration metrics.

    scores (ndarray): The score of each predicted entity. Shape: (entities,)
    right (ndarray): Whether each entity is right. Shape: (entities,), bool
    RETURNS (Reliability): The metrics; all 0 without entities.
    """
    if not len(scores):
        return Reliability(0, 0.0, 0.0, 0.0, 0.0, 0.0, ())
    # Entities with equal scores share their precision, so the order of the texts is irrelevant.
    order = numpy.lexsort((right, scores))
    scores, right = scores[order], right[order].astype("float64")
    _, ties, sizes = numpy.unique(scores, return_inverse=True, return_counts=True)
    shares = (numpy.bincount(ties, right) / sizes)[ties]
    bins = tuple(
        Bin(len(part), float(scores[part].mean()), float(shares[part].mean()))
        for part in numpy.array_split(numpy.arange(len(scores)), BINS)
        if len(part)
    )
    risks = numpy.cumsum(1.0 - shares[::-1]) / numpy.arange(1, len(right) + 1)
    return Reliability(
        entities=len(scores),
        ece=sum(b.entities * abs(b.score - b.precision) for b in bins) / len(scores),
        brier=float(((scores - right) ** 2).mean()),
        aurc=float(risks.mean()),
        mean_score=float(scores.mean()),
        precision=float(right.mean()),
        bins=bins,
    )


@dataclass(frozen=True)
class Scored:
    """Predicted entities with their scores.

    scores, marginals (ndarray): The scores after and before calibration. Shape: (entities,)
    right (ndarray): Whether each entity's characters and label are right.
        Shape: (entities,), bool
    labels (list[str]): Their labels.
    gold (dict[str, int]): The number of gold entities per label.
    """

    scores: numpy.ndarray
    marginals: numpy.ndarray
    right: numpy.ndarray
    labels: list[str]
    gold: dict[str, int]

    def of_label(self, label: str) -> "Scored":
        """label (str): A label.
        RETURNS (Scored): The entities with this label."""
        chosen = numpy.array([found == label for found in self.labels], dtype=bool)
        return Scored(
            self.scores[chosen],
            self.marginals[chosen],
            self.right[chosen],
            [label] * int(chosen.sum()),
            {label: self.gold.get(label, 0)},
        )

    def to_dict(self) -> dict:
        """RETURNS (dict): Calibration metrics for all entities and for each label, before
        and after calibration, for JSON."""
        parts = {label: self.of_label(label) for label in sorted(set(self.labels))}
        return {
            "binning": f"{BINS} bins with equal numbers of entities",
            "before": reliability(self.marginals, self.right).to_dict(),
            "after": reliability(self.scores, self.right).to_dict(),
            "per_type": {
                label: {
                    "before": _without_bins(reliability(part.marginals, part.right)),
                    "after": _without_bins(reliability(part.scores, part.right)),
                }
                for label, part in parts.items()
            },
        }


def _without_bins(figures: Reliability) -> dict:
    return {name: value for name, value in figures.to_dict().items() if name != "bins"}


def scored_entities(docs: Iterable[Doc], references: Iterable[Doc], key: str) -> Scored:
    """Read the scores of predicted entities from Docs.

    docs (Iterable[Doc]): Docs annotated by a pipeline.
    references (Iterable[Doc]): The gold Docs.
    key (str): The key of `doc.spans` with the scores.
    RETURNS (Scored): The predicted entities and their scores.
    """
    scores, marginals, right, labels = [], [], [], []
    gold: Counter[str] = Counter()
    for doc, reference in zip(docs, references):
        wanted = entities_of(reference)
        gold.update(label for _, _, label in wanted)
        if key not in doc.spans:
            continue
        attrs = doc.spans[key].attrs
        scores += attrs[SCORES].tolist()
        marginals += attrs[MARGINALS].tolist()
        # The spans themselves are lost when tokens are merged.
        for start, end, label_id in attrs[ENTITIES].tolist():
            label = doc.vocab.strings[label_id]
            right.append((start, end, label) in wanted)
            labels.append(label)
    return Scored(
        numpy.array(scores),
        numpy.array(marginals),
        numpy.array(right, dtype=bool),
        labels,
        dict(gold),
    )


def scored_spans(texts: Sequence[Units]) -> Scored | None:
    """Get the scores of spans that spancat has found. They are not calibrated.

    texts (Sequence[Units]): The texts.
    RETURNS (Scored | None): The spans and their scores; None if a span has no score.
    """
    found = [
        (score, entity in units.gold, entity[2])
        for units in texts
        for entity, score in zip(units.predicted, units.scores)
    ]
    gold = Counter(label for units in texts for _, _, label in units.gold)
    if any(score is None for score, _, _ in found):
        return None
    scores = numpy.array([score for score, _, _ in found], dtype="float64")
    right = numpy.array([is_right for _, is_right, _ in found], dtype=bool)
    return Scored(scores, scores, right, [label for *_, label in found], dict(gold))


def entities_of(doc: Doc) -> set[tuple[int, int, str]]:
    """doc (Doc): A Doc.
    RETURNS (set[tuple[int, int, str]]): Start character, end character and label of its
        entities."""
    return {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents}


def recognisers(nlp: Language) -> list[tuple[str, TransformerNER]]:
    """nlp (Language): A pipeline.
    RETURNS (list[tuple[str, TransformerNER]]): The name and component of each
        transformer_ner."""
    return [(name, pipe) for name, pipe in nlp.pipeline if isinstance(pipe, TransformerNER)]


def find_recogniser(nlp: Language) -> tuple[str, TransformerNER]:
    """nlp (Language): A pipeline.
    RETURNS (tuple[str, TransformerNER]): The name and component of its first transformer_ner.
    RAISES: InputError if it has none."""
    for found in recognisers(nlp):
        return found
    hint = (
        " This needs the calibrated scores of transformer_ner, and does not work for the spans of "
        "spancat. For the threshold of spancat, use spaCy's command find-threshold."
        if any(isinstance(pipe, SpanCategorizer) for _, pipe in nlp.pipeline)
        else ""
    )
    raise InputError(
        "the pipeline has no transformer_ner. Its components are "
        f"{', '.join(nlp.pipe_names) or 'none'}.{hint}"
    )


def encoded(nlp: Language, texts: Iterable[str]) -> Iterator[list[Doc]]:
    """Run the components before the recogniser.

    nlp (Language): The pipeline.
    texts (Iterable[str]): The texts.
    YIELDS (list[Doc]): Batches of Docs. They keep the encoder's vectors until the next
        batch.
    """
    name, _ = find_recogniser(nlp)
    with nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(name) :]):
        # nlp.make_doc would refuse texts longer than nlp.max_length.
        for docs in minibatch(nlp.pipe(map(nlp.tokenizer, texts)), BATCH):
            yield docs
            for doc in docs:
                doc._.trf_data = None


@dataclass(frozen=True)
class ThresholdPoint:
    """Precision and recall at a threshold.

    threshold (float): The lowest score of a kept entity.
    precision, recall (float): The precision and recall of the kept entities.
    kept (int): The number of kept entities.
    """

    threshold: float
    precision: float
    recall: float
    kept: int


def curve(scored: Scored) -> list[ThresholdPoint]:
    """Compute precision and recall at every distinct threshold.

    scored (Scored): Predicted entities.
    RETURNS (list[ThresholdPoint]): The points, by ascending threshold.
    """
    order = numpy.argsort(-scored.scores, kind="stable")
    scores = scored.scores[order]
    hits = numpy.cumsum(scored.right[order])
    # Entities with equal scores are kept or dropped together.
    last: Sequence[int] | numpy.ndarray = (
        numpy.flatnonzero(numpy.append(scores[1:] != scores[:-1], True)) if len(scores) else []
    )
    points = [
        ThresholdPoint(
            threshold=float(scores[i]),
            precision=float(hits[i] / (i + 1)),
            recall=float(hits[i] / max(sum(scored.gold.values()), 1)),
            kept=int(i + 1),
        )
        for i in last
    ]
    return points[::-1]


def threshold_for(scored: Scored, precision: float) -> ThresholdPoint:
    """Find the lowest threshold that gives a precision.

    scored (Scored): Predicted entities in data that the pipeline was not trained on.
    precision (float): The minimum precision.
    RETURNS (ThresholdPoint): The threshold, with its precision and recall.
    RAISES: InputError if no threshold reaches the precision.
    """
    points = curve(scored)
    wanted = [point for point in points if point.precision >= precision]
    if not wanted:
        best = max(points, key=lambda point: point.precision, default=None)
        raise InputError(
            f"no threshold gives a precision of {precision:g}"
            + (
                ": the pipeline finds no entities."
                if best is None
                else f"; the highest is {best.precision:.3f}. Set a lower --precision."
            )
        )
    return max(wanted, key=lambda point: point.recall)
