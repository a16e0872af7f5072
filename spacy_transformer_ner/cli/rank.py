"""`spacy ner rank`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..errors import InputError
from ._util import GPU_ID, PIPELINE, progress_bar


def rank_cli(
    model: str = PIPELINE,
    inputs: list[Path] = typer.Argument(
        ...,
        metavar="INPUT...",
        help="Files, folders and patterns, as for annotate; files with other suffixes have JSON records or one text per line",
    ),
    output: Path = typer.Argument(..., help="JSON Lines file to write"),
    n: Optional[int] = typer.Option(
        None, "--n", "-n", min=1, help="Number of texts to keep; all if not given"
    ),
    encoding: Optional[str] = typer.Option(
        None, "--encoding", "-e", help="Encoding of the files; detected if not given"
    ),
    use_gpu: int = GPU_ID,
) -> None:
    """Rank unlabelled texts by model uncertainty.

    Writes JSON Lines for Prodigy and Doccano, the most uncertain texts first, with the
    entities that the pipeline finds.

    \b
    Example:
      python -m spacy ner rank en_ner_mine texts.txt ranked.jsonl -n 100
    """
    from ..annotation.inputs import find_files
    from ..annotation.rank import rank, read_texts
    from ..files import check_writable, write_jsonl
    from ..gpu import check_gpu

    check_gpu(use_gpu)
    files = find_files(map(str, inputs), any_kind=True)
    if output.exists() and output.suffix != ".jsonl":
        raise InputError(
            "already exists and is not a .jsonl file. The output is the last argument.",
            path=output,
        )
    if output.exists() and any(output.samefile(file.path) for file in files):
        raise InputError("is one of the inputs. Choose another output file.", path=output)
    # The output has at least the size of the ranked texts.
    check_writable(output, 0 if n else sum(file.size for file in files))
    texts = read_texts(inputs, encoding=encoding)
    records = rank(model, texts, n, progress=progress_bar("texts"))
    write_jsonl(output, records)
    msg.good(f"{len(records):,} texts, the most uncertain first: {output}")
