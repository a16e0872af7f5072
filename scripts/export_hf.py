"""Make a checkpoint of transformers of a pipeline, for
AutoModelForTokenClassification and pipeline("token-classification")."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from transformers.utils import logging
from wasabi import msg

from spacy_transformer_ner.exchange.export_hf import export_pipeline
from spacy_transformer_ner.files import new_folder, write_json
from spacy_transformer_ner.loading import load_pipeline

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    output_dir: Path = typer.Argument(..., help="Folder for the checkpoint"),
    train: Optional[Path] = typer.Option(
        None,
        help="The training data, a .spacy file: to fit a new head where the pipeline has parts that transformers has not",
    ),
    dev: Optional[Path] = typer.Option(None, help="A .spacy file to measure the difference on"),
    # fmt: on
) -> None:
    logging.set_verbosity_error()
    with clear_failure(), new_folder(output_dir) as new:
        nlp = load_pipeline(model)
        exported = export_pipeline(nlp, new, train=train, dev=dev, progress=progress_bar("batches"))
        write_json(new / "export.json", {"pipeline": model, **exported.to_dict()})
    msg.good(f"Checkpoint: {output_dir}")
    if exported.is_exact:
        print("Its scores are the pipeline's own.")
    else:
        print(
            f"It lacks {', '.join(exported.lost) or 'tags of four kinds'}; its head was fitted on "
            f"{exported.fitted_on:,} tokens."
        )
    print("Legal entities only, texts of any length and calibrated scores stay with the pipeline.")
    if exported.pipeline_f is not None and exported.checkpoint_f is not None:
        print(
            f"F1 on {dev}: the pipeline {exported.pipeline_f:.4f}, the checkpoint "
            f"{exported.checkpoint_f:.4f} ({exported.checkpoint_f - exported.pipeline_f:+.4f})."
        )


if __name__ == "__main__":
    app()
