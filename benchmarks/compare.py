"""Compare this package with other tools, on the same machine, data, weights and seeds:
transformers' run_ner.py with its pipeline (in fp32, the default, and in bf16), spaCy
(transformer and transition-based ner), and the bare encoder.

    python benchmarks/compare.py --dataset conll2003

trains each system, measures their speed in turn, and writes
benchmarks/results/compare-<dataset>-<encoder>.json and a plot. It needs a corpus in
corpus/<dataset> (spacy project run convert) and pip install -e ".[project,minilm,benchmark]".
Rerun the same command to resume: finished trainings are kept in training/compare/.

For speed on a GPU, with random weights of BERT's size:

    python benchmarks/compare.py --encoder bert-base-random --gpu-id 0 --seeds 1 --hf-epochs 1"""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Optional

import srsly
import typer
from corpora import find_corpus
from machine import ROOT, keep, run
from wasabi import msg

from spacy_transformer_ner.encoder.sources import resolve_encoder
from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.training.recipe import encoder_of, find_recipe

PEERS = ROOT / "benchmarks" / "peers"
SYSTEMS = ("ours", "hf-bf16", "hf", "spacy")
RANDOM = "bert-base-random"

app = typer.Typer(add_completion=False)


def training_command(
    system: str,
    encoder: str,
    corpus: Path,
    output: Path,
    lang: str,
    gpu_id: int,
    config: Path,
    hf_epochs: int,
    spacy_steps: int,
) -> list[str]:
    """RETURNS (list[str]): The command that trains a system."""
    common = [str(corpus), str(output), "--lang", lang, "--gpu-id", str(gpu_id)]
    if system.startswith("hf"):
        half = ["--bf16"] if system == "hf-bf16" else []
        return ["hugging_face.py", *common, "--encoder", encoder, "--epochs", str(hf_epochs), *half]
    if system == "ours":
        return ["spacy_train.py", str(config), *common, "--paths.encoder", encoder]
    steps = [
        part
        for name in ("max_steps", "optimizer.learn_rate.total_steps")
        for part in (f"--training.{name}", str(spacy_steps))
    ]
    return [
        "spacy_train.py",
        str(PEERS / "stock.cfg"),
        *common,
        "--system",
        "spacy",
        "--paths.encoder",
        resolve_encoder(encoder),
        *steps,
    ]


def train(command: list[str], output: Path, seed: int) -> dict:
    """Train a system, unless it was trained before.

    command (list[str]): The command, see `training_command`.
    output (Path): The folder of its result.json.
    seed (int): The random seed.
    RETURNS (dict): The result, with the peak memory.
    """
    path = output / "result.json"
    if not path.exists():
        msg.divider(f"{output.parent.name}: {output.name}")
        output.mkdir(parents=True, exist_ok=True)
        _, peak = run(PEERS / command[0], *command[1:], "--seed", seed)
        write_json(path, {**srsly.read_json(path), "peak_memory_mib": round(peak)})
    return srsly.read_json(path)


def random_encoder() -> str:
    """RETURNS (str): A folder with an encoder of BERT-base's shape and random weights, to
    measure speed. Its tokenizer is MiniLM's, which is BERT's."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = ROOT / "training" / RANDOM
    if not folder.exists():
        tokenizer = AutoTokenizer.from_pretrained(resolve_encoder("minilm"))
        tokenizer.save_pretrained(folder)
        BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    return str(folder)


def seconds_to(curve: list[list[float]], f: float) -> Optional[float]:
    """RETURNS (float | None): Seconds of training until dev F1 is first at least `f`."""
    return next((round(seconds, 1) for seconds, dev_f in curve if dev_f >= f), None)


def summary(runs: dict[str, list[dict]]) -> dict[str, dict]:
    """RETURNS (dict[str, dict]): Means over the seeds of each system."""
    result = {}
    for name, of_system in runs.items():
        times = [run["curve"][-1][0] for run in of_system]
        result[name] = {
            "seeds": len(of_system),
            "dev_f": [round(run["dev_f"], 4) for run in of_system],
            "test_f": [round(run["test_f"], 4) for run in of_system],
            "mean_dev_f": round(mean(run["dev_f"] for run in of_system), 4),
            "mean_test_f": round(mean(run["test_f"] for run in of_system), 4),
            # Of systems that take raw text.
            **{
                f"mean_{figure}": round(mean(run[figure] for run in of_system), 4)
                for figure in ("dev_f_text", "test_f_text")
                if all(run.get(figure) is not None for run in of_system)
            },
            "seconds": [round(time, 1) for time in times],
            "seconds_per_epoch": round(mean(t / r["epochs"] for t, r in zip(times, of_system)), 1),
            "peak_memory_mib": max(run["peak_memory_mib"] for run in of_system),
            "curves": [
                [[round(seconds, 1), round(f, 4)] for seconds, f in run["curve"]]
                for run in of_system
            ],
        }
    for base in ("hf", "hf-bf16"):
        if base in runs and "ours" in runs:
            goal = mean(run["dev_f"] for run in runs[base])
            times = [seconds_to(run["curve"], goal) for run in runs["ours"]]
            took = mean(run["curve"][-1][0] for run in runs[base])
            result["ours"][f"to_dev_f_of_{base}"] = {
                "dev_f": round(goal, 4),
                "seconds": times,
                "of_its_time": round(mean(times) / took, 3) if None not in times else None,
            }
    return result


def plot(training: dict[str, dict], path: Path) -> None:
    """Plot dev F1 over minutes of training."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "compare"  # the same file for the same figures
    from matplotlib import pyplot

    names = {
        "ours": "this package",
        "hf": "transformers, fp32",
        "hf-bf16": "transformers, bf16",
        "spacy": "spaCy's own",
    }
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for (name, of_system), colour in zip(training.items(), ("C0", "C1", "C3", "C2")):
        for i, curve in enumerate(of_system["curves"]):
            x, y = zip(*[(seconds / 60, f) for seconds, f in curve if seconds > 1])
            label = names[name] if i == 0 else None
            axes.plot(x, y, color=colour, label=label, marker="." if len(x) < 12 else None)
    best = max(f for some in training.values() for curve in some["curves"] for _, f in curve)
    # Show the high scores near the end, not the first minutes.
    axes.set(
        xlabel="minutes of training", ylabel="F1 on dev", ylim=(max(0.0, best - 0.35), best + 0.03)
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def plan(systems: list[str], seeds: int, once: list[str]) -> Iterator[tuple[str, int]]:
    """YIELDS (tuple[str, int]): The system and seed of each training, alternating."""
    for seed in range(seeds):
        yield from ((system, seed) for system in systems if seed == 0 or system not in once)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option(
        "conll2003", help="Folder of corpus/, or conll2003-N for N sentences"
    ),
    encoder: str = typer.Option(
        "minilm", help=f"Folder, minilm, Hugging Face hub name, or {RANDOM}"
    ),
    config: str = typer.Option("minilm", help="Recipe of this package"),
    lang: str = typer.Option("en", help="Language"),
    systems: str = typer.Option(",".join(SYSTEMS), help="Systems to train"),
    seeds: int = typer.Option(3, help="Number of seeds"),
    once: str = typer.Option("hf,spacy", help="Systems to train with the first seed only"),
    hf_epochs: int = typer.Option(3, help="Epochs of transformers' recipe"),
    spacy_steps: int = typer.Option(400, help="Steps of spaCy's training"),
    rounds: int = typer.Option(5, help="Rounds of the speed measurement; 0 for none"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # use only torch's threads
    recipe = find_recipe(config)
    encoder = encoder_of(recipe, encoder)
    source = random_encoder() if encoder == RANDOM else encoder
    corpus = find_corpus(dataset)
    # Not the path of a folder, which is of this machine.
    known_as = Path(encoder).name if Path(encoder).is_dir() else encoder
    name = f"{dataset}-{known_as.replace('/', '-')}" + ("-gpu" if gpu_id >= 0 else "")
    folder = ROOT / "training" / "compare" / name
    runs: dict[str, list[dict]] = {}
    for system, seed in plan(systems.split(","), seeds, once.split(",")):
        output = folder / f"{system}-{seed}"
        command = training_command(
            system, source, corpus, output, lang, gpu_id, recipe, hf_epochs, spacy_steps
        )
        runs.setdefault(system, []).append(train(command, output, seed))
    result: dict = {"dataset": dataset, "encoder": known_as, "training": summary(runs)}
    if rounds:
        models = {"ours": "model-best", "spacy": "model-best", "hf-bf16": "model", "hf": "model"}
        trained = {system: str(folder / f"{system}-0" / models[system]) for system in runs}
        options = ["--ours", trained["ours"], "--hf", trained.get("hf", trained.get("hf-bf16"))]
        if "spacy" in trained:
            options += ["--stock", trained["spacy"]]
        speed = folder / "speed.json"
        run(
            PEERS / "speed.py", corpus, speed, *options, "--lang", lang, "--rounds", rounds,
            "--gpu-id", gpu_id,
        )  # fmt: skip
        result["speed"] = srsly.read_json(speed)
    kept = keep(f"compare-{name}", result, gpu_id, suffix)
    plot(result["training"], kept.with_suffix(".svg"))


if __name__ == "__main__":
    app()
