"""The training that a logger is called in. spaCy tells its loggers of evaluations
only; this sees updates too, and can have steps passed over."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from timeit import default_timer
from typing import IO, Any, Dict, NoReturn, Optional

from spacy.language import Language
from spacy.training import Example
from thinc.api import Optimizer

from .folders import current_call, disk_full, stop, unlock, write_failure

# What spaCy's loggers are: set up with the pipeline, standard output and error; called
# after each step, with what is known of it if it was evaluated; closed.
Log = Callable[[Optional[Dict[str, Any]]], None]
SetUp = Callable[[Language, IO, IO], tuple[Log, Callable[[], None]]]


@dataclass
class Evaluated:
    """What an evaluation gave.

    step (int): After which step, counted from 0.
    seconds (float): Of training up to it.
    losses (dict[str, float]): By component, added up since the last evaluation.
    scores (dict[str, Any]): What `nlp.evaluate` returned.
    """

    step: int
    seconds: float
    losses: dict[str, float]
    scores: dict[str, Any]


class TrainingRun:
    """Follows one call of spaCy's `train`; see `run_of`.

    nlp (Language): The pipeline that is trained.

    optimizer (Optimizer | None): Its optimizer, after the first update.
    output (Path | None): Where its model-best and model-last go.
    files (list[Path]): What loggers write that belongs to the result.
    n_not_finite (int): How many updates in a row, up to the last, had a loss that is not
        finite. spaCy writes losses to meta.json, which cannot hold them, so what such an
        update adds is left out.
    """

    def __init__(self, nlp: Language):
        self._nlp = nlp
        self.optimizer: Optional[Optimizer] = None
        call = current_call()
        self.output = call.output if call is not None and call.nlp is nlp else None
        self.files: list[Path] = []
        self.n_not_finite = 0
        self._batches = blake2b(digest_size=16)
        self._start = default_timer()
        self._scores: dict[str, Any] = {}
        self._to_pass: list[Evaluated] = []
        self._restore: Callable[[], None] = lambda: None
        self._writes = True
        self._wrapped: list[tuple[Any, str, Any]] = []
        self._wrap()

    @property
    def seconds(self) -> float:
        """RETURNS (float): How long the training has run, what was passed over included."""
        return default_timer() - self._start

    @property
    def batches(self) -> str:
        """RETURNS (str): A digest of the batches up to now, in their order."""
        return self._batches.hexdigest()

    @property
    def passes_over(self) -> bool:
        """RETURNS (bool): Whether the steps that are done are passed over."""
        return bool(self._to_pass)

    def evaluated(self, info: dict[str, Any]) -> Evaluated:
        """info (dict[str, Any]): What spaCy tells of an evaluation.
        RETURNS (Evaluated): What is needed to pass over it later."""
        losses = {name: float(loss) for name, loss in info["losses"].items()}
        return Evaluated(info["step"], self.seconds, losses, self._scores)

    def pass_over(self, evaluations: Sequence[Evaluated], restore: Callable[[], None]) -> None:
        """Go through the steps up to the last of some evaluations as spaCy's loop does,
        batches, schedules, patience and log included, but without computing: what they
        gave is known.

        evaluations (Sequence[Evaluated]): All evaluations up to there, by step.
        restore (Callable[[], None]): Called at the last: sets the weights and whatever
            else the updates would have changed.
        """
        self._to_pass, self._restore = list(evaluations), restore

    def give_up(self, why: str) -> NoReturn:
        """End the program with a message in place of a traceback.

        why (str): What is wrong and what to do.
        """
        self._writes = False
        stop(why)

    def close(self) -> None:
        """Follow no longer. Where there is an output folder, spaCy writes model-last to it
        after this, whatever happened; the folder is locked until then."""
        if self._to_pass:
            self._writes = False
        self._unwrap(*({"to_disk"} if self.output else ()))
        _RUNS.pop(self._nlp, None)

    def _unwrap(self, *but: str) -> None:
        for owner, name, before in self._wrapped:
            if name in but:
                continue
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        self._wrapped = [wrapped for wrapped in self._wrapped if wrapped[1] in but]

    def _wrap(self) -> None:
        nlp = self._nlp
        update, evaluate, to_disk = nlp.update, nlp.evaluate, nlp.to_disk

        def follow_update(examples: Iterable[Example], *args: Any, **kwargs: Any) -> dict:
            examples = list(examples)
            for example in examples:
                # The same text can come in other tokens.
                text = f"{len(example.predicted)} {example.predicted.text}\0"
                self._batches.update(text.encode("utf-8", "surrogatepass"))
            losses = kwargs.get("losses")
            kwargs["losses"] = losses = {} if losses is None else losses
            if self._to_pass:
                losses.update(self._to_pass[0].losses)
                return losses
            before = dict(losses)
            update(examples, *args, **kwargs)
            wrong = [name for name, loss in losses.items() if not isfinite(loss)]
            losses.update({name: before.get(name, 0.0) for name in wrong})
            self.n_not_finite = self.n_not_finite + 1 if wrong else 0
            return losses

        def follow_evaluate(*args: Any, **kwargs: Any) -> dict:
            if not self._to_pass:
                self._scores = evaluate(*args, **kwargs)
                return dict(self._scores)
            known = self._to_pass[0]
            self._start, self._scores = default_timer() - known.seconds, known.scores
            if len(self._to_pass) == 1:
                self._restore()
            # Not before: until then nothing is to be written, whatever interrupts it.
            del self._to_pass[0]
            return dict(known.scores)

        def follow_to_disk(path: str | Path, *args: Any, **kwargs: Any) -> None:
            path = Path(path)
            if self._to_pass:  # the weights of this step are not known
                path.mkdir(parents=True, exist_ok=True)
            elif self._writes:
                new = path.with_name(f".{path.name}-new")
                try:
                    to_disk(new, *args, **kwargs)
                    _require_room(new)
                    shutil.rmtree(path, ignore_errors=True)
                    new.rename(path)
                except OSError as error:
                    shutil.rmtree(new, ignore_errors=True)
                    self.give_up(write_failure(error, path))
            if self._nlp not in _RUNS:  # the last one
                self._unwrap()
                unlock(path.parent)

        self._put(nlp, "update", follow_update)
        self._put(nlp, "evaluate", follow_evaluate)
        self._put(nlp, "to_disk", follow_to_disk)
        for _, pipe in nlp.pipeline:
            # The optimizer is shown to components only. Some of spaCy's own take no
            # attributes.
            if getattr(pipe, "is_trainable", False) and hasattr(pipe, "__dict__"):
                self._put(pipe, "finish_update", self._follow(pipe.finish_update))

    def _follow(self, finish_update: Callable[[Optimizer], None]) -> Callable[[Optimizer], None]:
        def follow(optimizer: Optimizer) -> None:
            self.optimizer = optimizer
            finish_update(optimizer)  # does nothing where there is no gradient

        return follow

    def _put(self, owner: Any, name: str, value: Any) -> None:
        self._wrapped.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, value)


def _require_room(pipeline: Path) -> None:
    """spaCy removes the best pipeline and copies the new one: do not let it begin what it
    cannot end."""
    size = sum(file.stat().st_size for file in pipeline.rglob("*") if file.is_file())
    if shutil.disk_usage(pipeline).free < size:
        raise disk_full(pipeline)


_RUNS: dict[Language, TrainingRun] = {}


def run_of(nlp: Language) -> TrainingRun:
    """nlp (Language): A pipeline whose training begins.
    RETURNS (TrainingRun): Its training, the same for all loggers."""
    if nlp not in _RUNS:
        _RUNS[nlp] = TrainingRun(nlp)
    return _RUNS[nlp]
