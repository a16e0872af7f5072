"""Compare the runtimes of the encoder on a CPU: torch in fp32, and in bf16 if the processor has
it, and onnxruntime in fp32 and 8 bits. Measures words per second of CPU time from text to
entities, alternating on the same texts, and the entities in a whole corpus.

    python benchmarks/runtime.py training/conll2003-minilm-default-0/model-best corpus/conll2003/dev.spacy

writes benchmarks/results/runtime.json; with --suffix NAME, the result of another processor beside
it. One thread."""

import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import spacy
import torch
import typer
from machine import keep
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from spacy_transformer_ner.corpus.docbin import sentences_of
from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.encoder.precision import autocast_dtype
from spacy_transformer_ner.evaluation.counts import Counts, count
from spacy_transformer_ner.evaluation.reliability import entities_of

HAS_BF16 = autocast_dtype("auto", torch.device("cpu")) is not None
# What precision = "auto" selects.
DEFAULT = "torch, bf16" if HAS_BF16 else "torch, fp32"
WAYS = {
    "torch, fp32": {"runtime": "torch", "precision": "fp32"},
    **({"torch, bf16": {"runtime": "torch", "precision": "bf16"}} if HAS_BF16 else {}),
    "onnx": {"runtime": "onnx"},
    "onnx-int8": {"runtime": "onnx-int8"},
}

app = typer.Typer(add_completion=False)


def seconds(nlp: Language, texts: list[str], batch_size: int) -> float:
    """RETURNS (float): The CPU time of nlp.pipe in seconds, which excludes other work on the
    machine."""
    start = time.process_time()
    for doc in nlp.pipe(texts, batch_size=batch_size):
        doc.ents
    return time.process_time() - start


@app.command(help=__doc__)
def main(
    # fmt: off
    pipeline: Path = typer.Argument(..., help="Trained pipeline of this package"),
    corpus: Path = typer.Argument(..., help="Annotated .spacy file"),
    rounds: int = typer.Option(5, help="Number of rounds"),
    words: int = typer.Option(10000, help="Words per round"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    torch.set_num_threads(1)
    pipelines = {
        name: spacy.load(pipeline, config={"components": {"transformer": {"model": settings}}})
        for name, settings in WAYS.items()
    }
    references = annotated_docs(corpus, pipelines["onnx"].vocab)
    texts = [doc.text for doc in references]
    gold = [entities_of(doc) for doc in references]
    found, first = {}, {}
    for name, nlp in pipelines.items():
        first[name] = round(seconds(nlp, ["Oslo"], 1), 1)
        found[name] = [entities_of(doc) for doc in tqdm(nlp.pipe(texts), name, len(texts))]
    docs: list[Doc] = []
    for doc in references:
        if sum(map(len, docs)) < words:
            docs.append(doc)
    n_words = sum(map(len, docs))
    sentences = [sentence.text for doc in docs for sentence in sentences_of(doc)]
    kinds = {
        "documents": ([doc.text for doc in docs], 128),
        "sentences, one by one": (sentences, 1),
    }
    times: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in WAYS} for kind in kinds}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for kind, (some, batch_size) in kinds.items():
            for name, nlp in pipelines.items():
                took = seconds(nlp, some, batch_size)
                if number:  # the first warms up
                    times[kind][name].append(took)
    result = {
        "words": n_words,
        "rounds": rounds,
        "onnxruntime": version("onnxruntime"),
        "entities": sum(map(len, gold)),
        "words_per_second": {
            kind: {name: round(n_words / median(of)) for name, of in by_name.items()}
            for kind, by_name in times.items()
        },
        "over_default": {
            kind: {
                name: round(median(b / s for b, s in zip(by_name[DEFAULT], of)), 2)
                for name, of in by_name.items()
            }
            for kind, by_name in times.items()
        },
        "seconds_until_the_first_text": first,
        "f": {
            name: round(sum(count(zip(gold, ours)).values(), Counts(0, 0, 0)).f, 4)
            for name, ours in found.items()
        },
        "differing_from_fp32": {
            name: sum(len(a ^ b) for a, b in zip(ours, found["torch, fp32"]))
            for name, ours in found.items()
        },
    }
    keep("runtime", result, suffix=suffix)


if __name__ == "__main__":
    app()
