"""How far scores can be trusted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from thinc.types import Floats1d

from ..errors import InputError
from ..recogniser.component import TransformerNER
from ..recogniser.scores import ENTITIES, MARGINALS, SCORES

BINS = 15
BATCH = 32


@dataclass(frozen=True)
class Bin:
    """One of the bins of a reliability diagram.

    entities (int): How many entities are in it.
    score (float): Their mean score.
    precision (float): The share of them that are right.
    """

    entities: int
    score: float
    precision: float


@dataclass(frozen=True)
class Reliability:
    """How scores and what is right agree.

    entities (int): How many entities were predicted.
    ece (float): The expected calibration error over 15 bins of equally many
        entities (Naeini et al. 2015): the mean distance of score and precision.
    brier (float): The Brier score: the mean squared error of the scores.
    aurc (float): The area under the risk-coverage curve (Geifman and El-Yaniv
        2017): the mean share of errors among the entities with the best scores.
    mean_score, precision (float): Over all.
    bins (tuple[Bin, ...]): The reliability diagram.
    """

    entities: int
    ece: float
    brier: float
    aurc: float
    mean_score: float
    precision: float
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def reliability(scores: Floats1d, right: numpy.ndarray) -> Reliability:
    """Compare scores with what is right.

    scores (Floats1d): The score of each predicted entity.
    right (ndarray): Whether it is right. Shape: (entities,), bool.
    RETURNS (Reliability): The figures; of no entities they are 0.
    """
    if not len(scores):
        return Reliability(0, 0.0, 0.0, 0.0, 0.0, 0.0, ())
    # Whatever the order of the texts: entities of one score share what is right of them.
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
    """Predicted entities and what they are worth.

    scores, marginals (Floats1d): The scores, and those before calibration.
    right (ndarray): Whether each is right: its characters and its label.
    labels (list[str]): Their labels.
    gold (dict[str, int]): How many entities of each label the corpus has.
    """

    scores: Floats1d
    marginals: Floats1d
    right: numpy.ndarray
    labels: list[str]
    gold: dict[str, int]

    def of_label(self, label: str) -> "Scored":
        """label (str): A label.
        RETURNS (Scored): The entities with it."""
        chosen = numpy.array([found == label for found in self.labels], dtype=bool)
        return Scored(
            self.scores[chosen],
            self.marginals[chosen],
            self.right[chosen],
            [label] * int(chosen.sum()),
            {label: self.gold.get(label, 0)},
        )

    def to_dict(self) -> dict:
        """RETURNS (dict): Figures of all entities and of each label, before and
        after calibration, for JSON."""
        parts = {label: self.of_label(label) for label in sorted(set(self.labels))}
        return {
            "binning": f"{BINS} bins of equally many entities",
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
    """Take the scores from Docs.

    docs (Iterable[Doc]): Docs that a pipeline has annotated.
    references (Iterable[Doc]): The Docs of the corpus.
    key (str): The group of `doc.spans` with the scores.
    RETURNS (Scored): The entities.
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
        # Not the group's spans, which are lost when tokens are merged.
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


def entities_of(doc: Doc) -> set[tuple[int, int, str]]:
    """doc (Doc): A Doc.
    RETURNS (set[tuple[int, int, str]]): Start and end character and label of its
        entities."""
    return {(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents}


def recognisers(nlp: Language) -> list[tuple[str, TransformerNER]]:
    """nlp (Language): A pipeline.
    RETURNS (list[tuple[str, TransformerNER]]): Its recognisers of ours, and what
        they are called."""
    return [(name, pipe) for name, pipe in nlp.pipeline if isinstance(pipe, TransformerNER)]


def find_recogniser(nlp: Language) -> tuple[str, TransformerNER]:
    """nlp (Language): A pipeline.
    RETURNS (tuple[str, TransformerNER]): Its recogniser, and what it is called.
    RAISES: InputError if it has none of ours."""
    for found in recognisers(nlp):
        return found
    raise InputError(
        "the pipeline has no transformer_ner. Its components are "
        f"{', '.join(nlp.pipe_names) or 'none'}."
    )


def encoded(nlp: Language, texts: Iterable[str]) -> Iterator[list[Doc]]:
    """Run what comes before the recogniser, so that more can be asked of it than
    what it sets.

    nlp (Language): The pipeline.
    texts (Iterable[str]): The texts.
    YIELDS (list[Doc]): The Docs by batches. The encoder's vectors are kept with
        them until the next batch is asked for.
    """
    name, _ = find_recogniser(nlp)
    with nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(name) :]):
        # Not nlp.make_doc: it has a longest text.
        for docs in minibatch(nlp.pipe(map(nlp.tokenizer, texts)), BATCH):
            yield docs
            for doc in docs:
                doc._.trf_data = None


@dataclass(frozen=True)
class Operating:
    """What a threshold gives.

    threshold (float): The lowest score that is kept.
    precision, recall (float): Of the entities kept.
    kept (int): How many they are.
    """

    threshold: float
    precision: float
    recall: float
    kept: int


def curve(scored: Scored) -> list[Operating]:
    """Compute precision and recall for every threshold that makes a difference.

    scored (Scored): Predicted entities.
    RETURNS (list[Operating]): From the lowest threshold to the highest.
    """
    order = numpy.argsort(-scored.scores, kind="stable")
    scores = scored.scores[order]
    hits = numpy.cumsum(scored.right[order])
    # Entities of one score are kept or left out together.
    last = numpy.flatnonzero(numpy.append(scores[1:] != scores[:-1], True)) if len(scores) else []
    points = [
        Operating(
            threshold=float(scores[i]),
            precision=float(hits[i] / (i + 1)),
            recall=float(hits[i] / max(sum(scored.gold.values()), 1)),
            kept=int(i + 1),
        )
        for i in last
    ]
    return points[::-1]


def threshold_for(scored: Scored, precision: float) -> Operating:
    """Find the lowest threshold that gives a precision.

    scored (Scored): Predicted entities, of data the pipeline was not trained on.
    precision (float): The precision that is wanted.
    RETURNS (Operating): The threshold and what it gives.
    RAISES: InputError if none gives it.
    """
    points = curve(scored)
    wanted = [point for point in points if point.precision >= precision]
    if not wanted:
        best = max(points, key=lambda point: point.precision, default=None)
        raise InputError(
            f"no threshold gives a precision of {precision:g}"
            + ("." if best is None else f"; the highest is {best.precision:.3f}.")
        )
    return max(wanted, key=lambda point: point.recall)
