"""Measure what each part of the default recipe is worth: it is trained without one part at
a time, with several seeds, and compared on dev.

    python benchmarks/ablation.py --dataset conll2003

writes benchmarks/results/ablation-<dataset>-<encoder>.json. Interrupted, it goes on where it
was: what is trained lies in training/ablation/."""

from pathlib import Path
from statistics import mean, stdev

import srsly
import typer
from compare import measure
from machine import hardware, versions
from wasabi import msg

from spacy_transformer_ner.files import write_json

ROOT = Path(__file__).parents[1]
ENCODER = "--components.transformer.model."
# What takes one part away.
WITHOUT = {
    "default": [],
    "crf loss": ["--components.transformer_ner.loss", "cross_entropy"],
    "word dropout": [f"{ENCODER}word_dropout", "0.0"],
    "frozen embeddings": [f"{ENCODER}freeze_embeddings", "false"],
    "word shape": [f"{ENCODER}word_shape", "false"],
    "context of windows": [f"{ENCODER}window", "64", f"{ENCODER}context", "0"],
    "high rate": ["--training.optimizer.learn_rate.initial_rate", "5e-5"],
}

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("conll2003", help="A folder of corpus/, converted"),
    encoder: str = typer.Option("minilm", help="Folder, known name or hub name"),
    config: str = typer.Option("default", help="A recipe of configs/"),
    lang: str = typer.Option("en", help="Language"),
    parts: str = typer.Option(",".join(WITHOUT), help="Parts to take away"),
    seeds: int = typer.Option(3, help="How many seeds"),
    max_steps: int = typer.Option(0, help="Steps of training; 0 for the recipe's own"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    found: dict[str, list[float]] = {part: [] for part in parts.split(",")}
    name = f"{dataset}-{encoder.replace('/', '-')}"
    for seed in range(seeds):
        for part in found:
            output = ROOT / "training" / "ablation" / name / f"{part.replace(' ', '-')}-{seed}"
            path = output / "result.json"
            if not path.exists():
                msg.divider(f"without {part}, seed {seed}" if WITHOUT[part] else f"seed {seed}")
                output.mkdir(parents=True, exist_ok=True)
                measure(
                    [
                        "spacy_train.py", str(ROOT / "configs" / f"{config}.cfg"),
                        str(ROOT / "corpus" / dataset), str(output), "--lang", lang,
                        "--gpu-id", str(gpu_id), "--seed", str(seed), "--paths.encoder", encoder,
                        *(["--training.max_steps", str(max_steps)] if max_steps else []),
                        *WITHOUT[part],
                    ]
                )  # fmt: skip
            found[part].append(srsly.read_json(path)["dev_f"])
    whole = mean(found["default"]) if "default" in found else None
    result = {
        "dataset": dataset,
        "encoder": encoder,
        "max_steps": max_steps or None,
        "without": {
            part: {
                "dev_f": [round(f, 4) for f in scores],
                "mean": round(mean(scores), 4),
                "deviation": round(stdev(scores), 4) if len(scores) > 1 else None,
                "worth": None if whole is None else round(whole - mean(scores), 4),
            }
            for part, scores in found.items()
        },
        "versions": versions(),
        "hardware": hardware(gpu_id),
    }
    path = ROOT / "benchmarks" / "results" / f"ablation-{name}.json"
    write_json(path, result)
    msg.good(f"Kept: {path}")


if __name__ == "__main__":
    app()
