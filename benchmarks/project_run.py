"""Run the whole project on a data set and keep what it took and what came out:
seconds and peak memory of every command, F1, versions, hardware.

    python benchmarks/project_run.py --dataset conll2003

writes benchmarks/results/<dataset>-<encoder>-<config>.json. Whatever is up to
date is run again."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import srsly
import torch
import typer
from wasabi import msg

from spacy_transformer_ner.files import write_json

ROOT = Path(__file__).parents[1]
COMMANDS = ("convert", "check", "train", "evaluate", "package", "verify")
PACKAGES = ("spacy", "spacy-transformers", "thinc", "torch", "transformers", "numpy")


def cpu_name() -> str:
    """The processor's name, where the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("sample", help="A folder of assets/"),
    encoder: str = typer.Option("minilm", help="Folder, known name or hub name"),
    config: str = typer.Option("default", help="A recipe of configs/"),
    lang: str = typer.Option("en", help="Language"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    chosen = {"dataset": dataset, "encoder": encoder, "config": config, "lang": lang, "gpu_id": gpu_id}
    overrides = [part for name, value in chosen.items() for part in (f"--vars.{name}", str(value))]
    seconds, peak = {}, {}
    for command in COMMANDS:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "spacy", "project", "run", command, ".", "--force", *overrides],
            cwd=ROOT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            msg.fail(f"{command} failed", exits=1)
        seconds[command] = round(time.perf_counter() - start, 1)
        # The largest process of the command; Linux counts kibibytes.
        peak[command] = round(usage.ru_maxrss / 1024)
    run = f"{dataset}-{encoder}-{config}"
    figures = srsly.read_json(ROOT / "metrics" / f"{run}.json")
    result = {
        **chosen,
        "seconds": seconds,
        "peak_memory_mib": peak,
        "words_per_second": round(figures["text"]["speed"]),
        "test": {
            name: {
                **{key: round(figures[name]["entities"][key], 4) for key in "prf"},
                "f_per_type": {
                    label: round(counts["f"], 4)
                    for label, counts in figures[name]["entities_per_type"].items()
                },
                "token_accuracy": round(figures[name]["token_accuracy"], 4),
            }
            for name in ("text", "gold")
        },
        "dev_f": round(
            srsly.read_json(ROOT / "training" / run / "model-best" / "meta.json")["performance"][
                "ents_f"
            ],
            4,
        ),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "hardware": {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else None,
        },
    }
    path = ROOT / "benchmarks" / "results" / f"{run}.json"
    write_json(path, result)
    msg.good(f"Kept: {path}")


if __name__ == "__main__":
    app()
