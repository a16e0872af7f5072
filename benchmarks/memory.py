"""Measure the memory of nlp.pipe over many texts, which must not grow.

    python benchmarks/memory.py training/conll2003-minilm-default-0/model-best corpus/conll2003/test.spacy

writes benchmarks/results/memory.json. The texts are random sentences of the corpus."""

import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import spacy
import typer
from machine import growth, keep
from spacy.training import Corpus
from tqdm import tqdm

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    docs: int = typer.Option(100_000, help="Number of texts"),
    points: int = typer.Option(20, help="Number of measurements"),
    # fmt: on
) -> None:
    nlp = spacy.load(model)
    references = [example.reference for example in Corpus(data_path)(nlp)]
    texts = [sentence.text for doc in references for sentence in doc.sents]
    generator = random.Random(0)

    def stream() -> Iterator[str]:
        for _ in range(docs):
            yield generator.choice(texts)

    process, mebibytes, n_words = psutil.Process(), [], 0
    for number, doc in enumerate(tqdm(nlp.pipe(stream()), total=docs), start=1):
        n_words += len(doc)
        if number % (docs // points) == 0:
            mebibytes.append(round(process.memory_info().rss / 2**20))
    result = {
        "docs": docs,
        "words": n_words,
        "mebibytes": mebibytes,
        "growth": growth(mebibytes),
    }
    keep("memory", result)


if __name__ == "__main__":
    app()
