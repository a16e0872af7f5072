"""Learning curves: the same recipe on parts of the training data."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
from spacy.tokens import Doc

from ..corpus.overlapping import entities_in
from ..errors import InputError
from ..evaluation.evaluate import counts_per_document, evaluate
from ..evaluation.extrapolation import MIN_SIZES, Estimate, LearningCurve, Measured
from ..files import read_json, write_json
from .trials import Recipe, discard, train_on

SCHEMA = "spacy-transformer-ner.learning-curve.v1"
FILE = "learning-curve.json"
SHARES = (0.125, 0.25, 0.5, 1.0)
# How much more data to predict for.
TIMES = (2, 4)
# A corpus with fewer tokens is trained three times per share: the trainings are short, and
# their results depend on chance.
SMALL = 100_000
DRAWS = 3
# With fewer, the figures say little.
FEW_DEV_DOCUMENTS = 50
FEW_ENTITIES = 20


@dataclass(frozen=True)
class Trained:
    """One training of a learning curve.

    share (float): The share of the training documents.
    documents (int): Their number.
    draw (int): The number of the draw, from 0. It gives the documents and the seed.
    entities (dict[str, int]): Their entities, by type.
    counts (dict[str, ndarray]): True positives, false positives and false negatives of each
        dev document, by type. Shape: (dev documents, 3)
    """

    share: float
    documents: int
    draw: int
    entities: dict[str, int]
    counts: dict[str, numpy.ndarray]

    def of(self, label: str | None, documents: int) -> numpy.ndarray:
        """label (str | None): A type; None for all.
        documents (int): The number of dev documents.
        RETURNS (ndarray): The counts. Shape: (documents, 3)"""
        none = numpy.zeros((documents, 3), dtype="int64")
        chosen = self.counts.values() if label is None else [self.counts.get(label, none)]
        return sum(chosen, start=none)


@dataclass(frozen=True)
class Course:
    """The learning curve of one type, or of all.

    points (tuple[Estimate, ...]): The mean F1 of each share, with its 95% interval.
    more (dict[int, Estimate]): The predicted F1 with so many times the documents. Empty if it
        cannot be predicted.
    entities (int): The entities in the training data.
    dev_entities (int): The entities in the dev data.
    """

    points: tuple[Estimate, ...]
    more: dict[int, Estimate]
    entities: int
    dev_entities: int


@dataclass(frozen=True)
class Result:
    """A learning curve.

    recipe, train, dev (str): What was trained, and on what.
    shares (tuple[float, ...]): The shares of the training documents, ascending.
    documents (tuple[int, ...]): The number of training documents of each share.
    draws (int): The trainings per share.
    f (tuple[tuple[float, ...], ...]): The F1 of each training, by share.
    all (Course): The curve of all types.
    per_type (dict[str, Course]): The curve of each type.
    hindcast (Estimate | None): The F1 at the largest share, predicted from the shares up to its
        half. None if these are too few.
    notes (tuple[str, ...]): What the curve does not tell.
    """

    recipe: str
    train: str
    dev: str
    shares: tuple[float, ...]
    documents: tuple[int, ...]
    draws: int
    f: tuple[tuple[float, ...], ...]
    all: Course
    per_type: dict[str, Course]
    hindcast: Estimate | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): All fields, for JSON."""
        return {"schema": SCHEMA, **asdict(self)}


def learning_curve(
    recipe: Recipe,
    output: Path,
    *,
    shares: Sequence[float] = SHARES,
    draws: int | None = None,
    report: Callable[[str], Any] = lambda line: None,
) -> Result:
    """Train a recipe on parts of its training data. Call it again to resume: a finished
    training is not repeated, unless the recipe or the data changed.

    recipe (Recipe): The recipe.
    output (Path): The folder for learning-curve.json and the results of the trainings. Their
        pipelines are not kept.
    shares (Sequence[float]): The shares of the training documents. In each draw, a smaller
        part is within the larger ones.
    draws (int | None): Trainings per share. If None, three for a small corpus, else one.
    report (Callable): Called with a line before each training.
    RETURNS (Result): The curve.
    RAISES: InputError if a share is invalid or has no entities, or a training cannot start.
    """
    shares = sorted(set(shares))
    if len(shares) < 2 or not all(0 < share <= 1 for share in shares):
        raise InputError("expected two or more shares between 0 and 1, e.g. 0.125,0.25,0.5,1.")
    train, dev = recipe.docs("train"), recipe.docs("dev")
    if draws is None:
        draws = DRAWS if sum(map(len, train)) < SMALL else 1
    trained: list[list[Trained]] = []
    parts = [[part(train, share, recipe.seed + draw) for draw in range(draws)] for share in shares]
    for share, drawn in zip(shares, parts):
        if not all(any(entities_in(doc) for doc in docs) for docs in drawn):
            raise InputError(
                f"{share:.1%} of {recipe.path('train')} has no entities. Leave out this share "
                "with --shares."
            )
    number = 0
    # The shortest first, so that a mistake in the settings shows soon.
    for share, drawn in zip(shares, parts):
        trained.append([])
        for draw, docs in enumerate(drawn):
            number += 1
            report(
                f"Training {number} of {len(shares) * draws}: {share:.0%} of the documents "
                f"({len(docs):,}), draw {draw + 1} of {draws}"
            )
            trained[-1].append(_train(recipe, docs, dev, output, share, draw))
    result = _result(recipe, trained, shares, draws, len(dev))
    write_json(output / FILE, result.to_dict())
    return result


def part(docs: Sequence[Doc], share: float, seed: int) -> list[Doc]:
    """Draw a part of the documents.

    docs (Sequence[Doc]): The documents.
    share (float): The share to draw.
    seed (int): The random seed. With the same seed, a smaller part is within a larger one.
    RETURNS (list[Doc]): One document or more, in the order of the corpus.
    """
    order = numpy.random.default_rng(seed).permutation(len(docs))
    return [docs[i] for i in sorted(order[: max(1, round(share * len(docs)))])]


def _train(
    recipe: Recipe, docs: list[Doc], dev: list[Doc], output: Path, share: float, draw: int
) -> Trained:
    name = f"{share:.4f}-{draw}"
    file = output / "points" / f"{name}.json"
    digest = recipe.digest(docs, dev)
    if file.is_file():
        known = read_json(file, "learning-curve")
        if known["digest"] == digest:
            counts = {label: _unpack(rows, len(dev)) for label, rows in known["counts"].items()}
            return Trained(share, len(docs), draw, known["entities"], counts)
    folder = output / "trainings" / name
    path = Path(recipe.path("dev"))
    nlp = train_on(recipe, docs, path, folder, seed=recipe.seed + draw, share=share)
    result = evaluate(nlp, dev)
    counts = {label: counts_per_document(result.texts, label) for label in result.figures.per_type}
    entities = dict(Counter(ent.label_ for doc in docs for ent in entities_in(doc)))
    packed = {label: _pack(rows) for label, rows in counts.items()}
    write_json(file, {"digest": digest, "entities": entities, "counts": packed})
    discard(folder)
    return Trained(share, len(docs), draw, entities, counts)


def _pack(counts: numpy.ndarray) -> list[list[int]]:
    """Keep the documents with entities: document, and its counts."""
    return [[i, *row] for i, row in enumerate(counts.tolist()) if any(row)]


def _unpack(rows: list[list[int]], documents: int) -> numpy.ndarray:
    counts = numpy.zeros((documents, 3), dtype="int64")
    for i, *row in rows:
        counts[i] = row
    return counts


def _result(
    recipe: Recipe,
    trained: Sequence[Sequence[Trained]],
    shares: Sequence[float],
    draws: int,
    n_dev: int,
) -> Result:
    def measured(label: str | None, of: Sequence[Sequence[Trained]] = trained) -> list[Measured]:
        return [Measured(drawn[0].documents, [t.of(label, n_dev) for t in drawn]) for drawn in of]

    def course(label: str | None) -> Course:
        points = measured(label)
        gold = points[-1].counts[0][:, [0, 2]].sum()
        entities = trained[-1][0].entities
        # A part without a type cannot teach it, and is not on the curve.
        seen = [
            point
            for point, drawn in zip(points, trained)
            if label is None or all(t.entities.get(label) for t in drawn)
        ]
        enough = label is None or min(gold, entities.get(label, 0)) >= FEW_ENTITIES
        more = (
            LearningCurve(seen).extrapolate([times * points[-1].documents for times in TIMES])
            if seen and enough
            else []
        )
        return Course(
            tuple(LearningCurve(points).points()),
            dict(zip(TIMES, more)),
            sum(entities.values()) if label is None else entities.get(label, 0),
            int(gold),
        )

    points = measured(None)
    first = [drawn for share, drawn in zip(shares, trained) if share <= shares[-1] / 2]
    hindcast = (
        LearningCurve(measured(None, first)).extrapolate([points[-1].documents]) if first else []
    )
    labels = sorted({label for drawn in trained for t in drawn for label in t.counts})
    per_type = {label: course(label) for label in labels}
    return Result(
        recipe=str(recipe.name),
        train=recipe.path("train"),
        dev=recipe.path("dev"),
        shares=tuple(shares),
        documents=tuple(point.documents for point in points),
        draws=draws,
        f=tuple(tuple(point.f) for point in points),
        all=course(None),
        per_type=per_type,
        hindcast=hindcast[0] if hindcast else None,
        notes=tuple(_notes(per_type, shares, draws, n_dev)),
    )


def _notes(
    per_type: dict[str, Course], shares: Sequence[float], draws: int, n_dev: int
) -> Iterator[str]:
    if len(shares) < MIN_SIZES:
        yield f"There is no prediction: it needs {MIN_SIZES} or more shares."
    if draws == 1:
        yield (
            "Each share was trained once, so the noise between trainings was not measured: a "
            "usual one is assumed. Measure it with --draws 3."
        )
    if n_dev < FEW_DEV_DOCUMENTS:
        yield (
            f"dev has only {n_dev} documents. The intervals are wide, and may be too narrow still."
        )
    few = [label for label, course in per_type.items() if not course.more]
    if few and len(shares) >= MIN_SIZES:
        yield (
            f"There is no prediction for {', '.join(few)}: fewer than {FEW_ENTITIES} entities in "
            f"train or dev, or none in the smaller parts."
        )
    yield (
        "The prediction is for more documents of the same kind, annotated in the same way, with "
        "the same recipe."
    )
