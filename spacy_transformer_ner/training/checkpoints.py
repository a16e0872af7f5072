"""The logger spacy-transformer-ner.CheckpointLogger.v1: a training that is interrupted
goes on where it was, and ends with the weights it would have had."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Dict, NoReturn, Optional

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from spacy.language import Language
from wasabi import msg

from ..corpus.docbin import docbin_files
from ..errors import InputError
from ..files import new_folder, sha256
from ..provenance import versions
from .run import Evaluated, Log, SetUp, TrainingRun, run_of, write_failure
from .state import Tensors, digest_of_weights, get_state, set_state

KEPT = 2
FORMAT = 3
# What reading something that was edited or half deleted raises.
DAMAGED = (
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)


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
        self._best: Optional[Path] = None
        self._lock = FileLock(folder / ".lock")
        self._made_of = _made_of(nlp)
        self._surroundings = {**versions(), "threads": torch.get_num_threads()}

    def go_on(self) -> None:
        """Have the run pass over what the newest checkpoint has, if there is one that is
        of this training."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            for half in self.folder.glob(".step-*"):
                shutil.rmtree(half)
            self._go_on()
        except Timeout:
            self.run.give_up(
                f"Another training that is running keeps its checkpoints in {self.folder}. Wait "
                "for its end, or name another folder in paths.checkpoints."
            )
        except OSError as error:
            self.run.give_up(
                f"{write_failure(error, self.folder)} Name another folder in paths.checkpoints."
            )

    def _go_on(self) -> None:
        found = _kept(self.folder)
        for checkpoint in reversed(found):
            try:
                state, evaluations, tensors = _read(checkpoint)
                break
            except DAMAGED as error:
                what = f"{type(error).__name__}: {error}"
                msg.warn(f"{checkpoint} cannot be read, and is removed: {what}")
                _remove(checkpoint)
        else:
            return
        changed = (
            [name for name, value in self._made_of.items() if state["made_of"].get(name) != value]
            if state["format"] == FORMAT
            else ["the form of checkpoints"]
        )
        if changed:
            what = " and ".join(changed)
            msg.warn(f"Starts anew: since {checkpoint} was kept, {what} changed")
            for old in _kept(self.folder):
                _remove(old)
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
        msg.info(f"Goes on from {checkpoint}: up to step {state['step']} all is known")

        def restore() -> None:
            if self.run.batches != state["batches"]:
                self._cannot_go_on("the batches come out otherwise than before the interruption")
            try:
                set_state(self.nlp, self.run.optimizer, tensors, state["rest"])
            except DAMAGED as error:
                self._cannot_go_on(
                    f"{checkpoint} does not fit the pipeline ({type(error).__name__}: {error})"
                )
            tensors.clear()

        self.newest = checkpoint
        self.run.pass_over(evaluations, restore)

    def _cannot_go_on(self, why: str) -> NoReturn:
        self._put_back()
        self.newest = None
        self.run.give_up(f"It cannot go on: {why}. Remove {self.folder} to start anew.")

    def _put_back(self) -> None:
        """What spaCy takes for the best while steps are passed over is hollow."""
        if self._best and self.newest and (self.newest / "best").is_dir():
            shutil.rmtree(self._best, ignore_errors=True)
            shutil.copytree(self.newest / "best", self._best)

    def log(self, info: Optional[Dict[str, Any]]) -> None:
        """info (dict | None): What spaCy tells after each step, None where there was no
        evaluation."""
        if info is None:
            return
        self.evaluations.append(self.run.evaluated(info))
        output = info.get("output_path")
        self._best = Path(output).parent / "model-best" if output else None
        if self.run.passes_over:
            return
        at = self.folder / f"step-{info['step']:06d}"
        if at == self.newest:
            # Here the run goes on. The best up to here may be of this very step.
            if self._best and info["score"] < max(score for score, _ in info["checkpoints"]):
                if not (at / "best").is_dir():
                    self._cannot_go_on(f"{at} was kept without --output, and has no best pipeline")
                self._put_back()
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
            self._write(at, state)
            self.newest = at
            for old in _kept(self.folder)[:-KEPT]:
                _remove(old)
        except (OSError, InputError, SafetensorError) as error:
            self.run.give_up(write_failure(error, at))

    def finish(self, interrupted: bool) -> None:
        """interrupted (bool): Whether the training ended before its time. Else it needs no
        checkpoints any more."""
        if interrupted and self.run.passes_over:
            self._put_back()
        if not interrupted:
            for checkpoint in _kept(self.folder):
                _remove(checkpoint)
        elif self.newest:
            msg.info(f"Interrupted. The same command goes on from {self.newest}")
        self._lock.release()
        with suppress(OSError):  # there may be what is not ours
            (self.folder / ".lock").unlink(missing_ok=True)
            self.folder.rmdir()

    def _write(self, path: Path, state: dict[str, Any]) -> None:
        with new_folder(path) as new:
            new.mkdir()
            tensors, state["rest"] = get_state(self.nlp, self.run.optimizer)
            save_file(tensors, new / "state.safetensors")
            if self._best:
                shutil.copytree(self._best, new / "best", copy_function=_link)
            state["sizes"] = {
                file.relative_to(new).as_posix(): file.stat().st_size for file in _files_in(new)
            }
            # Not srsly's, which rounds numbers.
            text = json.dumps(state, default=float)
            (new / "state.json").write_text(text, encoding="utf-8")
            for file in _files_in(new):
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())


def _read(path: Path) -> tuple[dict[str, Any], list[Evaluated], Tensors]:
    """path (Path): A checkpoint.
    RETURNS (tuple[dict, list[Evaluated], dict[str, Tensor]]): Its state, what was
        measured up to it, and its tensors.
    RAISES: One of `DAMAGED` if something is missing."""
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if state["format"] != FORMAT:
        return state, [], {}
    # All that is looked at later.
    state["batches"], state["rest"], {**state["made_of"], **state["surroundings"]}
    for name, size in state["sizes"].items():
        if (path / name).stat().st_size != size:
            raise ValueError(f"{name} is not whole")
    evaluations = [Evaluated(**evaluated) for evaluated in state["evaluations"]]
    if not path.name == f"step-{state['step']:06d}" == f"step-{evaluations[-1].step:06d}":
        raise ValueError("it is of another step")
    return state, evaluations, load_file(path / "state.safetensors")


def _kept(folder: Path) -> list[Path]:
    """RETURNS (list[Path]): The checkpoints of a folder, by step."""
    found = [
        p for p in folder.glob("step-*") if re.fullmatch(r"step-\d{6,}", p.name) and p.is_dir()
    ]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def _remove(checkpoint: Path) -> None:
    """All at once, whatever interrupts it: go_on removes the rest."""
    shutil.rmtree(checkpoint.rename(checkpoint.with_name(f".{checkpoint.name}")))


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


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
        for file in docbin_files(corpus["path"])
    ]
    text = json.dumps(config, sort_keys=True)
    return {
        "the config": blake2b(text.encode(), digest_size=16).hexdigest(),
        "the corpus": " ".join(sha256(file) for file in files),
        "the weights to begin with": digest_of_weights(nlp),
    }
