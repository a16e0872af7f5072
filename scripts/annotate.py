"""Annotate a whole corpus: .txt, .jsonl, .csv, .tsv, .parquet and .spacy files of any
size, to shards with the entities of each text. Interrupted or killed, the same command
goes on where it was. Exits with 0 if all is well, 1 if it could not be done, and 3 if
it is done but some texts failed: OUTPUT/_errors says why."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Optional

import typer
from common import choices, clear_failure
from tqdm import tqdm
from wasabi import msg

from spacy_transformer_ner.annotation.annotate import SHARD_TEXTS, annotate
from spacy_transformer_ner.annotation.formats import Fields
from spacy_transformer_ner.annotation.local import run_here
from spacy_transformer_ner.annotation.manifest import Shard
from spacy_transformer_ner.annotation.outputs import SUFFIXES
from spacy_transformer_ner.annotation.ray_engine import RayEngine
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.preflight import check_gpu

OutputFormat = choices("OutputFormat", SUFFIXES)
Engine = choices("Engine", ("local", "ray"))
TextPer = choices("TextPer", ("line", "file"))
SOME_FAILED = 3
INTERRUPTED = 130

app = typer.Typer(add_completion=False)


def progress(shards: Iterable[Shard], about: object) -> Iterator[Shard]:
    """Show how much of the inputs is done, words a second, and the time left."""
    total, done = about
    if done:
        msg.info(f"Goes on after {done:,} bytes of the inputs")
    words, start = 0, time.perf_counter()
    with tqdm(total=total, initial=done, unit="B", unit_scale=True, disable=None) as bar:
        for shard in shards:
            words += shard.words
            bar.set_postfix_str(
                f"{words / (time.perf_counter() - start):,.0f} words/s", refresh=False
            )
            bar.update(shard.size)
            yield shard
    msg.info(f"{words / (time.perf_counter() - start):,.0f} words a second")


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    inputs: list[str] = typer.Argument(
        ..., metavar="INPUT...", help="Files, folders, and patterns like 'data/**/*.jsonl'"
    ),
    output: Path = typer.Argument(..., help="Folder to write"),
    format: OutputFormat = typer.Option("parquet", "--format", "-f", help="Format of the output"),
    text: str = typer.Option("text", "--text", help="Column or key of the text"),
    id: Optional[str] = typer.Option(
        None, "--id", help="Column or key of the text's id; file:row if not given"
    ),
    carry: list[str] = typer.Option(
        [], "--carry", help="Column or key to carry through; may be given several times"
    ),
    text_per: TextPer = typer.Option(
        "line", "--text-per", help="Whether a .txt file is a text a line, or one text"
    ),
    shard_texts: int = typer.Option(
        SHARD_TEXTS, "--shard-texts", min=1, help="Texts in a shard; fewer where they are long"
    ),
    use_gpu: int = typer.Option(
        -1, "--gpu-id", "-g", help="GPU ID or -1 for CPU; with Ray, 0 gives each worker a GPU"
    ),
    engine: Engine = typer.Option(
        "local", "--engine", help="Where the work is done: here, or by Ray"
    ),
    workers: int = typer.Option(
        1, "--workers", min=1, help="With Ray: how many pipelines work, a core or GPU each"
    ),
    ray_address: Optional[str] = typer.Option(
        None,
        "--ray-address",
        help="With Ray: address of a cluster, or 'auto'; one on this machine if not given",
    ),
    # fmt: on
) -> None:
    with clear_failure():
        by_ray = engine.value == "ray"
        if not by_ray:
            if workers > 1 or ray_address:
                raise InputError("--workers and --ray-address go with --engine ray.")
            check_gpu(use_gpu)
        done = RayEngine(workers, use_gpu >= 0, ray_address) if by_ray else run_here
        fields = Fields(text, id, tuple(carry), text_per.value)
        try:
            totals, worked = annotate(
                load_pipeline(model), inputs, output, done, fields=fields, format=format.value,
                shard_texts=shard_texts, progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            msg.warn(
                f"Interrupted. What is finished is kept, and the same command goes on: {output}"
            )
            raise SystemExit(INTERRUPTED) from None
    said = (
        f"{totals.texts:,} texts, {totals.words:,} words, {totals.entities:,} entities in "
        f"{totals.shards:,} shards: {output}"
    )
    msg.good(said if worked else f"Finished before: {said}")
    if totals.errors:
        msg.warn(f"{totals.errors:,} texts failed: {output / '_errors'}")
        raise SystemExit(SOME_FAILED)


if __name__ == "__main__":
    app()
