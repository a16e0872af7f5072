"""Checking and selecting the GPU."""

import torch
from thinc.api import require_gpu
from thinc.util import has_cupy_gpu

from .errors import InputError, install_extra

NO_APPLE_GPU = "Apple GPUs are not supported: use the CPU."


def check_gpu(gpu_id: int) -> None:
    """Check that a GPU is available, and select it.

    gpu_id (int): The GPU's number; -1 for the CPU.
    RAISES: InputError if the GPU cannot be used.
    """
    if gpu_id < 0:
        return
    if not torch.cuda.is_available() and torch.backends.mps.is_available():
        raise InputError(f"GPU {gpu_id} was requested. {NO_APPLE_GPU} Set --gpu-id -1.")
    if not torch.cuda.is_available():
        raise InputError(
            f"GPU {gpu_id} was requested, but torch finds none. Use the CPU with --gpu-id -1, "
            "or install a build of torch for this machine's CUDA version."
        )
    if gpu_id >= torch.cuda.device_count():
        raise InputError(
            f"GPU {gpu_id} was requested, but there are only {torch.cuda.device_count()}, "
            "counted from 0."
        )
    if not has_cupy_gpu:
        version = (torch.version.cuda or "12").split(".")[0]
        raise InputError(
            f"GPU {gpu_id} was requested and torch can use it, but spaCy also needs CuPy: "
            f"{install_extra(f'cuda{version}x')}"
        )
    require_gpu(gpu_id)
