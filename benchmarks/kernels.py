"""Measure the encoder's optimizations for CPUs: attention as plain matrix products compared
with torch's fused kernel, linear layers with packed weights compared with torch's, the number
of wordpieces per batch, and the fixed cost of a batch.

    python benchmarks/kernels.py

writes benchmarks/results/kernels.json. One thread, MiniLM's shape."""

import time
from collections.abc import Callable
from statistics import median

import torch
import typer
from machine import keep
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from spacy_transformer_ner.encoder.attention import PlainAttention, plain_attention
from spacy_transformer_ner.encoder.linear import PackedLinear, can_pack, pack_linears

HEADS, WIDTH, LAYERS = 12, 384, 6
# Most windows are not multiples of the vector width.
LENGTHS = 32, 50, 64, 100, 128, 200, 256, 500
WORDPIECES = 16, 32, 64, 128, 256, 512, 1024
AT_ONCE = 512, 1024, 2048, 4096, 8192
# The fixed cost of a batch is estimated from a small and a large one.
WINDOWS = 1, 16

app = typer.Typer(add_completion=False)


def attend(
    function: Callable, length: int, dtype: torch.dtype, backwards: bool
) -> Callable[[], None]:
    """RETURNS (Callable): Computes attention over 1024 wordpieces in windows."""
    shape = 1024 // length, HEADS, length, WIDTH // HEADS
    parts = [torch.randn(shape, dtype=dtype, requires_grad=backwards) for _ in range(3)]

    def run() -> None:
        with torch.set_grad_enabled(backwards):
            output = function(*parts)
            if backwards:
                output.sum().backward()

    return run


def multiply(layer: nn.Module, n_items: int) -> Callable[[], None]:
    """RETURNS (Callable): Runs a linear layer on 4096 wordpieces, `n_items` at a time."""
    inputs = torch.randn(n_items, WIDTH, dtype=torch.bfloat16)

    def run() -> None:
        with torch.inference_mode():
            for _ in range(4096 // n_items):
                layer(inputs)

    return run


def encode(model: BertModel, n_windows: int, length: int, at_once: int) -> Callable[[], None]:
    """RETURNS (Callable): Encodes `n_windows` windows, `at_once` per batch."""
    ids = torch.randint(model.config.vocab_size, (n_windows, length))

    def run() -> None:
        with torch.inference_mode(), PlainAttention():
            for batch in ids.split(at_once):
                model(input_ids=batch)

    return run


def in_turn(runs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """RETURNS (dict[str, float]): The median milliseconds of each, alternating."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    return {name: round(1000 * median(times), 2) for name, times in seconds.items()}


@app.command(help=__doc__)
def main(rounds: int = typer.Option(15, help="Rounds")) -> None:
    torch.set_num_threads(1)
    attention: dict[str, dict[str, dict[str, float]]] = {}
    for dtype in (torch.bfloat16, torch.float32):
        for backwards in (False, True):
            name = str(dtype).split(".")[1] + (", with gradient" if backwards else "")
            rows = attention[name] = {}
            for length in LENGTHS:
                ways = {"fused": functional.scaled_dot_product_attention, "plain": plain_attention}
                runs = {
                    way: attend(function, length, dtype, backwards)
                    for way, function in ways.items()
                }
                rows[str(length)] = in_turn(runs, rounds)
    linear: dict[str, dict[str, float]] = {}
    layer = nn.Linear(WIDTH, 4 * WIDTH).to(torch.bfloat16)
    layers = {"torch": layer, **({"packed": PackedLinear(layer)} if can_pack() else {})}
    for n_items in WORDPIECES:
        runs = {way: multiply(layer, n_items) for way, layer in layers.items()}
        linear[str(n_items)] = in_turn(runs, rounds)
    config = BertConfig(
        hidden_size=WIDTH, num_attention_heads=HEADS, num_hidden_layers=LAYERS,
        intermediate_size=4 * WIDTH,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False).to(torch.bfloat16).eval()
    found = in_turn(
        {str(n): encode(model, max(AT_ONCE) // 128, 128, n // 128) for n in AT_ONCE}, rounds
    )
    if can_pack():
        pack_linears(model)
    batches = in_turn({str(n): encode(model, n, 32, n) for n in WINDOWS}, rounds)
    few, many = (batches[str(n)] for n in WINDOWS)
    each = (many - few) / (32 * (max(WINDOWS) - min(WINDOWS)))
    result = {
        "attention_milliseconds": attention,
        "linear_milliseconds": linear,
        "wordpieces_per_second": {n: round(1000 * max(AT_ONCE) / t) for n, t in found.items()},
        "batch_milliseconds": batches,
        "batch_cost_in_wordpieces": round(few / each - 32 * min(WINDOWS)),
    }
    keep("kernels", result)


if __name__ == "__main__":
    app()
