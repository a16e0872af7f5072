"""`spacy ner tune-threshold`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import progress_bar

SHOWN = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def tune_threshold_cli(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(
        ..., help="Annotated corpus: a .spacy file, or any format that convert reads"
    ),
    precision: float = typer.Option(
        0.95, "--precision", "-p", min=0.0, max=1.0, help="The precision that is wanted"
    ),
    per_type: bool = typer.Option(
        False, "--per-type", help="A threshold for each label instead of one for all"
    ),
    write: bool = typer.Option(
        False,
        "--write",
        help="Set the thresholds in the config of the pipeline, which has to be a directory",
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file for the thresholds and the whole curve"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    """Find the threshold that gives a precision.

    Uses development data, and shows the recall that the threshold leaves.

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
