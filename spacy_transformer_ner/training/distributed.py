"""Training with several processes. All of them run spaCy's training on the same batches, and
each computes the gradient of its share of a batch. Their sum is the gradient of the batch, so
the weights are the same in all processes, and the same as with one process, up to rounding and
dropout. The first process evaluates, logs and saves."""

import io
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy
import torch
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config, Model, Optimizer, PyTorchShim, xp2torch
from thinc.util import has_cupy_gpu
from wasabi import msg

from .. import processes
from ..gpu import check_gpu
from .folders import stop
from .run import TrainingRun
from .state import Tensors, get_state, nodes_of, set_state, weights_of


def train_distributed(config: Path, output: Path, *, gpu_id: int = -1) -> None:
    """Run spaCy's training in this process, one of several. All of them have to call this.

    config (Path): The config, from `prepare`. Only the first process reads it.
    output (Path): The folder for model-best and model-last.
    gpu_id (int): The GPU of this process; -1 for the CPU.
    """
    is_first = processes.is_first()
    text = processes.shared(config.read_text("utf-8") if is_first else "")
    settings = Config().from_str(text, interpolate=False)
    check_gpu(gpu_id)
    if is_first:
        output.mkdir(parents=True, exist_ok=True)
        msg.info(f"Training with {processes.n_processes()} processes")
    else:
        # Ctrl-C reaches all processes. The first saves its work, and the others end with it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        warnings.simplefilter("ignore")
    random.setstate(processes.shared(random.getstate()))  # in case the config sets no seed
    nlp = init_nlp(settings, use_gpu=gpu_id)
    run = DistributedRun(nlp)
    if is_first:
        train(nlp, output, use_gpu=gpu_id, stdout=sys.stdout, stderr=sys.stderr)
    else:
        nlp.config["training"]["logger"] = {"@loggers": "spacy.ConsoleLogger.v1"}
        train(nlp, None, use_gpu=gpu_id, stdout=io.StringIO(), stderr=io.StringIO())
    run.close()


class DistributedRun(TrainingRun):
    """Follows a training with several processes.

    nlp (Language): The initialized pipeline.
    """

    def __init__(self, nlp: Language):
        super().__init__(nlp)
        self._has_begun = False

    def _before_update(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._to_replay = processes.shared(self._to_replay)
        processes.share_tensors(weights for _, _, weights in weights_of(self._nlp))
        self._agree()

    def _update(
        self, update: Callable, examples: list[Example], *args: Any, losses: dict, **kwargs: Any
    ) -> None:
        """Update with this process's share of a batch, and add the losses and gradients of all
        processes."""
        if not processes.is_first():
            # With accumulate_gradient, these are sums of all processes, see below.
            for gradient, set_to_zero in gradients_of(self._nlp):
                if gradient is not None:
                    set_to_zero()
        own: dict[str, float] = {}
        share = share_of(examples, processes.number(), processes.n_processes())
        update(share, *args, losses=own, **kwargs)
        names = self._nlp.pipe_names
        summed = torch.tensor([own.get(name, 0.0) for name in names], dtype=torch.float64)
        processes.sum_tensors([summed])
        for name, loss in zip(names, summed.tolist()):
            if name in own:
                losses[name] = losses.get(name, 0.0) + loss
        sum_gradients(self._nlp)

    def _evaluate(self, evaluate: Callable, *args: Any, **kwargs: Any) -> dict[str, Any]:
        scores = evaluate(*args, **kwargs) if processes.is_first() else {}
        scores = processes.shared(scores)
        self._agree()
        return scores

    def _restored(self) -> None:
        """Give the restored state of the first process to all."""
        super()._restored()
        optimizer = cast(Optimizer, self.optimizer)
        tensors, rest = get_state(self._nlp, optimizer) if processes.is_first() else ({}, {})
        kinds = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
        kinds, rest = processes.shared((kinds, rest))
        received: Tensors = {
            name: tensors.get(name, torch.empty(shape, dtype=dtype))
            for name, (shape, dtype) in kinds.items()
        }
        processes.share_tensors(received.values())
        if not processes.is_first():
            set_state(self._nlp, optimizer, received, rest)
        self._agree()

    def _agree(self) -> None:
        """Make sure that all processes read the same batches, and give each its own random
        numbers for dropout: they follow from those of the first process, so that a resumed
        training has the same ones."""
        batches, state = processes.shared((self.batches, random.getstate()))
        if processes.total(batches != self.batches) and processes.is_first():
            stop(
                "The processes have read different batches. The reader, augmenter and batcher of "
                "the training corpus must take their random numbers from Python's random, and "
                "read the same data in each process."
            )
        random.setstate(state)
        if not processes.is_first():
            seed = random.Random(f"{processes.number()} {state}").getrandbits(31)
            torch.manual_seed(seed)
            numpy.random.seed(seed)
            if has_cupy_gpu:
                import cupy

                cupy.random.seed(seed)


def share_of(examples: Sequence[Example], number: int, n_processes: int) -> list[Example]:
    """Get the share of a batch that a process computes. All shares have about as many words.

    examples (Sequence[Example]): The batch.
    number (int): The number of the process, counted from 0.
    n_processes (int): The number of processes.
    RETURNS (list[Example]): The share. If there are too few texts, one without annotation, whose
        gradient is 0: components do nothing with an empty batch, and the others would wait.
    """
    shares: list[list[Example]] = [[] for _ in range(n_processes)]
    lengths = [0] * n_processes
    ordered = sorted(examples, key=lambda example: len(example.predicted), reverse=True)
    for example in ordered:
        least = lengths.index(min(lengths))
        shares[least].append(example)
        lengths[least] += len(example.predicted)
    if lengths[number] or not any(lengths):
        return shares[number]
    shortest = next(example.predicted for example in reversed(ordered) if len(example.predicted))
    return [Example.from_dict(shortest.copy(), {})]


def gradients_of(nlp: Language) -> Iterator[tuple[torch.Tensor | None, Callable[[], None]]]:
    """nlp (Language): A pipeline.
    YIELDS (tuple[Tensor | None, Callable]): The gradient of each weight, None if it has none; and
        a function that sets it to 0."""
    for _, node in nodes_of(nlp):
        for shim in node.shims:
            if isinstance(shim, PyTorchShim) and shim._model is not None:
                for parameter in shim._model.parameters():
                    yield parameter.grad, partial(_set_to_zero, parameter)
        for name in node.param_names:
            gradient = xp2torch(node.get_grad(name)) if node.has_grad(name) else None
            yield gradient, partial(_set_to_zero_in, node, name)


def _set_to_zero(parameter: torch.nn.Parameter) -> None:
    parameter.grad = torch.zeros_like(parameter)


def _set_to_zero_in(node: Model, name: str) -> None:
    node.set_grad(name, node.ops.xp.zeros_like(node.get_param(name)))


def sum_gradients(nlp: Language) -> None:
    """Replace the gradient of each weight by the sum over all processes. A weight that has none
    in some processes counts as 0 there; if it has none in all of them, it gets none, since
    optimizers skip such weights.

    nlp (Language): The pipeline.
    """
    found = list(gradients_of(nlp))
    counts = torch.tensor([int(gradient is not None) for gradient, _ in found])
    processes.sum_tensors([counts])
    for count, (gradient, set_to_zero) in zip(counts.tolist(), found):
        if count and gradient is None:
            set_to_zero()
    processes.sum_tensors(gradient for gradient, _ in gradients_of(nlp) if gradient is not None)
