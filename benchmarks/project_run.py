"""Run the whole project on a data set and keep what it took and what came out:
seconds and peak memory of every command, F1, versions, hardware.

    python benchmarks/project_run.py --dataset conll2003

writes benchmarks/results/<dataset>-<encoder>-<config>.json. Whatever is up to
date is run again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import srsly
import typer
from machine import hardware, versions
from wasabi import msg

from spacy_transformer_ner.files import write_json

ROOT = Path(__file__).parents[1]
COMMANDS = ("convert", "check", "train", "evaluate", "package", "verify")

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
        "versions": versions(),
        "hardware": hardware(gpu_id),
    }
    path = ROOT / "benchmarks" / "results" / f"{run}.json"
    write_json(path, result)
    msg.good(f"Kept: {path}")


if __name__ == "__main__":
    app()
