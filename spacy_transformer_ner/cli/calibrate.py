"""`spacy ner calibrate`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import CORPUS, GPU_ID, progress_bar


def calibrate_cli(
    model: Path = typer.Argument(..., help="Folder of the pipeline"),
    data_path: Path = CORPUS,
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the metrics"),
    use_gpu: int = GPU_ID,
    optional: bool = typer.Option(
        False, "--optional", help="Only warn if there is too little data"
    ),
) -> None:
    """Calibrate the scores of a pipeline's entities.

    Fits the scores on development data and its copy in lower case, so that nine in ten entities
    with a score of 0.9 are right. Nothing else in the pipeline changes. Use neither its training data nor the test data.
    `train` already does this when the training ends.

    \b
    Example:
      python -m spacy ner calibrate training/mine/model-best corpus/mine/dev.spacy
    """
    from ..errors import InputError
    from ..evaluation.calibrate import calibrate, save_calibration
    from ..evaluation.gathered import NotCalibrated
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
