"""`spacy ner rank`."""

from itertools import chain
from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..corpus.sources import Source
from ..errors import InputError
from ._util import progress_bar


def rank_cli(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    inputs: list[Path] = typer.Argument(
        ..., metavar="INPUT...", help="Files with a text per line, or JSON records with a text"
    ),
    output: Path = typer.Argument(..., help="JSON Lines file to write"),
    n: Optional[int] = typer.Option(
        None, "--n", "-n", min=1, help="Number of texts to keep; all if not given"
    ),
    encoding: Optional[str] = typer.Option(
        None, "--encoding", "-e", help="Encoding of the files; detected if not given"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    """Rank unlabelled texts by model uncertainty.

    Writes JSON Lines for Prodigy and Doccano, the most uncertain texts first, with the
    entities that the pipeline finds.

    \b
    Example:
      python -m spacy ner rank en_ner_mine texts.txt ranked.jsonl -n 100
    """
    from ..annotation.rank import rank, read_texts
    from ..files import write_jsonl
    from ..loading import load_pipeline
    from ..training.preflight import check_gpu

    check_gpu(use_gpu)
    for path in inputs:
        if not path.is_file():
            raise InputError("no such file.", path=path)
    if output.exists() and output.suffix != ".jsonl":
        raise InputError("exists, and is not a .jsonl file. Name the output last.", path=output)
    if output.exists() and any(output.samefile(path) for path in inputs):
        raise InputError("is one of the inputs. Name another output.", path=output)
    nlp = load_pipeline(model)
    texts = chain.from_iterable(read_texts(Source.at(path), encoding) for path in inputs)
    records = rank(nlp, texts, n, progress_bar("texts"))
    write_jsonl(output, records)
    msg.good(f"{len(records):,} texts, the most uncertain first: {output}")
