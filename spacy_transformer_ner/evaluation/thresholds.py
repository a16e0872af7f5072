"""Find the threshold for a given precision."""

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

ALL = "all"


@dataclass(frozen=True)
class Thresholds:
    """Thresholds found on a corpus.

    component (str): The name of the recogniser in the pipeline.
    precision (float): The minimum precision.
    points (Mapping[str | None, ThresholdPoint]): The threshold for each label, or under None for
        all labels together.
    curve (tuple[ThresholdPoint, ...]): Precision and recall of all labels at every distinct
        threshold.
    """

    component: str
    precision: float
    points: Mapping[str | None, ThresholdPoint]
    curve: tuple[ThresholdPoint, ...]

    def settings(self) -> dict[str, float | dict[str, float]]:
        """RETURNS (dict): The settings `threshold` and `label_thresholds` of the component,
        rounded down so that entities with exactly the threshold's score are kept."""
        rounded = {label: int(point.threshold * 1e4) / 1e4 for label, point in self.points.items()}
        if None in rounded:
            return {"threshold": rounded[None], "label_thresholds": {}}
        return {"label_thresholds": {str(label): value for label, value in rounded.items()}}

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
            "curve": [asdict(point) for point in self.curve],
        }


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
    precision: float = 0.95,
    per_type: bool = False,
    progress: Progress = no_progress,
) -> Thresholds:
    """Find the lowest threshold that gives a precision. The pipeline's own thresholds are
    ignored and not changed.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): Data that the pipeline was not trained on, see
        `reader.annotated_docs`.
    precision (float): The minimum precision, 0 to 1.
    per_type (bool): Whether to find one threshold per label instead of one for all.
    progress (Callable): Progress callback for the Docs.
    RETURNS (Thresholds): The thresholds.
    RAISES: InputError if no threshold gives the precision, the pipeline sets no scores, or
        the corpus cannot be read.
    """
    name, recogniser = find_recogniser(nlp)
    own = recogniser.threshold, recogniser.label_thresholds
    recogniser.threshold, recogniser.label_thresholds = 0.0, {}
    try:
        scored = evaluate(nlp, corpus, progress=progress).scored
    finally:
        recogniser.threshold, recogniser.label_thresholds = own
    if scored is None:
        raise InputError(
            f"the pipeline sets no scores: spans_key of {name} is null. Set it in the config, for "
            'example to "transformer_ner".'
        )
    groups = {label: scored.of_label(label) for label in sorted(set(scored.labels))}
    parts = groups if per_type else {None: scored}
    return Thresholds(
        component=name,
        precision=precision,
        points={label: threshold_for(part, precision) for label, part in parts.items()},
        curve=tuple(curve(scored)),
    )
