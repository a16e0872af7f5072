"""Rank unlabelled texts by how much labelling them would teach: those first that
the pipeline is least sure of. Writes JSON Lines that Prodigy and Doccano read,
with the entities found so far."""

from itertools import chain
from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.annotation.rank import rank, read_texts
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.files import write_jsonl
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.preflight import check_gpu

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    inputs: list[Path] = typer.Argument(
        ..., metavar="INPUT...", help="Files with a text a line, or JSON records with a text"
    ),
    output: Path = typer.Argument(..., help="JSON Lines file to write"),
    n: Optional[int] = typer.Option(
        None, "--n", "-n", min=1, help="How many texts to keep; all if not given"
    ),
    encoding: Optional[str] = typer.Option(
        None, "--encoding", "-e", help="Encoding of the files; found if not given"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with clear_failure():
        check_gpu(use_gpu)
        for path in inputs:
            if not path.is_file():
                raise InputError("there is no such file.", path=path)
        if output.exists() and output.suffix != ".jsonl":
            raise InputError(
                "is there already, and no .jsonl file. Name the output last.", path=output
            )
        if output.exists() and any(output.samefile(path) for path in inputs):
            raise InputError("is one of the inputs. Name another output.", path=output)
        nlp = load_pipeline(model)
        texts = chain.from_iterable(read_texts(Source.at(path), encoding) for path in inputs)
        records = rank(nlp, texts, n, progress_bar("texts"))
        write_jsonl(output, records)
    msg.good(f"{len(records):,} texts, the least sure first: {output}")


if __name__ == "__main__":
    app()
