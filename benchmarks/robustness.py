"""Measure F1 on a corpus as it is and on perturbed copies: case, typos, OCR confusions,
punctuation, joined and split words, other names, and texts cut into sentences or joined.

    python benchmarks/robustness.py corpus/conll2003/dev.spacy training/conll2003-minilm-default-0/model-best

measures one or more pipelines and writes benchmarks/results/robustness-<corpus>-<split>.json. All
figures are on the corpus' tokens and sentences. Choose settings on dev, and measure on test
once."""

import random
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
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    models: list[Path] = typer.Argument(..., help="Names or paths of pipelines"),
    names: str = typer.Option("", help="Their names in the result, separated by commas"),
    only: str = typer.Option("", help="Variants to measure, separated by commas"),
    every: int = typer.Option(1, help="Measure on every n-th text only"),
    seed: int = typer.Option(0, help="Random seed"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    texts = [to_words(doc) for doc in annotated_docs(data_path, Vocab())][::every]
    wanted = list(filter(None, only.split(",")))
    found: dict[str, dict[str, float]] = {}
    titles = list(filter(None, names.split(","))) or [str(model) for model in models]
    for title, model in zip(titles, models, strict=True):
        nlp = load_pipeline(model)
        found[title] = {}
        for variant, changed in variants(texts, seed):
            if not wanted or variant in wanted:
                found[title][variant] = round(score(nlp, changed), 4)
                msg.text(f"{title}, {variant}: {found[title][variant]:.4f}")
    corpus, split = data_path.parent.name, data_path.stem
    result = {"corpus": f"{corpus} {split}", "texts": len(texts), "seed": seed, "f": found}
    keep(f"robustness-{corpus}-{split}", result, suffix=suffix)


if __name__ == "__main__":
    app()
