"""Measure latency: from loading to the first entity, and for each text after it.

    python benchmarks/latency.py training/sample-minilm-default-0/model-best corpus/sample/test.spacy

writes benchmarks/results/latency.json. With --peer, transformers' pipeline is measured with a
token classifier, alternating."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import srsly
import typer
from machine import ROOT, keep
from spacy.training import Corpus
from tqdm import trange

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(
        ..., help="Location of the .spacy file; its sentences are the texts"
    ),
    peer: Optional[Path] = typer.Option(None, help="Folder of a token classifier for transformers"),
    texts: int = typer.Option(500, help="Number of texts"),
    rounds: int = typer.Option(5, help="Number of processes per system"),
    # fmt: on
) -> None:
    import spacy

    references = Corpus(data_path)(spacy.blank("en"))
    sentences = [sent.text for example in references for sent in example.reference.sents]
    sentences = (sentences * (texts // len(sentences) + 1))[:texts]
    systems = {"ours": model, **({"transformers": str(peer)} if peer else {})}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in systems}
    for _ in trange(rounds, desc="rounds"):
        for name, of in systems.items():
            done = subprocess.run(
                [sys.executable, __file__, "--child", name, of],
                input=srsly.json_dumps(sentences), stdout=subprocess.PIPE, cwd=ROOT, text=True,
                check=True,
            )  # fmt: skip
            found[name].append(srsly.json_loads(done.stdout.splitlines()[-1]))
    result: dict[str, Any] = {
        "texts": texts,
        "words": sum(len(text.split()) for text in sentences),
        "rounds": rounds,
        "seconds": {
            name: {
                figure: round(statistics.median(row[figure] for row in rows), 4)
                for figure in rows[0]
            }
            for name, rows in found.items()
        },
    }
    if peer:
        ours, theirs = (result["seconds"][name] for name in ("ours", "transformers"))
        result["times_as_fast"] = {name: round(theirs[name] / ours[name], 2) for name in ours}
    keep("latency", result)


def child(name: str, model: str) -> None:
    """Measure one system in its own process."""
    texts = srsly.json_loads(sys.stdin.read())
    start = time.perf_counter()
    find = _ours(model) if name == "ours" else _transformers(model)
    loaded = time.perf_counter()
    find(texts[0])
    first = time.perf_counter()
    seconds = []
    for text in texts:
        begin = time.perf_counter()
        find(text)
        seconds.append(time.perf_counter() - begin)
    parts = statistics.quantiles(seconds, n=100)
    figures = {"load": loaded - start, "to_first_entity": first - start}
    print(srsly.json_dumps({**figures, "p50": parts[49], "p99": parts[98]}))


def _ours(model: str) -> Callable[[str], Any]:
    import spacy

    return spacy.load(model)


def _transformers(model: str) -> Callable[[str], Any]:
    from transformers import pipeline

    return pipeline("token-classification", model, aggregation_strategy="first", device="cpu")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        app()
