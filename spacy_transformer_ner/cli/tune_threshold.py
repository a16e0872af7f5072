"""`spacy ner tune-threshold`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import CORPUS, GPU_ID, PIPELINE, progress_bar

SHOWN = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def tune_threshold_cli(
    model: str = PIPELINE,
    data_path: Path = CORPUS,
    precision: Optional[float] = typer.Option(
        None,
        "--precision",
        "-p",
        min=0.0,
        max=1.0,
        help="Lowest acceptable precision; 0.95 if nothing else is set",
    ),
    at_most_missed: Optional[float] = typer.Option(
        None,
        "--at-most-missed",
        help="Promise that at most this share of the entities is missing from the candidates",
    ),
    at_most_wrong: Optional[float] = typer.Option(
        None, "--at-most-wrong", help="Promise that at most this share of the entities is wrong"
    ),
    level: float = typer.Option(0.9, "--level", help="Probability with which a promise is kept"),
    per_type: bool = typer.Option(
        False, "--per-type", help="A threshold for each label instead of one for all"
    ),
    write: bool = typer.Option(
        False,
        "--write",
        help="Write the settings to the config of the pipeline, which must be a folder",
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file for the thresholds and the precision-recall curve"
    ),
    use_gpu: int = GPU_ID,
) -> None:
    """Find the score threshold for a precision, or for a promise.

    Entities with lower scores are dropped. Use development data. Also shows the recall.

    --at-most-wrong and --at-most-missed promise more than what holds on this data: for text like
    it, the threshold keeps the share with the probability --level. --at-most-missed sets the
    probability of candidates, the spans in doc.spans["transformer_ner_candidates"], because
    doc.ents cannot hold more than the best sequence of entities. A promise does not hold for
    other kinds of text: measure there first.

    \b
    Example:
      python -m spacy ner tune-threshold training/mine/model-best corpus/mine/dev.spacy --precision 0.9 --write
      python -m spacy ner tune-threshold training/mine/model-best corpus/mine/dev.spacy --at-most-missed 0.05
    """
    from ..evaluation.risk_control import MEANING
    from ..evaluation.thresholds import ALL, config_path, find_threshold, rounded
    from ..files import check_writable, write_json
    from ..gpu import check_gpu
    from ..loading import load_pipeline

    check_gpu(use_gpu)
    for option, value in (
        ("--at-most-missed", at_most_missed),
        ("--at-most-wrong", at_most_wrong),
        ("--level", level),
    ):
        if value is not None and not 0.0 < value < 1.0:
            raise typer.BadParameter(f"{value} is not between 0 and 1", param_hint=option)
    if write:
        config_path(model)
    if output is not None:
        check_writable(output)
    found = find_threshold(
        load_pipeline(model),
        data_path,
        precision=precision,
        at_most_missed=at_most_missed,
        at_most_wrong=at_most_wrong,
        level=level,
        per_type=per_type,
        progress=progress_bar("documents"),
    )
    rows = [(at, next((p for p in found.curve if p.threshold >= at), None)) for at in SHOWN]
    msg.table(
        [
            (f"{at:.2f}", f"{point.precision:.4f}", f"{point.recall:.4f}", f"{point.kept:,}")
            for at, point in rows
            if point is not None
        ],
        header=("threshold", "precision", "recall", "entities"),
        aligns=("r", "r", "r", "r"),
        divider=True,
    )
    for label, point in found.points.items():
        msg.good(
            f"{label or ALL}: threshold {rounded(point.threshold):.4f} gives precision "
            f"{point.precision:.4f} and recall {point.recall:.4f}"
        )
    if found.promise is not None:
        promise = found.promise
        settings = ", ".join(f"{k} = {v}" for k, v in found.settings().items() if v is not None)
        msg.good(
            f"{settings}: at most {promise.at_most:.1%} {MEANING[promise.risk]} in text like this, "
            f"at level {promise.level:g}"
        )
        msg.info(
            f"Here {promise.share:.1%}, and {promise.mean_share:.1%} in the mean over "
            f"{promise.documents:,} documents"
        )
    if write:
        msg.good(f"Set in {found.write(model)}")
    if output is not None:
        write_json(output, {"corpus": str(data_path), **found.to_dict()})
        msg.good(f"Figures: {output}")
