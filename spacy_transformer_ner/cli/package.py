"""`spacy ner package`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg


def package_cli(
    input_dir: Path = typer.Argument(..., help="Folder of the trained pipeline"),
    output_dir: Path = typer.Argument(..., help="Folder for the wheels"),
    name: str = typer.Option(
        ..., "--name", "-n", help="Name of the pipeline, without the language"
    ),
    version: str = typer.Option("0.1.0", "--version", "-v", help="Version of the pipeline"),
    dataset: str = typer.Option(
        "unknown", "--dataset", help="Name of the training data, for the model card"
    ),
    encoder: str = typer.Option(
        "",
        "--encoder",
        help="Encoder it was trained from, for the model card; read from its config if not given",
    ),
    author: str = typer.Option("", "--author", help="Author, for the model card"),
    license: str = typer.Option("", "--license", help="License, for the model card"),
    metrics: Optional[Path] = typer.Option(
        None,
        "--metrics",
        help="JSON file written by the evaluate command, for the metrics on the model card",
    ),
    history: Optional[Path] = typer.Option(
        None,
        "--history",
        help="JSON Lines file written by the train command, for training time and hardware",
    ),
    corpus: Optional[Path] = typer.Option(
        None, "--corpus", help="JSON file written by the convert command, for the size of the data"
    ),
    manifest: Optional[Path] = typer.Option(
        None, "--manifest", help="JSON file that lists the wheels, for verify and push"
    ),
) -> None:
    """Build the wheel of a trained pipeline.

    The wheel includes the weights. Also builds the wheel of spacy-transformer-ner, which the
    pipeline requires.

    \b
    Example:
      python -m spacy ner package training/mine/model-best packages --name ner_mine --metrics metrics.json
    """
    from ..exchange.card import CommandRecords
    from ..exchange.package import package
    from ..files import read_json, read_jsonl

    msg.info("Building wheels")
    packaged = package(
        input_dir,
        output_dir,
        name=name,
        version=version,
        dataset=dataset,
        encoder=encoder,
        author=author,
        license=license,
        records=CommandRecords(
            metrics=None if metrics is None else read_json(metrics, "evaluate"),
            history=() if history is None else read_jsonl(history, "train"),
            corpus=None if corpus is None else read_json(corpus, "convert"),
        ),
        manifest=manifest,
    )
    for wheel in packaged.wheels:
        msg.good(f"{output_dir / wheel}")
    requirement = f"{packaged.pipeline}=={packaged.version}"
    print(f"Install it: pip install --find-links {output_dir} {requirement}")
    print(f'Load it:    spacy.load("{packaged.pipeline}")')
