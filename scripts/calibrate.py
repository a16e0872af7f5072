"""Fit the scores of a pipeline's entities on development data, so that of those
with 0.9 nine in ten are right. Nothing else of the pipeline changes. Never fit on
the data that the pipeline is to be tested on, nor on its training data."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.calibrate import (
    NotCalibrated,
    calibrate,
    save_calibration,
)
from spacy_transformer_ner.files import check_writable, write_json
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.preflight import check_gpu

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: Path = typer.Argument(..., help="Folder of the pipeline"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file to fit on"),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file to write the figures to"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    optional: bool = typer.Option(
        False, "--optional", help="Warn instead of failing if there is too little to fit on"
    ),
    # fmt: on
) -> None:
    with clear_failure():
        check_gpu(use_gpu)
        if not model.is_dir():
            raise InputError("is not a pipeline directory.", path=model)
        if output is not None:
            check_writable(output)
        nlp = load_pipeline(str(model))
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
                for kind, r in (("before", before), ("after, other folds", after))
            ],
            header=("", "ECE", "Brier", "AURC", "mean score"),
            aligns=("l", *"rrrr"),
            divider=True,
        )


if __name__ == "__main__":
    app()
