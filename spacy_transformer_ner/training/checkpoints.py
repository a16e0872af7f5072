"""The logger spacy-transformer-ner.CheckpointLogger.v1: a training that is interrupted
goes on where it was, and ends with the weights it would have had."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Dict, Optional

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from spacy.language import Language
from wasabi import msg

from ..errors import InputError
from ..files import new_folder, sha256
from ..report.provenance import versions
from .run import Evaluated, TrainingRun, describe, run_of
from .state import digest_of_weights, get_state, set_state

Log = Callable[[Optional[Dict[str, Any]]], None]
SetUp = Callable[[Language, IO, IO], tuple[Log, Callable[[], None]]]

KEPT = 2
FORMAT = 1


def checkpoint_logger(path: Optional[str] = None) -> SetUp:
    """Keep a checkpoint at every evaluation, the newest two, and go on from the newest
    when the same training starts again. It passes over the steps that are done, so spaCy's
    loop, its table and every other logger are as if there had been no interruption; then
    it sets weights, optimizer and random numbers to what they were. On a CPU the weights
    of the end are the same to the last bit. Registered as
    spacy-transformer-ner.CheckpointLogger.v1.

    A training of another config, other data or other weights to begin with starts anew.
    When it has ended well the checkpoints go.

    path (str | None): A folder for them, made if it is not there. None keeps none.
    RETURNS (Callable): The logger.
    """

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        if path is None:
            return lambda info: None, lambda: None
        run = run_of(nlp)
        keeper = Checkpoints(Path(path), nlp, run)
        keeper.go_on()

        def finish() -> None:
            run.close()
            keeper.finish(interrupted=sys.exc_info()[0] is not None)

        return keeper.log, finish

    return set_up


class Checkpoints:
    """The checkpoints of a training: folders step-000450 and so on, each with
    state.json, state.safetensors, and the best pipeline up to there.

    folder (Path): Where they are.
    nlp (Language): The pipeline, initialised.
    run (TrainingRun): Its training.
    """

    def __init__(self, folder: Path, nlp: Language, run: TrainingRun):
        self.folder = folder
        self.nlp = nlp
        self.run = run
        self.evaluations: list[Evaluated] = []
        self.newest: Optional[Path] = None
        self._made_of = _made_of(nlp)
        self._surroundings = {**versions(), "threads": torch.get_num_threads()}

    def go_on(self) -> None:
        """Have the run pass over what the newest checkpoint has, if there is one that is
        of this training."""
        for half in self.folder.glob(".step-*"):
            shutil.rmtree(half)
        found = sorted(self.folder.glob("step-*"))
        for checkpoint in reversed(found):
            try:
                state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
                tensors = load_file(checkpoint / "state.safetensors")
                break
            except (OSError, ValueError, SafetensorError) as error:
                msg.warn(f"{checkpoint} cannot be read, and is removed: {error}")
                shutil.rmtree(checkpoint)
        else:
            return
        made_of = state["made_of"]
        changed = [name for name, value in self._made_of.items() if made_of.get(name) != value]
        if state["format"] != FORMAT or changed:
            what = " and ".join(changed) or "the form of checkpoints"
            msg.warn(f"Starts anew: since {checkpoint} was kept, {what} changed")
            for old in found:
                shutil.rmtree(old)
            return
        others = [
            f"{name} {state['surroundings'].get(name)} (now {value})"
            for name, value in self._surroundings.items()
            if state["surroundings"].get(name) != value
        ]
        if others:
            msg.warn(
                "The last bits of the weights may come out otherwise: up to here it was "
                + ", ".join(others)
            )
        evaluations = [Evaluated(**evaluated) for evaluated in state["evaluations"]]
        msg.info(f"Goes on from {checkpoint}: up to step {state['step']} all is known")

        def restore() -> None:
            if self.run.batches != state["batches"]:
                raise InputError(
                    "the batches come out otherwise than before the interruption, so the "
                    f"training cannot go on. Remove {self.folder} to start anew."
                )
            set_state(self.nlp, self.run.optimizer, tensors, state["rest"])
            tensors.clear()

        self.newest = checkpoint
        self.run.pass_over(evaluations, restore)

    def log(self, info: Optional[Dict[str, Any]]) -> None:
        """info (dict | None): What spaCy tells after each step, None where there was no
        evaluation."""
        if info is None:
            return
        self.evaluations.append(self.run.evaluated(info))
        if self.run.passes_over:
            return
        at = self.folder / f"step-{info['step']:06d}"
        output = info.get("output_path")
        best = Path(output).parent / "model-best" if output else None
        if at == self.newest:
            # Here the run goes on. What spaCy took for the best up to here is hollow, unless
            # it is of this very step.
            if best and info["score"] < max(score for score, _ in info["checkpoints"]):
                shutil.rmtree(best)
                shutil.copytree(at / "best", best)
            return
        state = {
            "format": FORMAT,
            "step": info["step"],
            "made_of": self._made_of,
            "surroundings": self._surroundings,
            "batches": self.run.batches,
            "evaluations": [asdict(evaluated) for evaluated in self.evaluations],
        }
        try:
            self._write(at, state, best)
        except (OSError, SafetensorError) as error:
            self.run.give_up(describe(error, at))
        self.newest = at
        for old in sorted(self.folder.glob("step-*"))[:-KEPT]:
            shutil.rmtree(old)

    def finish(self, interrupted: bool) -> None:
        """interrupted (bool): Whether the training ended before its time. Else it needs no
        checkpoints any more."""
        if not interrupted:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.newest:
            msg.info(f"Interrupted. The same command goes on from {self.newest}")

    def _write(self, path: Path, state: dict[str, Any], best: Optional[Path]) -> None:
        with new_folder(path) as new:
            new.mkdir()
            tensors, state["rest"] = get_state(self.nlp, self.run.optimizer)
            save_file(tensors, new / "state.safetensors")
            # Not srsly's, which rounds numbers.
            text = json.dumps(state, default=float)
            (new / "state.json").write_text(text, encoding="utf-8")
            if best:
                shutil.copytree(best, new / "best", copy_function=_link)
            for file in new.rglob("*"):
                if file.is_file():
                    with file.open("rb") as opened:
                        os.fsync(opened.fileno())


def _link(source: str, target: str) -> None:
    """Spare the disk where it can be: spaCy writes the best pipeline to new files."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _made_of(nlp: Language) -> dict[str, str]:
    """RETURNS (dict[str, str]): What a training is made of, as digests."""
    config = nlp.config.interpolate()
    config["training"].pop("logger")
    config.pop("paths")
    files = [
        file
        for corpus in config["corpora"].values()
        if isinstance(corpus, dict) and corpus.get("path")
        for file in _files(Path(corpus["path"]))
    ]
    text = json.dumps(config, sort_keys=True)
    return {
        "the config": blake2b(text.encode(), digest_size=16).hexdigest(),
        "the corpus": " ".join(sha256(file) for file in files),
        "the weights to begin with": digest_of_weights(nlp),
    }


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.spacy")) if path.is_dir() else [path]
