"""`spacy ner calibrate`."""

from pathlib import Path
from typing import Optional

import typer


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
    raise NotImplementedError
