"""`spacy ner annotate`."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional, cast

import typer
from wasabi import msg

from ..annotation.annotate import annotate
from ..annotation.formats import Fields
from ..annotation.manifest import Shard
from ..annotation.outputs import SUFFIXES
from ..errors import InputError
from ..progress import in_words
from ._util import PIPELINE, choices

OutputFormat: Any = choices("OutputFormat", SUFFIXES)
EngineName: Any = choices("EngineName", ("local", "ray"))
TextPer: Any = choices("TextPer", ("line", "file"))
SOME_FAILED = 3
INTERRUPTED = 130
BAR = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} shards done, {remaining} left{postfix}"


def annotate_cli(
    model: str = PIPELINE,
    inputs: list[str] = typer.Argument(
        ..., metavar="INPUT...", help="Files, folders, and patterns like 'data/**/*.jsonl'"
    ),
    output: Path = typer.Argument(..., help="Folder to write"),
    format: OutputFormat = typer.Option("parquet", "--format", "-f", help="Format of the output"),
    text: str = typer.Option("text", "--text", help="Column or key of the text"),
    id: Optional[str] = typer.Option(
        None, "--id", help="Column or key of the text's ID; the ID is file:row if not given"
    ),
    carry: list[str] = typer.Option(
        [], "--carry", help="Column or key to copy to the output; can be repeated"
    ),
    text_per: TextPer = typer.Option(
        "line", "--text-per", help="Whether a .txt file has one text per line, or is one text"
    ),
    shard_texts: Optional[int] = typer.Option(
        None,
        "--shard-texts",
        min=1,
        help="Texts per shard, fewer if they are long; 5,000, and fewer for small inputs, if not given",
    ),
    use_gpu: int = typer.Option(
        -1, "--gpu-id", "-g", help="GPU ID or -1 for CPU; with Ray, 0 gives each worker a GPU"
    ),
    engine: EngineName = typer.Option(
        "local", "--engine", help="Run on this machine, or on a Ray cluster"
    ),
    workers: int = typer.Option(
        1,
        "--workers",
        min=1,
        help="With Ray: number of workers, each with a pipeline and a core or GPU",
    ),
    ray_address: Optional[str] = typer.Option(
        None,
        "--ray-address",
        help="With Ray: address of a cluster, or 'auto'; one on this machine if not given",
    ),
) -> None:
    """Annotate large collections of texts.

    Reads .txt, .jsonl, .json, .csv, .tsv, .parquet and .spacy files, and writes the entities of
    each text to numbered files (shards). Rerun the same command to resume after an interruption.
    Exit codes: 0 for success, 1 for an error, 3 if some texts failed (OUTPUT/_errors says why).

    \b
    Example:
      python -m spacy ner annotate en_ner_mine 'archive/**/*.jsonl' annotated --id doc_id
    """
    from ..annotation.local import run_here
    from ..annotation.ray_engine import RayEngine
    from ..gpu import check_gpu
    from ..loading import load_pipeline

    by_ray = engine.value == "ray"
    if not by_ray:
        if workers > 1 or ray_address:
            raise InputError("--workers and --ray-address need --engine ray.")
        check_gpu(use_gpu)
    try:
        totals, worked = annotate(
            load_pipeline(model),
            inputs,
            output,
            RayEngine(workers, use_gpu >= 0, ray_address) if by_ray else run_here,
            fields=Fields(text, id, tuple(carry), text_per.value),
            format=format.value,
            shard_texts=shard_texts,
            progress=_progress,
        )
    except KeyboardInterrupt:
        msg.warn(f"Interrupted. Rerun the same command to resume. Finished shards are in {output}")
        raise SystemExit(INTERRUPTED) from None
    summary = (
        f"{totals.texts:,} texts, {totals.words:,} words, {totals.entities:,} entities in "
        f"{totals.shards:,} shards: {output}"
    )
    msg.good(summary if worked else f"Already finished: {summary}")
    if totals.errors:
        msg.warn(f"{totals.errors:,} texts failed: {output / '_errors'}")
        raise SystemExit(SOME_FAILED)


def _progress(shards: Iterable[Shard], about: object) -> Iterator[Shard]:
    """Show the finished shards, words per second and the time left: a progress bar in a terminal,
    else a line per shard."""
    from tqdm import tqdm

    total, done = cast("tuple[int, int]", about)
    if done:
        msg.info(f"Resuming: {done:,} of {total:,} shards are already done")
    words, start = 0, time.perf_counter()
    with tqdm(total=total, initial=done, bar_format=BAR, disable=None) as bar:
        for number, shard in enumerate(shards, start=1):
            words += shard.words
            seconds = time.perf_counter() - start
            speed = f"{words / seconds:,.0f} words/s"
            if bar.disable:
                left = in_words(seconds / number * (total - done - number))
                print(
                    f"{done + number:,} of {total:,} shards done, {speed}, {left} left", flush=True
                )
            bar.set_postfix_str(speed, refresh=False)
            bar.update()
            yield shard
