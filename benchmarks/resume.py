"""Interrupt a training repeatedly, and check that its final weights equal those of an
uninterrupted one.

    python benchmarks/resume.py

writes benchmarks/results/resume.json. The training is killed (SIGKILL) at a random moment and
resumed with the same command."""

import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from machine import ROOT, keep, run
from tqdm import trange
from wasabi import msg

from spacy_transformer_ner.files import sha256

# The line of an evaluation in spaCy's table.
STEP = re.compile(r"^ *\d+ +(\d+) +[\d.]+ +[\d.]+ ")

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus: Path = typer.Argument(
        ROOT / "corpus" / "sample", help="Folder with train.spacy and dev.spacy"
    ),
    config: str = typer.Option("minilm", help="Recipe"),
    encoder: str = typer.Option("minilm", help="Folder, minilm, or Hugging Face hub name"),
    times: int = typer.Option(5, help="Number of interruptions"),
    max_steps: int = typer.Option(60, help="Training steps"),
    eval_frequency: int = typer.Option(5, help="Steps between evaluations"),
    seed: int = typer.Option(0, help="Random seed"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole"), Path(folder, "broken")

        def command(output: Path) -> list[str]:
            arguments = [
                "-m", "spacy", "ner", "train", config, "--output", output, "--encoder", encoder,
                "--train", corpus / "train.spacy", "--dev", corpus / "dev.spacy",
                "--gpu-id", gpu_id,
                "--training.max_steps", max_steps, "--training.eval_frequency", eval_frequency,
                "--training.max_epochs", 0, "--training.patience", 0,
            ]  # fmt: skip
            return [str(argument) for argument in arguments]

        uninterrupted, _ = run(*command(whole), quiet=True)
        generator = random.Random(seed)
        killed_at: list[int] = []
        for _ in trange(times, desc="interrupted"):
            last = killed_at[-1] if killed_at else 0
            steps = range(last // eval_frequency + 1, max_steps // eval_frequency)
            until = eval_frequency * generator.choice(steps[: len(steps) // 2 + 1] or [steps.stop])
            killed_at.append(_interrupt(command(broken), until, generator.random()))
        resumed, _ = run(*command(broken), quiet=True)
        hashes = {
            name: {str(p.relative_to(pipeline)): sha256(p) for p in sorted(pipeline.rglob("model"))}
            for name in ("model-best", "model-last")
            for pipeline in [whole / name]
        }
        equal = all(
            sha256(broken / name / file) == digest
            for name, files in hashes.items()
            for file, digest in files.items()
        )
    result = {
        "steps": max_steps,
        "eval_frequency": eval_frequency,
        "killed_after_step": killed_at,
        "weights": hashes,
        "equal": equal,
        "seconds": {"uninterrupted": round(uninterrupted, 1), "last_part": round(resumed, 1)},
    }
    keep("resume", result, gpu_id)
    if not equal:
        msg.fail("The weights differ", exits=1)


def _interrupt(command: list[str], until: int, wait: float) -> int:
    """Run a training, and kill it a moment after the evaluation of a step.

    RETURNS (int): The last evaluated step."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        found = STEP.match(line)
        if found and int(found[1]) >= until:
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                pass
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    return until


if __name__ == "__main__":
    app()
