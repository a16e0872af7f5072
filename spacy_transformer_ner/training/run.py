"""The training behind a logger. spaCy calls its loggers with evaluations only; this also
follows the updates, and can replay finished steps without computing."""

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from timeit import default_timer
from typing import IO, Any, Dict, NoReturn, Optional

from safetensors import SafetensorError
from spacy.language import Language
from spacy.training import Example
from thinc.api import Optimizer

from ..errors import InputError
from ..files import size_of
from .folders import current_call, stop, unlock, write_failure

# spaCy's loggers: `SetUp` takes the pipeline, stdout and stderr, and returns a `Log`, called
# after each step with the evaluation or None, and a function called at the end.
Log = Callable[[Optional[Dict[str, Any]]], None]
SetUp = Callable[[Language, IO, IO], tuple[Log, Callable[[], None]]]


@dataclass
class Evaluated:
    """The results of an evaluation.

    step (int): The step, counted from 0.
    seconds (float): Seconds since the start of the training.
    losses (dict[str, float]): By component, summed since the last evaluation.
    scores (dict[str, Any]): As returned by `nlp.evaluate`.
    """

    step: int
    seconds: float
    losses: dict[str, float]
    scores: dict[str, Any]


class TrainingRun:
    """Follows one call of spaCy's `train`, by wrapping methods of the pipeline. See `run_of`.

    nlp (Language): The pipeline that is trained.

    optimizer (Optimizer | None): Its optimizer, set by the first update.
    files (list[Path]): Files that the loggers write as part of the result.
    n_not_finite (int): The number of latest updates in a row with a loss that is not finite.
        Such losses are not added up, since spaCy writes losses to meta.json, and JSON has no
        NaN.
    """

    def __init__(self, nlp: Language):
        self._nlp = nlp
        self.optimizer: Optional[Optimizer] = None
        self.files: list[Path] = []
        self.n_not_finite = 0
        self._batches = blake2b(digest_size=16)
        self._start = default_timer()
        self._scores: dict[str, Any] = {}
        self._to_replay: list[Evaluated] = []
        self._restore: Callable[[], None] = lambda: None
        self._writes = True
        self._wrapped: list[tuple[Any, str, Any]] = []
        self._wrap()
        _RUNS[nlp] = self

    @property
    def output(self) -> Optional[Path]:
        """RETURNS (Path | None): The folder for model-best and model-last."""
        call = current_call()
        return call.output if call is not None and call.nlp is self._nlp else None

    @property
    def seconds(self) -> float:
        """RETURNS (float): Seconds since the start of the training, replayed steps included."""
        return default_timer() - self._start

    @property
    def batches(self) -> str:
        """RETURNS (str): A digest of all batches so far, in order."""
        return self._batches.hexdigest()

    @property
    def is_replaying(self) -> bool:
        """RETURNS (bool): Whether finished steps are being replayed."""
        return bool(self._to_replay)

    def evaluated(self, info: dict[str, Any]) -> Evaluated:
        """info (dict[str, Any]): What spaCy passes to loggers after an evaluation.
        RETURNS (Evaluated): What is needed to replay it."""
        losses = {name: float(loss) for name, loss in info["losses"].items()}
        return Evaluated(info["step"], self.seconds, losses, self._scores)

    def replay(self, evaluations: Sequence[Evaluated], restore: Callable[[], None]) -> None:
        """Replay the steps up to the last of these evaluations: spaCy's loop runs as usual,
        with its batches, schedules, patience and logs, but updates and evaluations are not
        computed.

        evaluations (Sequence[Evaluated]): All evaluations so far, by step.
        restore (Callable[[], None]): Called at the last one, to set the weights and all other
            state that the updates would have changed.
        """
        self._to_replay, self._restore = list(evaluations), restore

    @contextmanager
    def writing(self, path: str | Path, setting: str = "") -> Iterator[None]:
        """Exit with a message if a file or folder cannot be written.

        path (str | Path): The file or folder.
        setting (str): The setting that changes it, if any, for the message.
        """
        try:
            yield
        except (InputError, OSError, SafetensorError) as error:
            remedy = f" Change the path with {setting}." if setting else ""
            self.stop(f"{write_failure(error, path)}{remedy}")

    def stop(self, why: str) -> NoReturn:
        """Exit with a message instead of a traceback.

        why (str): What is wrong and how to fix it.
        """
        self._writes = False
        stop(why)

    def close(self) -> None:
        """Stop following the training. If there is an output folder, `to_disk` stays wrapped:
        spaCy always writes model-last after this, and the folder is locked until then."""
        if self._to_replay:
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
                # The same text can have other tokens.
                text = f"{len(example.predicted)} {example.predicted.text}\0"
                self._batches.update(text.encode("utf-8", "surrogatepass"))
            losses = kwargs.get("losses")
            kwargs["losses"] = losses = {} if losses is None else losses
            self._before_update()
            if self._to_replay:
                losses.update(self._to_replay[0].losses)
                return losses
            before = dict(losses)
            self._update(update, examples, *args, **kwargs)
            wrong = [name for name, loss in losses.items() if not isfinite(loss)]
            losses.update({name: before.get(name, 0.0) for name in wrong})
            self.n_not_finite = self.n_not_finite + 1 if wrong else 0
            return losses

        def follow_evaluate(*args: Any, **kwargs: Any) -> dict:
            if not self._to_replay:
                self._scores = self._evaluate(evaluate, *args, **kwargs)
                return dict(self._scores)
            known = self._to_replay[0]
            self._start, self._scores = default_timer() - known.seconds, known.scores
            if len(self._to_replay) == 1:
                self._restored()
            # Only now: until the state is restored, an interruption must not write weights.
            del self._to_replay[0]
            return dict(known.scores)

        def follow_to_disk(path: str | Path, *args: Any, **kwargs: Any) -> None:
            path = Path(path)
            if self._to_replay:  # the weights of this step are unknown
                path.mkdir(parents=True, exist_ok=True)
            elif self._writes:
                new = path.with_name(f".{path.name}-new")
                try:
                    with self.writing(path):
                        to_disk(new, *args, **kwargs)
                        # spaCy removes model-best before it copies the new one.
                        if shutil.disk_usage(new).free < size_of(new):
                            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                        shutil.rmtree(path, ignore_errors=True)
                        new.rename(path)
                finally:
                    shutil.rmtree(new, ignore_errors=True)
            if self._nlp not in _RUNS:  # `close` was called: this was model-last
                self._unwrap()
                unlock(path.parent)

        self._put(nlp, "update", follow_update)
        self._put(nlp, "evaluate", follow_evaluate)
        self._put(nlp, "to_disk", follow_to_disk)
        pipes: list[Any] = [pipe for _, pipe in nlp.pipeline]
        for pipe in pipes:
            # spaCy passes the optimizer to components only. Some of spaCy's own components
            # are extension types, which take no new attributes.
            if getattr(pipe, "is_trainable", False) and hasattr(pipe, "__dict__"):
                self._put(pipe, "finish_update", self._follow(pipe.finish_update))

    # What several processes do differently, see `distributed.DistributedRun`.

    def _before_update(self) -> None:
        """Called before each update, also a replayed one."""

    def _update(self, update: Callable, examples: list[Example], *args: Any, **kwargs: Any) -> None:
        update(examples, *args, **kwargs)

    def _evaluate(self, evaluate: Callable, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return evaluate(*args, **kwargs)

    def _restored(self) -> None:
        self._restore()

    def _follow(self, finish_update: Callable[[Optimizer], None]) -> Callable[[Optimizer], None]:
        def follow(optimizer: Optimizer) -> None:
            self.optimizer = optimizer
            finish_update(optimizer)  # does nothing if there is no gradient

        return follow

    def _put(self, owner: Any, name: str, value: Any) -> None:
        self._wrapped.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, value)


_RUNS: dict[Language, TrainingRun] = {}


def run_of(nlp: Language) -> TrainingRun:
    """nlp (Language): A pipeline whose training starts.
    RETURNS (TrainingRun): Its training, shared by all loggers."""
    return _RUNS.get(nlp) or TrainingRun(nlp)
