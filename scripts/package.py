"""Build the wheel of a trained pipeline, weights inside, and beside it the wheel
of the component package that it requires."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.exchange.card import Card, Made
from spacy_transformer_ner.exchange.package import package
from spacy_transformer_ner.files import read_json, read_jsonl

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    input_dir: Path = typer.Argument(..., help="Folder of the trained pipeline"),
    output_dir: Path = typer.Argument(..., help="Folder for the wheels"),
    name: str = typer.Option(
        ..., "--name", "-n", help="Name of the pipeline, without the language"
    ),
    version: str = typer.Option("0.1.0", "--version", "-v", help="Version of the pipeline"),
    dataset: str = typer.Option("unknown", help="What it was trained on, for its card"),
    encoder: str = typer.Option(
        "", help="What it was trained from, for its card; what its config says if not given"
    ),
    author: str = typer.Option("", help="Author, for its card"),
    license: str = typer.Option("", help="Licence, for its card"),
    metrics: Optional[Path] = typer.Option(
        None, help="JSON file of the evaluate command, for its scores"
    ),
    history: Optional[Path] = typer.Option(
        None, help="JSON Lines file of the train command, for what training took"
    ),
    corpus: Optional[Path] = typer.Option(
        None, help="JSON file of the convert command, for what the data is"
    ),
    manifest: Optional[Path] = typer.Option(None, help="JSON file to write what was built to"),
    # fmt: on
) -> None:
    msg.info("Building wheels")
    with clear_failure():
        packaged = package(
            input_dir,
            output_dir,
            Card(name, version, dataset, encoder, author, license),
            made=Made(
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


if __name__ == "__main__":
    app()
