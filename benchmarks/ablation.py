"""Ablation study of the default recipe: trains it with one change at a time, with several
seeds, and compares F1 on dev.

    python benchmarks/ablation.py --dataset conll2003

writes benchmarks/results/ablation-<dataset>-<encoder>.json. With --max-steps, the steps are
part of the name; in short trainings, regularization lowers F1. Rerun the same command to
resume: finished trainings are kept in training/ablation/."""

from statistics import mean, stdev
from typing import Optional

import srsly
import typer
from compare import PEERS
from machine import ROOT, keep, run
from wasabi import msg

from spacy_transformer_ner.training.recipe import find_recipe

ENCODER = "--components.transformer.model."
STEPS = "--training.max_steps"
CHANGES = {
    "default": [],
    "no averages of weights": ["--training.optimizer.use_averages", "false"],
    "no word shape": [f"{ENCODER}word_shape", "false"],
    "no word boundaries": [f"{ENCODER}word_boundaries", "false"],
    "first wordpiece": [f"{ENCODER}wordpiece_pooling", "first"],
    "no word dropout": [f"{ENCODER}word_dropout", "0.0"],
    "embeddings trained": [f"{ENCODER}freeze_embeddings", "false"],
    "no gold tokens": ["--corpora.train.augmenter.level", "0.0"],
    "no context": [f"{ENCODER}window", "64", f"{ENCODER}context", "0"],
    "context of 8": [f"{ENCODER}context", "8"],
    "usual rate": ["--training.optimizer.learn_rate.initial_rate", "5e-5"],
    "long windows": [f"{ENCODER}window", "510", f"{ENCODER}context", "64"],
    "two thirds of the steps": [STEPS, "1700"],
}
# F1 on the corpus' tokens and sentences, and on raw text.
FIGURES = ("dev_f", "dev_f_text")

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("conll2003", help="Converted data set in corpus/"),
    encoder: str = typer.Option("minilm", help="Folder, minilm, or Hugging Face hub name"),
    config: str = typer.Option("minilm", help="Recipe"),
    lang: str = typer.Option("en", help="Language"),
    changes: str = typer.Option(",".join(CHANGES), help="Changes to train; a + b for both at once"),
    seeds: int = typer.Option(3, help="Number of seeds"),
    max_steps: int = typer.Option(0, help="Training steps; 0 for the recipe's"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    found: dict[str, list[dict]] = {}
    options = {change: _options(change) for change in changes.split(",")}
    if max_steps and any(STEPS in of_change for of_change in options.values()):
        raise typer.BadParameter("--max-steps: one of the changes sets max_steps.")
    name = f"{dataset}-{encoder.replace('/', '-')}"
    if max_steps:
        name += f"-{max_steps}-steps"
    for seed in range(seeds):
        for change, of_change in options.items():
            output = ROOT / "training" / "ablation" / name / f"{change.replace(' ', '-')}-{seed}"
            path = output / "result.json"
            if not path.exists():
                msg.divider(f"{change}, seed {seed}")
                output.mkdir(parents=True, exist_ok=True)
                run(
                    PEERS / "spacy_train.py", find_recipe(config),
                    ROOT / "corpus" / dataset, output, "--lang", lang, "--gpu-id", gpu_id,
                    "--seed", seed, "--paths.encoder", encoder,
                    *([STEPS, max_steps] if max_steps else []), *of_change,
                )  # fmt: skip
            found.setdefault(change, []).append(srsly.read_json(path))
    result = {
        "dataset": dataset,
        "encoder": encoder,
        "max_steps": max_steps or None,
        "changes": {
            change: {figure: _summary(runs, found.get("default"), figure) for figure in FIGURES}
            for change, runs in found.items()
        },
    }
    keep(f"ablation-{name}", result, gpu_id, suffix)


def _options(change: str) -> list[str]:
    """The overrides of a change, or of several at once."""
    unknown = [one for one in change.split(" + ") if one not in CHANGES]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(CHANGES)}.")
    return [part for one in change.split(" + ") for part in CHANGES[one]]


def _summary(runs: list[dict], default: Optional[list[dict]], figure: str) -> dict:
    """The figure of each seed, their mean and standard deviation, and the gain over the default
    recipe with the same seeds."""
    scores = [run[figure] for run in runs]
    gain = None
    if default is not None:
        gain = mean(scores) - mean(run[figure] for run in default[: len(scores)])
    return {
        "of_seeds": [round(f, 4) for f in scores],
        "mean": round(mean(scores), 4),
        "deviation": round(stdev(scores), 4) if len(scores) > 1 else None,
        "over_default": None if gain is None else round(gain, 4),
    }


if __name__ == "__main__":
    app()
