"""Measure the time and memory of an evaluation of a million tokens, with all figures.

    python benchmarks/evaluation.py training/sample-minilm-default-0/model-best corpus/sample/train.spacy

writes benchmarks/results/evaluation.json. The texts of the corpus are repeated."""

import tempfile
from pathlib import Path

import srsly
import typer
from machine import ROOT, keep, run
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_transformer_ner.corpus.reader import annotated_docs

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: Path = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    tokens: int = typer.Option(1_000_000, help="Number of tokens"),
    # fmt: on
) -> None:
    docs = annotated_docs(data_path, Vocab())
    n_tokens, n = sum(map(len, docs)), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = DocBin(store_user_data=True)
        while n < tokens:
            for doc in docs:
                many.add(doc)
            n += n_tokens
        many.to_disk(folder / "many.spacy")
        seconds, mebibytes = run(
            ROOT / "scripts" / "evaluate.py", model.resolve(), folder / "many.spacy",
            "--output", folder / "metrics.json", "--errors", folder / "errors.jsonl",
            "--train", folder / "many.spacy", quiet=True,
        )  # fmt: skip
        metrics = srsly.read_json(folder / "metrics.json")
        page_seconds, _ = run(
            ROOT / "scripts" / "report.py", folder / "metrics.json", folder / "index.html",
            "--errors", folder / "errors.jsonl", quiet=True,
        )  # fmt: skip
        page = (folder / "index.html").stat().st_size
    piped = sum(metrics[name]["seconds"] for name in ("text", "gold"))
    keep(
        "evaluation",
        {
            "tokens": n,
            "documents": metrics["text"]["documents"],
            "entities": metrics["text"]["entities"]["tp"] + metrics["text"]["entities"]["fn"],
            "seconds": round(seconds, 1),
            # Raw text and gold tokens are two runs of the pipeline.
            "seconds_of_the_pipeline": round(piped, 1),
            "peak_memory_mib": round(mebibytes),
            "report_seconds": round(page_seconds, 1),
            "report_kib": page >> 10,
        },
    )


if __name__ == "__main__":
    app()
