"""Measure F1 on a corpus as it is and on perturbed copies: case, typos, OCR confusions,
punctuation, joined and split words, other names, and texts cut into sentences or joined.

    python benchmarks/robustness.py training/conll2003-minilm-default/model-best corpus/conll2003/dev.spacy

writes benchmarks/results/robustness-<name>.json. All figures are on the corpus' tokens and
sentences. Choose settings on dev, and measure on test once."""

import random
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import typer
from machine import keep
from perturbations import PERTURBATIONS, Word, alone, swap_names, to_doc, to_words
from spacy.language import Language
from spacy.vocab import Vocab
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import unannotated
from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.loading import load_pipeline

# spaCy's limit of a text is in characters.
TOGETHER = 100_000

app = typer.Typer(add_completion=False)


def score(nlp: Language, texts: Iterable[Sequence[Word]]) -> float:
    """nlp (Language): The pipeline.
    texts (Iterable[Sequence[Word]]): Annotated texts.
    RETURNS (float): F1 on their tokens."""
    gold = [to_doc(words, nlp.vocab) for words in texts if len(words)]
    right = total = 0
    copies = (unannotated(doc, nlp.vocab, sentences=True) for doc in gold)
    for doc, found in zip(gold, nlp.pipe(copies)):
        spans = [{(e.start, e.end, e.label_) for e in each.ents} for each in (doc, found)]
        right += len(spans[0] & spans[1])
        total += sum(map(len, spans))
    return 2 * right / max(1, total)


def variants(texts: list[list[Word]], seed: int) -> Iterable[tuple[str, list[list[Word]]]]:
    """texts (list[list[Word]]): Annotated texts.
    seed (int): The random seed.
    YIELDS (tuple[str, list[list[Word]]]): The name and the texts of each variant."""
    yield "as it is", texts
    for name, perturb in {**PERTURBATIONS, "other names": swap_names(texts)}.items():
        yield name, [perturb(words, random.Random(f"{seed} {i}")) for i, words in enumerate(texts)]
    yield "sentences alone", [sentence for words in texts for sentence in alone(words)]
    words = list(chain.from_iterable(texts))
    yield "as one document", [words[at : at + TOGETHER] for at in range(0, len(words), TOGETHER)]


@app.command(help=__doc__)
def main(
    # fmt: off
    model: Path = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    name: str = typer.Option("", help="Name of the result; by default, of corpus and split"),
    only: str = typer.Option("", help="Variants to measure, separated by commas"),
    limit: int = typer.Option(0, help="Number of texts; 0 for all"),
    seed: int = typer.Option(0, help="Random seed"),
    # fmt: on
) -> None:
    nlp = load_pipeline(model)
    docs = annotated_docs(data_path, Vocab())
    texts = [to_words(doc) for doc in docs[: limit or None]]
    wanted = list(filter(None, only.split(",")))
    found = {}
    for variant, changed in variants(texts, seed):
        if wanted and variant not in wanted:
            continue
        start = time.perf_counter()
        found[variant] = round(score(nlp, changed), 4)
        seconds = time.perf_counter() - start
        msg.text(f"{variant:<16} {found[variant]:.4f}  {seconds:5.0f} s")
    result = {
        "corpus": f"{data_path.parent.name} {data_path.stem}",
        "texts": len(texts),
        "f": found,
    }
    keep(f"robustness-{name or result['corpus'].replace(' ', '-')}", result)


if __name__ == "__main__":
    app()
