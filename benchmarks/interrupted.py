"""Kill a project run repeatedly, in every phase, and check that the same command resumes it,
that no finished file is lost, and that the result equals that of an uninterrupted run.

    python benchmarks/interrupted.py

writes benchmarks/results/interrupted.json. It uses a part of the sample and an encoder of two
tiny layers, so that a phase takes seconds. All processes of the run get SIGKILL at a random
moment of a phase. `--without verify` skips a phase, e.g. one that needs the package index."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spacy
import srsly
import torch
import typer
from machine import ROOT, keep
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.files import sha256

NAME = "tiny"
DOCUMENTS = 14
RECIPE = """
[recipe]
extends = "minilm.cfg"

[components.transformer.model]
window = 64
context = 8
precision = "fp32"

[training]
max_epochs = 0
max_steps = 100
eval_frequency = 10
patience = 0

[training.optimizer.learn_rate]
initial_rate = 2e-3
"""
# Values that differ from run to run.
MEASURED = ("speed", "seconds", "peak_memory_mib", "hardware", "versions")
COLOURS = re.compile(r"\x1b\[[\d;]*m")
PHASE = re.compile(r"=+ (\w+) =+")

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Kill:
    """One interruption.

    phase (str): The command that was running.
    seconds (float): Seconds since its start.
    lost (list[str]): Finished files that were lost or changed by it.
    """

    phase: str
    seconds: float
    lost: list[str]


@app.command(help=__doc__)
def main(
    # fmt: off
    times: int = typer.Option(20, min=1, help="How often the run is killed"),
    seed: int = typer.Option(0, help="Random seed"),
    without: list[str] = typer.Option([], help="Phase to skip"),
    # fmt: on
) -> None:
    with TemporaryDirectory() as folder:
        project, fresh = Path(folder, "project"), Path(folder, "fresh")
        phases = _make_project(project, without)
        shutil.copytree(project, fresh)
        durations = _run(project, phases)
        whole = _result(project)
        # In the same place: pipelines keep the path of their encoder.
        shutil.rmtree(project)
        fresh.rename(project)
        print(", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in durations.items()))
        generator = random.Random(seed)
        # Every phase, and long ones more often.
        chosen = generator.sample(phases, min(times, len(phases)))
        chosen += generator.choices(phases, list(durations.values()), k=times - len(chosen))
        kills = []
        for phase in sorted(chosen, key=phases.index):
            kills.append(_kill(project, phases, phase, generator.random() * durations[phase]))
            print(f"killed in {kills[-1].phase} after {kills[-1].seconds:.1f} s")
        _run(project, phases)
        differ = list(_differences(whole, _result(project)))
    lost = sum(len(kill.lost) for kill in kills)
    msg.table(
        [
            (
                phase,
                f"{durations[phase]:.0f}",
                sum(kill.phase == phase for kill in kills),
                sum(len(kill.lost) for kill in kills if kill.phase == phase),
            )
            for phase in phases
        ],
        header=("phase", "seconds", "kills", "finished files lost"),
        aligns=("l", "r", "r", "r"),
        divider=True,
    )
    result = {
        "phases": {phase: round(seconds, 1) for phase, seconds in durations.items()},
        "kills": [asdict(kill) for kill in kills],
        "lost": lost,
        "differ": differ,
        "equal": not differ,
    }
    keep("interrupted", result)
    if lost or differ:
        msg.fail(f"{lost} finished files were lost; different results: {differ}", exits=1)
    msg.good(f"Killed {len(kills)} times: no finished file was lost, and the result is the same")


def _make_project(folder: Path, without: list[str]) -> list[str]:
    """Copy the project, with a little of the sample, a tiny encoder and a recipe for it.

    RETURNS (list[str]): The phases of its workflow."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/results/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    data = folder / "assets" / NAME
    data.mkdir()
    words: list[str] = []
    for split in ("train", "dev", "test"):
        text = (ROOT / "assets" / "sample" / f"{split}.conll").read_text("utf-8")
        text = "-DOCSTART-".join(text.split("-DOCSTART-")[: DOCUMENTS + 1])
        (data / f"{split}.conll").write_text(text, "utf-8")
        words += [line.split()[0] for line in text.splitlines() if line.strip()]
    _make_encoder(folder / "encoder", words)
    (folder / "configs" / f"{NAME}.cfg").write_text(RECIPE, "utf-8")
    project = srsly.read_yaml(folder / "project.yml")
    phases = [phase for phase in project["workflows"]["all"] if phase not in without]
    project["workflows"]["all"] = phases
    srsly.write_yaml(folder / "project.yml", project)
    return phases


def _make_encoder(folder: Path, words: list[str]) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=3000, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), intermediate_size=128, pad_token_id=0, **shape
    )
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        unk_token="[UNK]",
    ).save_pretrained(folder)  # fmt: skip


def _start(project: Path) -> subprocess.Popen:
    """Start the whole workflow, in its own process group."""
    given = {"dataset": NAME, "config": NAME, "encoder": "encoder"}
    return subprocess.Popen(
        [sys.executable, "-m", "spacy", "project", "run", "all", str(project)]
        + [part for name, value in given.items() for part in (f"--vars.{name}", value)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip


def _phases_of(process: subprocess.Popen, phases: list[str], said: list[str]) -> Iterator[str]:
    """YIELDS (str): Each phase as it starts, except those that spaCy skips."""
    phase = ""
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        line = COLOURS.sub("", line).strip()
        found = PHASE.fullmatch(line)
        if found and found[1] in phases:
            phase = found[1]
        elif phase and line.startswith("Running command"):
            yield phase
            phase = ""


def _run(project: Path, phases: list[str]) -> dict[str, float]:
    """Run the whole workflow. RETURNS (dict[str, float]): The seconds of each phase."""
    said: list[str] = []
    process = _start(project)
    starts = {phase: time.perf_counter() for phase in _phases_of(process, phases, said)}
    end = time.perf_counter()
    if process.wait():
        print("".join(said[-60:]))
        msg.fail(f"The run in {project} failed", exits=1)
    ends = [*list(starts.values())[1:], end]
    return {phase: after - before for (phase, before), after in zip(starts.items(), ends)}


def _kill(project: Path, phases: list[str], target: str, seconds: float) -> Kill:
    """Run the workflow, and kill it some seconds after the start of a phase, or of the next
    unfinished phase."""
    before = _finished(project)
    said: list[str] = []
    process = _start(project)
    for phase in _phases_of(process, phases, said):
        if phases.index(phase) >= phases.index(target):
            break
    else:
        if process.wait():
            print("".join(said[-60:]))
            msg.fail(f"The run in {project} failed", exits=1)
        return Kill("none: it had ended", 0.0, _lost(project, before))
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    rest = [COLOURS.sub("", line).strip() for line in process.stdout]
    process.wait()
    later = [found[1] for found in map(PHASE.fullmatch, rest) if found and found[1] in phases]
    return Kill(later[-1] if later else phase, round(seconds, 1), _lost(project, before))


def _finished(project: Path) -> dict[str, str]:
    """RETURNS (dict[str, str]): The SHA-256 of the files of finished phases: the outputs in the
    project's lock file, and pipelines of finished trainings."""
    lock = project / "project.lock"
    outputs = [
        project / out["path"]
        for entry in (srsly.read_yaml(lock) if lock.exists() else {}).values()
        for out in entry.get("outs") or ()
        if out["md5"]
    ]
    outputs += [
        path.parents[1] / "model-best" for path in project.glob("training/*/*/finished.json")
    ]
    files = {file for path in outputs for file in (path, *path.rglob("*")) if file.is_file()}
    return {file.relative_to(project).as_posix(): sha256(file) for file in files}


def _lost(project: Path, before: dict[str, str]) -> list[str]:
    return sorted(
        name
        for name, digest in before.items()
        if not (project / name).is_file() or sha256(project / name) != digest
    )


def _result(project: Path) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The outputs of the run, without measurements of the machine."""
    (best,) = project.glob("training/*/model-best")
    files = [*project.glob(f"corpus/{NAME}/*.spacy"), *best.rglob("*")]
    result: dict[str, Any] = {
        file.relative_to(project).as_posix(): sha256(file) for file in files if file.is_file()
    }
    for file in [*sorted(project.glob("metrics/*.json*")), best / "meta.json"]:
        read = srsly.read_jsonl if file.suffix == ".jsonl" else srsly.read_json
        content = read(file)
        result[file.relative_to(project).as_posix()] = _without_measured(
            content if isinstance(content, dict) else list(content)
        )
    nlp = spacy.load(best)
    texts = [doc.text for doc in read_docbin(project / "corpus" / NAME / "test.spacy", nlp.vocab)]
    result["entities"] = [
        [(ent.start_char, ent.end_char, ent.label_, ent._.score) for ent in doc.ents]
        for doc in nlp.pipe(texts)
    ]
    return result


def _without_measured(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_measured(v) for k, v in value.items() if k not in MEASURED}
    return [_without_measured(one) for one in value] if isinstance(value, list) else value


def _differences(whole: Any, broken: Any, place: str = "") -> Iterator[str]:
    """YIELDS (str): Where two results differ, and how."""
    if type(whole) is type(broken) is dict:
        for key in sorted({*whole, *broken}):
            yield from _differences(whole.get(key), broken.get(key), f"{place}[{key}]")
    elif whole != broken:
        yield f"{place}: {str(whole)[:100]} and {str(broken)[:100]}"


if __name__ == "__main__":
    app()
