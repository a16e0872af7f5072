"""The processes of one training, started by torch's launcher:
`torchrun --nproc-per-node 2 -m spacy ner train …`. Without it there is one process, and the
functions return what they are given."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from wasabi import msg

from .errors import InputError

Value = TypeVar("Value")

# The other processes wait while the first evaluates. If a process ends, its connections are
# closed, so nobody waits for it.
TIMEOUT = timedelta(days=7)
# Tensors are sent together up to this number of values, because each transfer has a fixed cost.
AT_ONCE = 1 << 23

# Not `dist.is_initialized`: a program may use torch.distributed for something else.
_n_processes = 1
_number = 0


def join(gpu_id: int) -> int:
    """Connect to the other processes, if torchrun has started several.

    gpu_id (int): The GPU of the first process of this machine; -1 for the CPU.
    RETURNS (int): The GPU of this process; -1 for the CPU.
    RAISES: InputError if there are fewer GPUs than processes.
    """
    global _n_processes, _number
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        return gpu_id
    number, on_machine = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    n_processes = int(os.environ["WORLD_SIZE"])
    if n_processes == 1:
        return gpu_id
    n_gpus = torch.cuda.device_count()
    if gpu_id >= 0 and number == 0 and gpu_id + on_machine > n_gpus:  # one message is enough
        raise InputError(
            f"--nproc-per-node {on_machine} with --gpu-id {gpu_id} needs the GPUs {gpu_id} to "
            f"{gpu_id + on_machine - 1}, but torch finds {n_gpus}, counted from 0. Start one "
            "process for each GPU, or train on the CPU with --gpu-id -1."
        )
    dist.init_process_group("gloo" if gpu_id < 0 else "cpu:gloo,cuda:nccl", timeout=TIMEOUT)
    _n_processes, _number = n_processes, dist.get_rank()
    return gpu_id + number if gpu_id >= 0 else gpu_id


def leave() -> None:
    """Close the connections to the other processes."""
    global _n_processes, _number
    if _n_processes > 1:
        dist.destroy_process_group()
        _n_processes, _number = 1, 0


def n_processes() -> int:
    """RETURNS (int): The number of processes of this training."""
    return _n_processes


def number() -> int:
    """RETURNS (int): The number of this process, counted from 0."""
    return _number


def is_first() -> bool:
    """RETURNS (bool): Whether this process is the one that evaluates, logs and saves."""
    return _number == 0


def total(value: int) -> int:
    """value (int): A number of this process. All processes have to call this.
    RETURNS (int): The sum of the numbers of all processes."""
    if _n_processes == 1:
        return value
    summed = torch.tensor(value)
    sum_tensors([summed])
    return int(summed)


def shared(value: Value) -> Value:
    """value (Any): A value of this process. All processes have to call this.
    RETURNS (Any): The value of the first process."""
    if _n_processes == 1:
        return value
    values = [value]
    with _connected():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def sum_tensors(tensors: Iterable[torch.Tensor]) -> None:
    """Replace tensors by their sums over all processes, which all have to call this.

    tensors (Iterable[Tensor]): The tensors, changed in place. Their shapes and order are the
        same in all processes.
    """
    _transfer(tensors, dist.all_reduce)


def share_tensors(tensors: Iterable[torch.Tensor]) -> None:
    """Replace tensors by those of the first process, see `sum_tensors`."""
    _transfer(tensors, lambda tensor: dist.broadcast(tensor, src=0))


@torch.no_grad()
def _transfer(tensors: Iterable[torch.Tensor], run: Callable[[torch.Tensor], object]) -> None:
    if _n_processes == 1:
        return
    for group in _groups(tensors):
        values = torch.cat([tensor.reshape(-1) for tensor in group])
        with _connected():
            run(values)
        parts = values.split([tensor.numel() for tensor in group])
        for tensor, part in zip(group, parts):
            tensor.copy_(part.view(tensor.shape))


def _groups(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Group tensors of the same kind, of up to `AT_ONCE` values together."""
    groups: dict[tuple, list[torch.Tensor]] = {}
    for tensor in tensors:
        group = groups.setdefault((tensor.device, tensor.dtype), [])
        if group and sum(other.numel() for other in group) + tensor.numel() > AT_ONCE:
            yield group.copy()
            group.clear()
        group.append(tensor)
    yield from groups.values()


@contextmanager
def _connected() -> Iterator[None]:
    """Exit if another process has ended. It has printed why, and torchrun ends with its exit
    code. SystemExit, because spaCy reports other exceptions itself."""
    try:
        yield
    except RuntimeError as error:
        if not is_first():
            raise SystemExit(0) from None
        msg.fail("Training stopped", f"Another process of this training ended. {error}")
        raise SystemExit(1) from None
