"""What a benchmark ran on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGES = ("spacy", "spacy-transformers", "thinc", "torch", "transformers", "numpy")


def versions() -> dict[str, str]:
    """RETURNS (dict[str, str]): The versions of what counts."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware(gpu_id: int = -1) -> dict[str, str | int | None]:
    """gpu_id (int): The GPU that was used, or -1.
    RETURNS (dict[str, str | int | None]): Processor, cores, threads, GPU."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else None,
    }


def _cpu_name() -> str:
    """The processor's name, where the system says it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
