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
    precision: float = typer.Option(
        0.95, "--precision", "-p", min=0.0, max=1.0, help="Lowest acceptable precision"
    ),
    per_type: bool = typer.Option(
        False, "--per-type", help="A threshold for each label instead of one for all"
    ),
    write: bool = typer.Option(
        False,
        "--write",
        help="Write the thresholds to the config of the pipeline, which must be a folder",
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file for the thresholds and the precision-recall curve"
    ),
    use_gpu: int = GPU_ID,
) -> None:
    """Find the score threshold for a precision.

    Entities with lower scores are dropped. Use development data. Also shows the recall.

    \b
    Example:
      python -m spacy ner tune-threshold training/mine/model-best corpus/mine/dev.spacy --precision 0.9 --write
    """
    from ..evaluation.thresholds import ALL, config_path, find_threshold
    from ..files import check_writable, write_json
    from ..gpu import check_gpu
    from ..loading import load_pipeline

    check_gpu(use_gpu)
    if write:
        config_path(model)
    if output is not None:
        check_writable(output)
    found = find_threshold(
        load_pipeline(model),
        data_path,
        precision=precision,
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
            f"{label or ALL}: threshold {int(point.threshold * 1e4) / 1e4:.4f} gives precision "
            f"{point.precision:.4f} and recall {point.recall:.4f}"
        )
    if write:
        msg.good(f"Set in {found.write(model)}")
    if output is not None:
        write_json(output, {"corpus": str(data_path), **found.to_dict()})
        msg.good(f"Figures: {output}")
