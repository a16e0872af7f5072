"""Measure words per second from text to entities: the medians of several rounds, in which all
systems alternate on the same texts."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Optional

import numpy
import spacy
import torch
import typer
from common import read_docs
from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, pipeline
from transformers.utils import logging as transformers_logging

from spacy_transformer_ner.corpus.docbin import sentences_of, unannotated
from spacy_transformer_ner.encoder.precision import autocast_dtype
from spacy_transformer_ner.files import write_json

Rounds = dict[str, list[float]]

# A round of CPU work is short, so more rounds are needed.
HOST_ROUNDS = 8

app = typer.Typer(add_completion=False)


def hugging_face(folder: Path, texts: list[str], dtype: torch.dtype, gpu_id: int) -> Callable:
    """transformers' pipeline, on sentences: it truncates longer texts."""
    classify = pipeline(
        "token-classification",
        model=str(folder),
        aggregation_strategy="first",
        device=gpu_id if gpu_id >= 0 else "cpu",
        torch_dtype=dtype,
        batch_size=16,
    )
    return lambda: classify(texts)


def spacy_pipeline(nlp: Language, texts: list[str]) -> Callable:
    """nlp.pipe, without keeping the Docs."""

    def run() -> None:
        for doc in nlp.pipe(texts):
            doc.ents

    return run


def bare_encoder(
    folder: Path, sentences: list[list[str]], dtype: torch.dtype, gpu_id: int
) -> Callable:
    """The upper limit: the encoder alone, on prepared wordpieces, in batches of sentences of
    similar length."""
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, add_prefix_space=True)
    device = torch.device("cuda", gpu_id) if gpu_id >= 0 else torch.device("cpu")
    encoder = AutoModel.from_pretrained(folder, torch_dtype=dtype).to(device).eval()
    if hasattr(encoder, "pooler"):
        encoder.pooler = None  # not used for tokens
    ids = [
        tokenizer(words, is_split_into_words=True, truncation=True).input_ids for words in sentences
    ]
    ids.sort(key=len)
    batches, start = [], 0
    most = 16384 if gpu_id >= 0 else 1024
    while start < len(ids):
        end = start + 1
        while end < len(ids) and len(ids[end]) * (end + 1 - start) <= most:
            end += 1
        batches.append(tokenizer.pad({"input_ids": ids[start:end]}, return_tensors="pt").to(device))
        start = end

    def run() -> None:
        with torch.inference_mode():
            for batch in batches:
                encoder(**batch)
        if gpu_id >= 0:
            torch.cuda.synchronize()

    return run


class Replay(torch.nn.Module):
    """Replaces an encoder and replays its outputs for the same batches, to measure all work
    except the encoder's."""

    def __init__(self, encoder: torch.nn.Module):
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.outputs: list = []
        self.next: Optional[int] = None

    def __deepcopy__(self, memo: dict) -> "Replay":
        return self

    @property
    def device(self) -> torch.device:
        return self.encoder.device

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.encoder.get_input_embeddings()

    @property
    def embeddings(self) -> torch.nn.Module:
        return self.encoder.embeddings

    def forward(self, *args, **kwargs):
        if self.next is None:
            self.outputs.append(self.encoder(*args, **kwargs))
            return self.outputs[-1]
        self.next += 1
        return self.outputs[(self.next - 1) % len(self.outputs)]


def host(path: Path, docs: list[Doc], rounds: int) -> float:
    """RETURNS (float): Words per second of CPU time from tokenized Docs to entities, with the
    encoder's outputs replayed: the work of the host if the encoder runs on a GPU."""
    nlp = spacy.load(path)
    shim = next(node for node in nlp.get_pipe("transformer").model.walk() if node.shims).shims[0]
    if hasattr(shim, "encoder"):
        replay = shim.encoder.transformer = Replay(shim.encoder.transformer)
    else:
        replay = shim._model = Replay(shim._model)
    seconds = []
    for _ in range(rounds + 1):
        copies = [unannotated(doc, nlp.vocab) for doc in docs]
        start = time.process_time()
        for doc in nlp.pipe(copies):
            doc.ents
        seconds.append(time.process_time() - start)
        replay.next = 0
    return sum(map(len, docs)) / median(seconds[1:])


def batching(nlp: Language, texts: list[str]) -> dict[str, int]:
    """RETURNS (dict[str, int]): The number of entities, and of those that are predicted only in
    one large batch, or only in batches of one text."""
    together, alone = (
        {
            (number, ent.start_char, ent.end_char, ent.label_)
            for number, doc in enumerate(nlp.pipe(texts, batch_size=size))
            for ent in doc.ents
        }
        for size in (len(texts), 1)
    )
    return {"entities": len(together), "different": len(together ^ alone)}


def encoder_alone(nlp: Language, docs: list[Doc]) -> Callable:
    """The transformer component of this package, with tokenization into wordpieces and windows."""
    model = nlp.get_pipe("transformer").model
    batches = [docs[i : i + nlp.batch_size] for i in range(0, len(docs), nlp.batch_size)]

    def run() -> None:
        for batch in batches:
            model.predict(batch)

    return run


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus: Path = typer.Argument(..., help="Folder with test.spacy"),
    output: Path = typer.Argument(..., help="JSON file to write the figures to"),
    ours: Path = typer.Option(..., help="Trained pipeline of this package"),
    stock: Optional[Path] = typer.Option(None, help="Trained pipeline of spaCy's recipe"),
    hf: Path = typer.Option(..., help="Trained token classifier of transformers"),
    lang: str = typer.Option("en", help="Language"),
    rounds: int = typer.Option(5, help="Number of rounds"),
    words: int = typer.Option(12000, help="Words per round"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    transformers_logging.set_verbosity_error()
    setup_gpu(gpu_id, silent=True)
    device = torch.device("cuda", gpu_id) if gpu_id >= 0 else torch.device("cpu")
    half = autocast_dtype("auto", device) or torch.float32
    docs: list[Doc] = []
    for doc in read_docs(corpus, "test", lang):
        if sum(map(len, docs)) < words:
            docs.append(doc)
    n_words = sum(map(len, docs))
    sentences = [sentence for doc in docs for sentence in sentences_of(doc)]
    hosts = {  # first, before the others fill memory
        name: round(host(path, docs, HOST_ROUNDS * rounds))
        for name, path in (("ours", ours), ("spacy", stock))
        if path is not None and gpu_id < 0
    }
    texts, short = [doc.text for doc in docs], [sentence.text for sentence in sentences]
    pipelines = {"ours": spacy.load(ours)}
    if stock is not None:
        pipelines["spacy"] = spacy.load(stock)
    int8 = {"components": {"transformer": {"model": {"runtime": "onnx-int8"}}}}
    systems = {
        "hf": hugging_face(hf, short, torch.float32, gpu_id),
        "hf, 16 bits": hugging_face(hf, short, half, gpu_id),
        **{name: spacy_pipeline(nlp, texts) for name, nlp in pipelines.items()},
        **(
            {}
            if gpu_id >= 0
            else {"ours, 8 bits": spacy_pipeline(spacy.load(ours, config=int8), texts)}
        ),
        "ours, sentences": spacy_pipeline(pipelines["ours"], short),
        "ours, encoder alone": encoder_alone(pipelines["ours"], docs),
        "bare encoder, 16 bits": bare_encoder(
            hf, [[token.text for token in sentence] for sentence in sentences], half, gpu_id
        ),
    }
    gc.collect()
    gc.freeze()  # so that the objects of other systems do not slow down garbage collection
    seconds: Rounds = {name: [] for name in systems}
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for name, run in systems.items():
            start = time.perf_counter()
            run()
            if number:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    medians = {name: n_words / median(times) for name, times in seconds.items()}
    write_json(
        output,
        {
            "words": n_words,
            "texts": {"documents": len(texts), "sentences": len(short)},
            "rounds": rounds,
            "words_per_second": {name: round(value) for name, value in medians.items()},
            "ours_over": {
                name: round(median(numpy.array(seconds[name]) / numpy.array(seconds["ours"])), 3)
                for name in systems
                if name != "ours"
            },
            "in_other_batches": batching(pipelines["ours"], texts),
            "host_words_per_second": hosts,
        },
    )


if __name__ == "__main__":
    app()
