"""Whether a GPU can be used."""

import torch
from thinc.api import require_gpu
from thinc.util import has_cupy_gpu

from .errors import InputError, install_extra


def check_gpu(gpu_id: int) -> None:
    """See that a GPU can be used if one is asked for.

    gpu_id (int): Its number; -1 for the CPU.
    RAISES: InputError if it cannot.
    """
    if gpu_id < 0:
        return
    if not torch.cuda.is_available():
        raise InputError(
            f"GPU {gpu_id} was asked for, but torch finds none. Train on the CPU with "
            "--gpu-id -1, or install a torch built for this machine's CUDA."
        )
    if gpu_id >= torch.cuda.device_count():
        raise InputError(
            f"GPU {gpu_id} was asked for, but there are only {torch.cuda.device_count()}, "
            "counted from 0."
        )
    if not has_cupy_gpu:
        version = (torch.version.cuda or "12").split(".")[0]
        raise InputError(
            f"GPU {gpu_id} was asked for, and torch can use it, but spaCy needs CuPy beside "
            f"it: {install_extra(f'cuda{version}x')}"
        )
    require_gpu(gpu_id)
