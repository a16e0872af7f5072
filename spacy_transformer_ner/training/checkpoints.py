"""The logger spacy-transformer-ner.CheckpointLogger.v1: an interrupted training resumes and
ends with the same weights as an uninterrupted one; a finished training is not repeated."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Dict, NoReturn, Optional, cast

import torch
from spacy.language import Language
from thinc.api import Optimizer
from wasabi import msg

from ..atomic import files_in
from ..errors import InputError
from ..files import read_json, write_json
from ..processes import n_processes
from ..provenance import versions
from .checkpoint_files import (
    DAMAGED,
    FORMAT,
    checkpoints_in,
    made_of,
    read_checkpoint,
    remove_checkpoint,
    software,
    write_checkpoint,
)
from .folders import Call, current_call, lock, lock_output, require_room, unlock
from .run import Evaluated, Log, SetUp, TrainingRun, run_of
from .state import set_state, size_of_weights

# The number of checkpoints to keep.
KEPT = 2
# Replaces the checkpoints when the training is finished.
FINISHED = "finished.json"


def checkpoint_logger(path: Optional[str] = None) -> SetUp:
    """Write a checkpoint at every evaluation, keep the newest two, and resume from the newest
    when the same training is started again. Finished steps are replayed without computing, so
    spaCy's loop, its table and all other loggers run as in an uninterrupted training; then
    weights, optimizer and random number generators are restored. On CPU the final weights are
    bit-identical. Registered as spacy-transformer-ner.CheckpointLogger.v1.

    If the config, the data or the initial weights have changed, the training starts from
    scratch. At the end the checkpoints are replaced by a file that marks the training as
    finished. Starting the same training again then does nothing.

    path (str | None): The folder for the checkpoints, created if needed; None for none.
    RETURNS (Callable): The logger. Put it last in the chain, so that the final work of the
        other loggers can be repeated if it is interrupted.
    """
    lock_output()
    call = current_call()
    if call is not None:
        _prepare(call, None if path is None else Path(path))

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        if path is None:
            return lambda info: None, lambda: None
        run = run_of(nlp)
        keeper = Checkpoints(Path(path), nlp, run)
        keeper.resume()

        def finish() -> None:
            run.close()
            keeper.finish(interrupted=sys.exc_info()[0] is not None)

        return keeper.log, finish

    return set_up


def _prepare(call: Call, folder: Optional[Path]) -> None:
    """Make all checks that must be made before spaCy empties the output folder."""
    size = size_of_weights(call.nlp)
    # model-best, model-last, and a temporary copy of either.
    needs = {} if call.output is None else {call.output: 3 * size}
    if folder is not None:
        lock(folder, "paths.checkpoints")
        _stop_if_finished(call, folder)
        # A checkpoint holds the weights and at least as much optimizer state. One more exists
        # while a new one is written.
        needs[folder] = needs.get(folder, 0) + (KEPT + 1) * 2 * size
    require_room(needs)


def _stop_if_finished(call: Call, folder: Path) -> None:
    """Exit with status 0 if this training is finished and its pipeline exists: spaCy would
    remove the pipeline and train it again."""
    if call.output is None or not (folder / FINISHED).is_file():
        return
    try:
        finished = read_json(folder / FINISHED, "train")
        same = finished["made_of"] == {**made_of(call.nlp), **software()}
        missing = [name for name in finished["files"] if not (call.output / name).exists()]
    except (*DAMAGED, InputError):
        return
    if not same:
        return
    if missing:
        msg.warn(f"Training again: {call.output / missing[0]} of the finished training is missing")
        return
    msg.good(
        f"This training is finished: {call.output / 'model-best'}",
        "Config, corpus, initial weights and software are unchanged. To train again, remove "
        f"{folder / FINISHED}",
    )
    for checkpoint in checkpoints_in(folder):  # left if the end was interrupted
        remove_checkpoint(checkpoint)
    unlock(folder)
    unlock(call.output)
    raise SystemExit(0)


class Checkpoints:
    """The checkpoints of a training: folders such as step-000450, each with state.json,
    state.safetensors and the best pipeline so far.

    folder (Path): The folder of the checkpoints.
    nlp (Language): The initialized pipeline.
    run (TrainingRun): Its training.
    """

    def __init__(self, folder: Path, nlp: Language, run: TrainingRun):
        self.folder = folder
        self.nlp = nlp
        self.run = run
        self.evaluations: list[Evaluated] = []
        self.newest: Optional[Path] = None
        self._best: Optional[Path] = None
        self._made_of = made_of(nlp)
        self._surroundings = {
            **versions(),
            "threads": torch.get_num_threads(),
            "processes": n_processes(),
        }

    def resume(self) -> None:
        """Resume from the newest checkpoint of this training, if any."""
        lock(self.folder, "paths.checkpoints")
        with self.run.writing(self.folder, "paths.checkpoints"):
            (self.folder / FINISHED).unlink(missing_ok=True)
            for half in self.folder.glob(".step-*"):
                shutil.rmtree(half)
            self._resume()

    def _resume(self) -> None:
        found = checkpoints_in(self.folder)
        for checkpoint in reversed(found):
            try:
                state, evaluations, tensors = read_checkpoint(checkpoint)
                break
            except DAMAGED as error:
                what = f"{type(error).__name__}: {error}"
                msg.warn(f"Removing {checkpoint}, which cannot be read: {what}")
                remove_checkpoint(checkpoint)
        else:
            return
        changed = (
            [name for name, value in self._made_of.items() if state["made_of"].get(name) != value]
            if state["format"] == FORMAT
            else ["the checkpoint format"]
        )
        if changed:
            what = " and ".join(changed)
            msg.warn(f"Starting from scratch: {what} changed since {checkpoint} was written")
            for old in checkpoints_in(self.folder):
                remove_checkpoint(old)
            return
        others = [
            f"{name} {state['surroundings'].get(name)} (now {value})"
            for name, value in self._surroundings.items()
            if state["surroundings"].get(name) != value
        ]
        if others:
            msg.warn(
                "The final weights may not be bit-identical. The checkpoint was written with "
                + ", ".join(others)
            )
        msg.info(f"Resuming from {checkpoint}. Steps up to {state['step']} are replayed")

        def restore() -> None:
            if self.run.batches != state["batches"]:
                self._cannot_resume("the batches differ from those before the interruption")
            try:
                set_state(self.nlp, cast(Optimizer, self.run.optimizer), tensors, state["rest"])
            except DAMAGED as error:
                self._cannot_resume(
                    f"{checkpoint} does not fit the pipeline ({type(error).__name__}: {error})"
                )
            tensors.clear()

        self.newest = checkpoint
        self.run.replay(evaluations, restore)

    def _cannot_resume(self, why: str) -> NoReturn:
        self._put_back()
        self.newest = None
        self.run.stop(f"Cannot resume: {why}. Remove {self.folder} to start from scratch.")

    def _put_back(self) -> None:
        """Restore model-best, of which spaCy writes an empty one while steps are replayed."""
        if self._best and self.newest and (self.newest / "best").is_dir():
            shutil.rmtree(self._best, ignore_errors=True)
            shutil.copytree(self.newest / "best", self._best)

    def log(self, info: Optional[Dict[str, Any]]) -> None:
        """info (dict | None): What spaCy passes to loggers after each step; None if there was
        no evaluation."""
        if info is None:
            return
        self.evaluations.append(self.run.evaluated(info))
        output = info.get("output_path")
        self._best = Path(output).parent / "model-best" if output else None
        if self.run.is_replaying:
            return
        at = self.folder / f"step-{info['step']:06d}"
        if at == self.newest:
            # The run resumes here. If this step is the best, spaCy has just written it.
            if self._best and info["score"] < max(score for score, _ in info["checkpoints"]):
                if not (at / "best").is_dir():
                    self._cannot_resume(f"{at} was written without --output: no best pipeline")
                self._put_back()
            return
        state = {
            "step": info["step"],
            "made_of": self._made_of,
            "surroundings": self._surroundings,
            "batches": self.run.batches,
            "evaluations": [asdict(evaluated) for evaluated in self.evaluations],
        }
        with self.run.writing(at):
            # Updates have set the optimizer.
            optimizer = cast(Optimizer, self.run.optimizer)
            write_checkpoint(at, self.nlp, optimizer, state, self._best)
            self.newest = at
            for old in checkpoints_in(self.folder)[:-KEPT]:
                remove_checkpoint(old)

    def finish(self, interrupted: bool) -> None:
        """Mark the training as finished and remove its checkpoints, unless interrupted.

        interrupted (bool): Whether the training was interrupted.
        """
        if interrupted and self.run.is_replaying:
            self._put_back()
        if not interrupted:
            with self.run.writing(self.folder):
                self._finished()
                for checkpoint in checkpoints_in(self.folder):
                    remove_checkpoint(checkpoint)
        elif self.newest:
            msg.info(f"Interrupted. Run the same command to resume from {self.newest}")
        if self.run.output is None or self.folder.resolve() != self.run.output.resolve():
            unlock(self.folder)
        with suppress(OSError):  # the folder may hold other files
            self.folder.rmdir()

    def _finished(self) -> None:
        if not self._best:
            return
        output = self._best.parent
        files = [*files_in(self._best), *self.run.files]
        content = {
            "made_of": {**self._made_of, **software()},
            # Relative to the output folder, so that a project can be moved.
            "files": [Path(os.path.relpath(file, output)).as_posix() for file in files],
        }
        write_json(self.folder / FINISHED, content)
