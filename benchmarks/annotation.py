"""Measure the speed, memory and reliability of `annotate`.

    python benchmarks/annotation.py --texts 1000000

writes benchmarks/results/annotation.json and annotation.svg. The pipeline has a random BERT of
2 layers and width 32, trained on a few sentences, so that the overhead around the encoder is
measured. The texts are generated, with 5 to 10 words each.

speed: nlp.pipe and annotate in one process, alternating.
memory: the memory of one run over all texts.
kills: the same run, killed with SIGKILL at random moments and resumed.
ray: the same run on Ray with two workers, one of which is killed.
disk: a run on a file system that is too small, and then enlarged (Linux, as root).
overhead: planning time per text, and the time per shard without the pipeline."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

import psutil
import pyarrow.parquet
import srsly
import typer
from generated import make_pipeline, make_texts
from machine import RESULTS, ROOT, growth, keep
from spacy.language import Language
from wasabi import msg

from spacy_transformer_ner.annotation.annotate import annotate
from spacy_transformer_ner.annotation.chunks import plan
from spacy_transformer_ner.annotation.formats import Fields
from spacy_transformer_ner.annotation.inputs import find_files
from spacy_transformer_ner.annotation.local import run_here
from spacy_transformer_ner.annotation.manifest import SHARDS
from spacy_transformer_ner.annotation.ray_engine import RayEngine
from spacy_transformer_ner.loading import load_pipeline

PARTS = ("speed", "memory", "kills", "ray", "disk", "overhead")
ANNOTATE = ("scripts/annotate.py",)

app = typer.Typer(add_completion=False)


def speed(nlp: Language, texts: Path, folder: Path, turns: int) -> dict:
    """RETURNS (dict): Words per second of nlp.pipe and of annotate on the same texts,
    alternating."""
    lines = texts.read_text(encoding="utf-8").splitlines()
    size = len(lines) // turns
    alone, ours, words = [], [], 0
    for turn in range(turns):
        part = lines[turn * size : (turn + 1) * size]
        path = folder / f"part-{turn}.jsonl"
        path.write_text("\n".join(part), encoding="utf-8")
        plain = [json.loads(line)["text"] for line in part]

        def of_pipe(plain: list[str] = plain) -> int:
            return sum(len(doc) for doc in nlp.pipe(plain))

        def of_annotate(path: Path = path, turn: int = turn) -> int:
            return annotate(nlp, [str(path)], folder / f"speed-{turn}", run_here)[0].words

        for seconds, work in ((alone, of_pipe), (ours, of_annotate))[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            found = work()
            seconds.append(time.perf_counter() - start)
        words += found
    return {
        "turns": turns,
        "texts_a_turn": size,
        "pipe_words_per_second": round(words / sum(alone)),
        "annotate_words_per_second": round(words / sum(ours)),
        # The median over the turns, because the load of the machine varies.
        "annotate_of_pipe": round(median(a / b for a, b in zip(alone, ours)), 4),
        "annotate_of_pipe_in_all": round(sum(alone) / sum(ours), 4),
    }


class Annotating:
    """A process that runs `annotate`.

    arguments (object): The arguments of the command.
    """

    def __init__(self, *arguments: object):
        self.output = Path(str(arguments[2]))
        self.process = subprocess.Popen(
            [sys.executable, *ANNOTATE, *map(str, arguments)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def shards(self) -> list[dict]:
        """RETURNS (list[dict]): The records of the finished shards."""
        path = self.output / SHARDS
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def end(self, code: int = 0) -> str:
        """code (int): The expected exit code.
        RETURNS (str): The output."""
        printed = self.process.communicate()[0]
        if self.process.returncode != code:
            msg.fail(f"exit code {self.process.returncode}, not {code}: {printed}", exits=1)
        return printed


def memory(pipeline: Path, texts: Path, output: Path) -> dict:
    """RETURNS (dict): The duration of a run, and its memory over time."""
    start = time.perf_counter()
    run = Annotating(pipeline, texts, output, "--id", "id")
    process, seen, begun = psutil.Process(run.process.pid), [], 0.0
    while run.process.poll() is None:
        done = sum(shard["texts"] for shard in run.shards())
        if done:
            begun = begun or time.perf_counter() - start
            seen.append((done, process.memory_info().rss / 2**20))
        time.sleep(1)
    run.end()
    seconds = time.perf_counter() - start
    totals = srsly.read_json(output / "_manifest.json")["totals"]
    watched = [(n, round(m)) for n, m in seen[:: max(1, len(seen) // 200)]]
    return {
        "totals": totals,
        "seconds": round(seconds, 1),
        "seconds_to_first_shard": round(begun, 1),
        "texts_and_mebibytes": watched,
        "peak_mebibytes": round(max(m for _, m in seen)),
        "growth": growth([m for _, m in watched]),
    }


def kills(pipeline: Path, texts: Path, output: Path, times: int, watched: dict) -> dict:
    """RETURNS (dict): When a run was killed, and its total duration."""
    chance, finished = random.Random(2), []
    shards, loading = watched["totals"]["shards"], watched["seconds_to_first_shard"]
    each = (watched["seconds"] - loading) / shards
    start = time.perf_counter()
    for target in sorted(chance.choices(range(shards - 3), k=times)):
        run = Annotating(pipeline, texts, output, "--id", "id")
        # Kill it at a random moment of a shard, or while loading if the target is reached.
        moment = chance.uniform(0, loading if len(run.shards()) >= target else each)
        while run.process.poll() is None and len(run.shards()) < target:
            time.sleep(0.02)
        time.sleep(moment)
        run.process.send_signal(signal.SIGKILL)
        assert run.process.wait() == -signal.SIGKILL, "finished before it was killed"
        finished.append(len(run.shards()))
    Annotating(pipeline, texts, output, "--id", "id").end()
    return {
        "shards_finished_at_each_kill": finished,
        "seconds": round(time.perf_counter() - start, 1),
    }


def by_ray(pipeline: Path, texts: Path, output: Path, shards: int) -> dict:
    """RETURNS (dict): When one of two workers was killed, and the total duration."""
    start = time.perf_counter()
    run = Annotating(pipeline, texts, output, "--id", "id", "--engine", "ray", "--workers", 2)
    killed = None
    while run.process.poll() is None:
        if killed is None and len(run.shards()) >= shards // 2:
            worker = next(iter(ray_workers(run.process.pid)))
            worker.kill()
            killed = len(run.shards())
        time.sleep(0.2)
    run.end()
    return {
        "workers": 2,
        "shards_finished_at_kill": killed,
        "seconds": round(time.perf_counter() - start, 1),
    }


def ray_workers(pid: int) -> Iterator[psutil.Process]:
    """pid (int): The process that uses Ray.
    YIELDS (psutil.Process): Its actors."""
    for process in psutil.Process(pid).children(recursive=True):
        if "RayWorker" in " ".join(process.cmdline()):
            yield process


def disk(pipeline: Path, texts: Path, folder: Path) -> dict:
    """RETURNS (dict): The message when the disk is full, and the shards before and after."""
    mount = folder / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount], check=True)
    try:
        printed = Annotating(pipeline, texts, mount / "out", "--shard-texts", 500).end(1)
        finished = len((mount / "out" / SHARDS).read_bytes().splitlines())
        subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
        Annotating(pipeline, texts, mount / "out", "--shard-texts", 500).end()
        Annotating(pipeline, texts, folder / "roomy", "--shard-texts", 500).end()
        return {
            "said": " ".join(
                re.sub(r"\x1b\[[\d;]*m", "", printed).replace(str(mount / "out"), "OUTPUT").split()
            ),
            "shards_finished_when_full": finished,
            "shards": compare(folder / "roomy", mount / "out"),
        }
    finally:
        subprocess.run(["umount", mount], check=True)


def overhead(nlp: Language, folder: Path) -> dict:
    """RETURNS (dict): Texts of 100 words planned per second, and milliseconds per shard with one
    text."""
    rows = [{"id": i, "text": "word " * 100} for i in range(200_000)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "plan.parquet")
    srsly.write_jsonl(folder / "plan.jsonl", rows)
    with open(folder / "plan.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *([row["id"], row["text"]] for row in rows)])
    planned = {}
    for path in sorted(folder.glob("plan.*")):
        files = find_files([str(path)], folder / "none")
        start = time.process_time()
        assert sum(1 for _ in plan(files, Fields(), 5000)) >= len(rows) // 5000
        planned[path.suffix] = round(len(rows) / (time.process_time() - start))
    make_texts(folder / "single.jsonl", 1000)
    engines = {"local": run_here, "ray, 1 worker": RayEngine(1), "ray, 2 workers": RayEngine(2)}
    taken = {}
    for name, engine in engines.items():
        ends: list[float] = []

        def watch(shards: Iterable, about: object, ends: list[float] = ends) -> Iterator:
            for shard in shards:
                ends.append(time.perf_counter())
                yield shard

        output = folder / f"single-{name}"
        annotate(nlp, [str(folder / "single.jsonl")], output, engine, shard_texts=1, progress=watch)
        # Skip the first fifty, while workers still load.
        taken[name] = round(1000 * (ends[-1] - ends[50]) / (len(ends) - 51), 1)
    return {"texts_planned_per_second": planned, "milliseconds_a_shard": taken}


def compare(expected: Path, found: Path) -> int:
    """Check that two outputs have equal rows and identical files.

    expected, found (Path): Their folders.
    RETURNS (int): The number of shards.
    """
    names = sorted(path.name for path in expected.glob("part-*"))
    assert names == sorted(path.name for path in found.glob("part-*")), found
    assert not list(found.glob("**/*.tmp")), "temporary files were left"
    for name in names:
        ours, theirs = (pyarrow.parquet.read_table(folder / name) for folder in (expected, found))
        assert ours.equals(theirs), f"{found / name} differs"
        assert (expected / name).read_bytes() == (found / name).read_bytes(), name
    return len(names)


def plot(watched: dict, path: Path) -> None:
    """Plot memory over texts."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "annotation"  # the same file for the same figures
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3))
    texts, mebibytes = zip(*watched["texts_and_mebibytes"])
    axes.plot([n / 1e6 for n in texts], mebibytes)
    axes.set(xlabel="million texts", ylabel="MiB, resident", ylim=(0, 1.5 * max(mebibytes)))
    axes.grid(alpha=0.3)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


@app.command(help=__doc__)
def main(
    # fmt: off
    texts: int = typer.Option(1_000_000, help="Number of texts"),
    n_kills: int = typer.Option(20, "--kills", help="How often the run is killed"),
    turns: int = typer.Option(20, help="Turns of nlp.pipe and annotate"),
    parts: str = typer.Option(",".join(PARTS), help="Parts to run"),
    # fmt: on
) -> None:
    os.environ["PYTHONUNBUFFERED"] = "1"
    chosen = parts.split(",")
    kept = RESULTS / "annotation.json"
    result = srsly.read_json(kept) if kept.exists() and set(chosen) != set(PARTS) else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pipeline, path, whole = make_pipeline(folder), folder / "texts.jsonl", folder / "whole"
        make_texts(path, texts)
        if "speed" in chosen:
            result["speed"] = speed(load_pipeline(pipeline), path, folder, turns)
            msg.good(str(result["speed"]))
        if {"memory", "kills", "ray"} & set(chosen):
            result["memory"] = memory(pipeline, path, whole)
            found = pyarrow.parquet.read_table(whole, columns=["id", "row"])
            assert found["row"].to_pylist() == list(range(1, texts + 1))
            assert found["id"].to_pylist() == [f"t{i}" for i in range(texts)]
            msg.good(str({k: v for k, v in result["memory"].items() if k != "texts_and_mebibytes"}))
        if "kills" in chosen:
            took = kills(pipeline, path, folder / "killed", n_kills, result["memory"])
            result["kills"] = {**took, "shards_equal": compare(whole, folder / "killed")}
            msg.good(str(result["kills"]))
        if "ray" in chosen:
            took = by_ray(pipeline, path, folder / "ray", result["memory"]["totals"]["shards"])
            result["ray"] = {**took, "shards_equal": compare(whole, folder / "ray")}
            msg.good(str(result["ray"]))
        if "disk" in chosen and sys.platform == "linux" and os.geteuid() == 0:
            make_texts(folder / "few.jsonl", 20_000)
            result["disk"] = disk(pipeline, folder / "few.jsonl", folder)
            msg.good(str(result["disk"]))
        if "overhead" in chosen:
            result["overhead"] = overhead(load_pipeline(pipeline), folder)
            msg.good(str(result["overhead"]))
    plot(result["memory"], keep("annotation", result).with_suffix(".svg"))


if __name__ == "__main__":
    app()
