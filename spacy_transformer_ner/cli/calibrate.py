"""`spacy ner calibrate`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import progress_bar


def calibrate_cli(
    # fmt: off
    model: Path = typer.Argument(..., help="Directory of the pipeline"),
    data_path: Path = typer.Argument(
        ..., help="Annotated corpus to fit on: a .spacy file, or any format that convert reads"
    ),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the figures"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    optional: bool = typer.Option(
        False, "--optional", help="Warn instead of failing if there is too little to fit on"
    ),
    # fmt: on
) -> None:
    """Calibrate the scores of a pipeline's entities.

    Fits them on development data, so that of the entities with a score of 0.9 nine in ten are
    right. Nothing else of the pipeline changes. Never fit on the data that the pipeline is tested
    on, nor on its training data. `train` does this by itself at its end.

    \b
    Example:
      python -m spacy ner calibrate training/mine/model-best corpus/mine/dev.spacy
    """
    from ..errors import InputError
    from ..evaluation.calibrate import NotCalibrated, calibrate, save_calibration
    from ..files import check_writable, write_json
    from ..gpu import check_gpu
    from ..loading import load_pipeline

    check_gpu(use_gpu)
    if not model.is_dir():
        raise InputError("is not a pipeline directory.", path=model)
    if output is not None:
        check_writable(output)
    nlp = load_pipeline(model)
    try:
        fitted = calibrate(nlp, data_path, progress=progress_bar("documents"))
    except NotCalibrated as error:
        if not optional:
            raise
        msg.warn(f"The scores are not calibrated: {error}")
        if output is not None:
            write_json(output, {"corpus": str(data_path), "calibration": None})
        return
    if output is not None:
        write_json(output, fitted.to_dict())
        msg.good(f"Figures: {output}")
    save_calibration(nlp, model)
    before, after = fitted.before, fitted.after
    msg.good(
        f"Calibrated on {before.entities:,} entities, {before.precision:.1%} of which are right"
    )
    msg.table(
        [
            (kind, f"{r.ece:.4f}", f"{r.brier:.4f}", f"{r.aurc:.4f}", f"{r.mean_score:.4f}")
            for kind, r in (("before", before), ("after, cross-validated", after))
        ],
        header=("", "ECE", "Brier", "AURC", "mean score"),
        aligns=("l", *"rrrr"),
        divider=True,
    )
