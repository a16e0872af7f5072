"""`spacy ner export-hf`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import PIPELINE, progress_bar


def export_hf_cli(
    model: str = PIPELINE,
    output_dir: Path = typer.Argument(..., help="Folder for the checkpoint"),
    train: Optional[Path] = typer.Option(
        None,
        "--train",
        help="Training data, to refit the head if the pipeline has parts that transformers lacks",
    ),
    dev: Optional[Path] = typer.Option(
        None, "--dev", help="Annotated data, to measure the difference in F1"
    ),
) -> None:
    """Export a pipeline as a transformers checkpoint.

    It works with AutoModelForTokenClassification and pipeline("token-classification").

    \b
    Example:
      python -m spacy ner export-hf en_ner_mine checkpoint --train corpus/mine/train.spacy --dev corpus/mine/dev.spacy
    """
    from transformers.utils import logging

    from ..exchange.export_hf import export_pipeline

    logging.set_verbosity_error()
    exported = export_pipeline(
        model, output_dir, train=train, dev=dev, progress=progress_bar("batches")
    )
    msg.good(f"Checkpoint: {output_dir}")
    if exported.is_exact:
        print("Its scores are the same as the pipeline's.")
    else:
        print(
            f"transformers has no {', '.join(exported.lost) or 'BILUO tags'}, so the head was "
            f"refitted on {exported.fitted_on:,} tokens."
        )
    print("The checkpoint lacks the decoder, windows for long texts, and calibrated scores.")
    if exported.pipeline_f is not None and exported.checkpoint_f is not None:
        print(
            f"F1 on {dev}: the pipeline {exported.pipeline_f:.4f}, the checkpoint "
            f"{exported.checkpoint_f:.4f} ({exported.checkpoint_f - exported.pipeline_f:+.4f})."
        )
