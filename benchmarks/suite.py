"""Compare this package with transformers' run_ner.py over many corpora and sizes of training
sets, with the same weights.

    python benchmarks/suite.py --only conll2003-100,politics

trains three systems on each corpus: the default recipe; run_ner.py with its defaults; and
run_ner.py with the learning rate and number of epochs that give the best F1 on dev. Each corpus
is a folder of corpus/ with train.spacy, dev.spacy and test.spacy; other .spacy files in it are
further test sets. conll2003-N are N sentences of conll2003, with 400 of dev. Writes
benchmarks/results/suite.json and a plot. Rerun the same command to resume: finished trainings are
kept in training/suite/, and the result has all corpora that are finished."""

import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean
from typing import Any

import srsly
import typer
from compare import train, training_command
from corpora import CUT, LANGUAGES, find_corpus, read
from machine import ROOT, keep

from spacy_transformer_ner.corpus.docbin import count_sentences
from spacy_transformer_ner.training.recipe import find_recipe

FOLDER = ROOT / "training" / "suite"
SIZES = (50, 100, 300, 1000, 3000)
CORPORA = (
    *(f"{CUT}-{size}" for size in SIZES),
    CUT, "wnut17", "conll2002-es", "conll2002-nl", "bc5cdr", "politics", "science",
)  # fmt: skip
SYSTEMS = ("ours", "hf", "hf-tuned")
RATES = ("5e-5", "1e-4", "3e-4")
# Numbers of epochs to choose from, for training sets of at most this many sentences.
EPOCHS = {1000: (10, 30), 10**9: (3, 6)}
# Trainings of more sentences are run with one seed.
LONG = 3000

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Task:
    """A corpus of the suite.

    name (str): The name.
    folder (Path): The folder with its splits.
    sentences (int): The number of sentences in its training set.
    """

    name: str
    folder: Path
    sentences: int

    @property
    def epochs(self) -> tuple[int, ...]:
        """RETURNS (tuple[int, ...]): The numbers of epochs to choose from."""
        return next(epochs for most, epochs in EPOCHS.items() if self.sentences <= most)


def find_task(name: str) -> Task:
    """RETURNS (Task): A corpus of the suite."""
    folder = find_corpus(name)
    return Task(name, folder, sum(map(count_sentences, read(folder / "train.spacy"))))


def run_system(task: Task, system: str, seed: int, gpu_id: int) -> dict[str, Any]:
    """Train a system on a corpus, unless it was trained before.

    task (Task): The corpus.
    system (str): The system, of `SYSTEMS`.
    seed (int): The random seed.
    gpu_id (int): The GPU, or -1.
    RETURNS (dict[str, Any]): The result. For "hf-tuned", of the settings with the best F1 on dev
        with the first seed.
    """

    def result(epochs: int, *more: str, of: int = seed) -> dict[str, Any]:
        name = "-".join([system, *(part for part in more if part[0] != "-"), str(epochs), str(of)])
        output = FOLDER / task.name / name
        lang = LANGUAGES.get(task.name, "en")
        command = training_command(
            system.removesuffix("-tuned"), "minilm", task.folder, output, lang, gpu_id,
            find_recipe("minilm"), epochs, 0,
        )  # fmt: skip
        return train([*command, *more], output, of)

    if system != "hf-tuned":
        return result(3)
    grid = list(product(task.epochs, RATES))
    epochs, rate = max(grid, key=lambda e: result(e[0], "--learn-rate", e[1], of=0)["dev_f"])
    return {**result(epochs, "--learn-rate", rate), "chosen": f"{rate}, {epochs} epochs"}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): Means of one system's results over the seeds."""
    found: dict[str, Any] = {
        figure: round(mean(run[figure] for run in runs), 4) for figure in ("dev_f", "test_f")
    }
    for split in runs[0]["further_f"]:
        found[f"{split}_f"] = round(mean(run["further_f"][split] for run in runs), 4)
    found["seconds"] = [round(run["curve"][-1][0]) for run in runs]
    return found | {key: runs[0][key] for key in ("chosen",) if key in runs[0]}


def plot(corpora: dict[str, dict], path: Path) -> None:
    """Plot test F1 over sentences of CoNLL-2003."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "suite"  # the same file for the same figures
    from matplotlib import pyplot

    names = {"ours": "this package", "hf": "transformers", "hf-tuned": "transformers, tuned"}
    parts = [of for name, of in corpora.items() if name.rpartition("-")[0] == CUT or name == CUT]
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for system, label in names.items():
        points = sorted((of["sentences"], of[system]["test_f"]) for of in parts)
        axes.plot(*zip(*points), label=label, marker=".")
    axes.set(xlabel="sentences", ylabel="F1 on test", xscale="log")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


@app.command(help=__doc__)
def main(
    # fmt: off
    only: str = typer.Option("", help="Corpora to train on, separated by commas"),
    seeds: int = typer.Option(3, help=f"Number of seeds; 1 for more than {LONG} sentences"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # use only torch's threads
    for name in only.split(",") if only else CORPORA:
        task = find_task(name)
        n_seeds = seeds if task.sentences <= LONG else 1
        found = {
            system: summary([run_system(task, system, seed, gpu_id) for seed in range(n_seeds)])
            for system in SYSTEMS
        }
        of_corpus = {"sentences": task.sentences, "seeds": n_seeds, **found}
        srsly.write_json(FOLDER / name / "summary.json", of_corpus)
    done = {
        name: srsly.read_json(FOLDER / name / "summary.json")
        for name in CORPORA
        if (FOLDER / name / "summary.json").exists()
    }
    kept = keep("suite", {"corpora": done}, gpu_id, suffix)
    if any(name.startswith(CUT) for name in done):
        plot(done, kept.with_suffix(".svg"))


if __name__ == "__main__":
    app()
