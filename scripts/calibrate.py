"""Fit the scores of a pipeline's entities on development data, so that of those
with 0.9 nine in ten are right. Nothing else of the pipeline changes. Never fit on
the data that the pipeline is to be tested on, nor on its training data."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.calibrate import cross_validated, fit, gather
from spacy_transformer_ner.evaluation.reliability import find_recogniser, reliability
from spacy_transformer_ner.files import write_json
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
            raise InputError("is no folder of a pipeline.", path=model)
        nlp = load_pipeline(str(model))
        name, recogniser = find_recogniser(nlp)
        try:
            gathered = gather(nlp, data_path, progress_bar("documents"))
            calibration = fit(
                gathered.features, gathered.right, gathered.usual_entropy, str(data_path)
            )
            scored = cross_validated(gathered)
            before, after = (
                reliability(s, scored.right) for s in (scored.marginals, scored.scores)
            )
            if after.brier > before.brier and after.ece > before.ece:
                raise InputError(
                    f"the scores of {before.entities} entities, {before.entities - sum(scored.right)} "
                    f"of them wrong, would be worse for it (Brier score {before.brier:.4f}, then "
                    f"{after.brier:.4f}). Give more text."
                )
        except InputError as error:
            if not optional:
                raise
            msg.warn(f"The scores are not calibrated: {error}")
            if output is not None:
                write_json(output, {"corpus": str(data_path), "calibration": None})
            return
        if output is not None:
            figures = {"corpus": str(data_path), "calibration": calibration.to_dict()}
            write_json(output, {**figures, "cross_validated": scored.to_dict()})
            msg.good(f"Figures: {output}")
        recogniser.calibration = calibration
        # The one file of the pipeline that changes.
        write_json(model / name / "cfg", recogniser.cfg)
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
