"""Run the whole project on a data set, and save the seconds and peak memory of each command,
F1, versions and hardware.

    python benchmarks/project_run.py --dataset conll2003

writes benchmarks/results/<dataset>-<recipe>-<encoder>.json. All commands run again, even if
they are up to date."""

import srsly
import typer
from machine import ROOT, keep, run

COMMANDS = ("prepare", "convert", "check", "train", "evaluate", "report", "package", "verify")

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("sample", help="Folder in assets/"),
    encoder: str = typer.Option(
        "default", help="Folder, minilm, or Hugging Face hub name; default for the recipe's own"
    ),
    config: str = typer.Option("minilm", help="Recipe"),
    lang: str = typer.Option("en", help="Language"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    chosen = {
        "dataset": dataset,
        "encoder": encoder,
        "config": config,
        "lang": lang,
        "gpu_id": gpu_id,
    }
    overrides = [part for name, value in chosen.items() for part in (f"--vars.{name}", str(value))]
    name = f"{dataset}-{config}-{encoder}"
    # A training that is finished would not be run again.
    (ROOT / "training" / f"{name}-0" / "checkpoints" / "finished.json").unlink(missing_ok=True)
    seconds, peak = {}, {}
    for command in COMMANDS:
        took, most = run("-m", "spacy", "project", "run", command, ".", "--force", *overrides)
        seconds[command], peak[command] = round(took, 1), round(most)
    figures = srsly.read_json(ROOT / "metrics" / f"{name}-0.json")
    result = {
        **chosen,
        "seconds": seconds,
        "peak_memory_mib": peak,
        "words_per_second": round(figures["text"]["speed"]),
        "test": {
            given: {
                **{key: round(figures[given]["entities"][key], 4) for key in "prf"},
                "f_per_type": {
                    label: round(counts["f"], 4)
                    for label, counts in figures[given]["entities_per_type"].items()
                },
                "token_accuracy": round(figures[given]["token_accuracy"], 4),
            }
            for given in ("text", "gold")
        },
        "dev_f": round(
            srsly.read_json(ROOT / "training" / f"{name}-0" / "model-best" / "meta.json")[
                "performance"
            ]["ents_f"],
            4,
        ),
    }
    keep(name, result, gpu_id)


if __name__ == "__main__":
    app()
