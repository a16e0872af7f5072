"""Thresholds for a precision that is wanted."""

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
from .reliability import Operating, curve, find_recogniser, threshold_for

ALL = "all"


@dataclass(frozen=True)
class Thresholds:
    """Thresholds found on a corpus.

    component (str): The name of the recogniser in the pipeline.
    precision (float): The precision that was wanted.
    points (Mapping[str | None, Operating]): What gives it: for each label, or under None
        for all labels together.
    curve (tuple[Operating, ...]): Precision and recall at every threshold that makes a
        difference, of all labels.
    """

    component: str
    precision: float
    points: Mapping[str | None, Operating]
    curve: tuple[Operating, ...]

    def settings(self) -> dict[str, float | dict[str, float]]:
        """RETURNS (dict): The settings `threshold` and `label_thresholds` of the component.
        They are rounded down, so that the entity that a threshold was found by is kept."""
        rounded = {label: int(point.threshold * 1e4) / 1e4 for label, point in self.points.items()}
        overall = rounded.pop(None, None)
        if overall is None:
            return {"label_thresholds": rounded}
        return {"threshold": overall, "label_thresholds": {}}

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
        """RETURNS (dict): All of it, for JSON."""
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
        raise InputError("is not a pipeline directory, so nothing can be set in it.", path=pipeline)
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
    not applied, and stay as they are.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): Data that it was not trained on, see
        `reader.annotated_docs`.
    precision (float): The precision that is wanted, 0 to 1.
    per_type (bool): Whether to find a threshold for each label instead of one for all.
    progress (Callable): Wraps the stream of Docs, whose number it is given.
    RETURNS (Thresholds): What was found.
    RAISES: InputError if no threshold gives the precision, the pipeline gives no scores, or
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
        raise InputError(f"the pipeline gives no scores: spans_key of {name} is null.")
    groups = {label: scored.of_label(label) for label in sorted(set(scored.labels))}
    parts = groups if per_type else {None: scored}
    return Thresholds(
        component=name,
        precision=precision,
        points={label: threshold_for(part, precision) for label, part in parts.items()},
        curve=tuple(curve(scored)),
    )
