"""Find the threshold for a given precision, or for a promise."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spacy.language import Language
from thinc.api import Config

from ..corpus.reader import AnyCorpus
from ..errors import InputError
from ..files import replacing
from ..progress import Progress, no_progress
from .evaluate import evaluate
from .reliability import ThresholdPoint, curve, find_recogniser, threshold_for
from .risk_control import Promise, Risk, find_promise, scored_spans

ALL = "all"
PRECISION = 0.95
LEVEL = 0.9


@dataclass(frozen=True)
class Thresholds:
    """Thresholds found on a corpus.

    component (str): The name of the recogniser in the pipeline.
    precision (float | None): The minimum precision; None if something else was wanted.
    points (Mapping[str | None, ThresholdPoint]): The threshold for each label, or under None for
        all labels together.
    curve (tuple[ThresholdPoint, ...]): Precision and recall of all labels at every distinct
        threshold. If at most a share may be missed, of the candidates, and at some thresholds.
    promise (Promise | None): What is promised, if anything.
    """

    component: str
    precision: float | None
    points: Mapping[str | None, ThresholdPoint]
    curve: tuple[ThresholdPoint, ...]
    promise: Promise | None = None

    def settings(self) -> dict[str, float | None | dict[str, float]]:
        """RETURNS (dict): The settings `threshold` and `label_thresholds` of the component,
        rounded down so that entities with exactly the threshold's score are kept. If at most a
        share may be missed, `candidates` and `max_candidates`."""
        found = {label: rounded(point.threshold) for label, point in self.points.items()}
        if self.promise is not None and self.promise.risk == "missed":
            return {"candidates": found[None], "max_candidates": None}
        if None in found:
            return {"threshold": found[None], "label_thresholds": {}}
        return {"label_thresholds": {str(label): value for label, value in found.items()}}

    def write(self, pipeline: str | Path) -> Path:
        """Set the thresholds in the config of a saved pipeline.

        pipeline (str | Path): Its directory.
        RETURNS (Path): The config file.
        RAISES: InputError if it is not a pipeline directory.
        """
        path = config_path(pipeline)
        config = Config().from_disk(path, interpolate=False)
        config["components"][self.component].update(self.settings())
        with replacing(path) as new:
            config.to_disk(new)
        return path

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return {
            "component": self.component,
            "precision": self.precision,
            "thresholds": {label or ALL: asdict(point) for label, point in self.points.items()},
            "settings": self.settings(),
            "promise": None if self.promise is None else self.promise.to_dict(),
            "curve": [asdict(point) for point in self.curve],
        }


def rounded(threshold: float) -> float:
    """threshold (float): A threshold.
    RETURNS (float): The threshold with four decimals, rounded down."""
    return int(threshold * 1e4 + 1e-6) / 1e4


def config_path(pipeline: str | Path) -> Path:
    """pipeline (str | Path): The directory of a pipeline.
    RETURNS (Path): Its config file.
    RAISES: InputError if it is not a pipeline directory."""
    path = Path(pipeline) / "config.cfg"
    if not path.is_file():
        raise InputError(
            "is not a pipeline directory. Pass the path of a saved pipeline.", path=pipeline
        )
    return path


def find_threshold(
    nlp: Language,
    corpus: AnyCorpus,
    *,
    precision: float | None = None,
    at_most_missed: float | None = None,
    at_most_wrong: float | None = None,
    level: float = LEVEL,
    per_type: bool = False,
    progress: Progress = no_progress,
) -> Thresholds:
    """Find the lowest threshold that gives a precision, or a threshold with a promise for text
    like the corpus, see `risk_control.Promise`. The pipeline's own thresholds are ignored and not
    changed.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): Data that the pipeline was not trained on, see
        `reader.annotated_docs`.
    precision (float | None): The minimum precision, 0 to 1. If no other is set, 0.95.
    at_most_missed (float | None): Find the highest probability of candidates that misses at most
        this share of the entities.
    at_most_wrong (float | None): Find the lowest threshold with which at most this share of the
        reported entities is wrong.
    level (float): The probability with which the promise of the last two is kept.
    per_type (bool): Whether to find one threshold per label instead of one for all. For a
        precision only.
    progress (Callable): Progress callback for the Docs.
    RETURNS (Thresholds): The thresholds.
    RAISES: InputError if no threshold gives the precision, the corpus is too small for the
        promise or it cannot be kept, the pipeline sets no scores, the corpus cannot be read, or
        the arguments exclude each other; ValueError if a share is not between 0 and 1.
    """
    name, recogniser = find_recogniser(nlp)
    if recogniser.spans_key is None:
        raise InputError(
            f"the pipeline sets no scores: spans_key of {name} is null. Set it in the config, for "
            'example to "transformer_ner".'
        )
    shares: dict[Risk, float | None] = {"missed": at_most_missed, "wrong": at_most_wrong}
    wanted = [(risk, share) for risk, share in shares.items() if share is not None]
    if len(wanted) + (precision is not None) > 1:
        raise InputError("set only one of precision, at_most_missed and at_most_wrong.")
    if not wanted:
        return _for_precision(
            nlp, corpus, PRECISION if precision is None else precision, per_type, progress
        )
    ((risk, share),) = wanted
    for what, value in ((f"at_most_{risk}", share), ("level", level)):
        if not 0.0 < value < 1.0:
            raise ValueError(f"{what} must be between 0 and 1, not {value}")
    if per_type:
        raise InputError(f"at_most_{risk} gives one threshold for all labels: leave out per_type.")
    spans = scored_spans(nlp, corpus, progress)[risk]
    point, promise = find_promise(spans, risk, share, level)
    return Thresholds(name, None, {None: point}, spans.curve(), promise)


def _for_precision(
    nlp: Language, corpus: AnyCorpus, precision: float, per_type: bool, progress: Progress
) -> Thresholds:
    name, recogniser = find_recogniser(nlp)
    with recogniser.unlimited(None):
        scored = evaluate(nlp, corpus, progress=progress).scored
    assert scored is not None
    groups = {label: scored.of_label(label) for label in sorted(set(scored.labels))}
    parts = groups if per_type else {None: scored}
    return Thresholds(
        component=name,
        precision=precision,
        points={label: threshold_for(part, precision) for label, part in parts.items()},
        curve=tuple(curve(scored)),
    )
