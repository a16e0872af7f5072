"""Shared by the benchmarks: run and measure a command, and save a result with the versions and
hardware."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from wasabi import msg

from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.provenance import processor

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

PACKAGES = ("spacy", "spacy-transformers", "thinc", "torch", "transformers", "numpy")


def versions() -> dict[str, str]:
    """RETURNS (dict[str, str]): The versions of Python and the main packages."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware(gpu_id: int = -1) -> dict[str, str | int | None]:
    """gpu_id (int): The GPU that was used, or -1.
    RETURNS (dict[str, str | int | None]): The processor, cores, threads and GPU."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else None,
    }


def run(*command: object, quiet: bool = False) -> tuple[float, float]:
    """Run a command in the project's folder. Exits if it fails.

    command (object): The arguments for this Python.
    quiet (bool): Whether to hide its output.
    RETURNS (tuple[float, float]): The seconds it took, and the peak memory in MiB of its
        largest process.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL if quiet else None,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        msg.fail(f"{' '.join(map(str, command))} failed", exits=1)
    # Linux reports KiB.
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def keep(name: str, result: dict[str, Any], gpu_id: int = -1, suffix: str = "") -> Path:
    """Write a result to benchmarks/results, with versions and hardware.

    name (str): The file's name without .json.
    result (dict[str, Any]): The result.
    gpu_id (int): The GPU that was used, or -1.
    suffix (str): Suffix of the name, e.g. for another machine.
    RETURNS (Path): The file.
    """
    path = RESULTS / f"{'-'.join(filter(None, (name, suffix)))}.json"
    write_json(path, {**result, "versions": versions(), "hardware": hardware(gpu_id)})
    msg.good(f"Saved: {path}")
    return path


def growth(mebibytes: list[int]) -> float:
    """mebibytes (list[int]): The memory over a run.
    RETURNS (float): The relative growth in the second half. In the first half, caches of
        limited size are filled."""
    half, tenth = len(mebibytes) // 2, len(mebibytes) // 10 or 1
    return round(median(mebibytes[-tenth:]) / median(mebibytes[half : half + tenth]) - 1, 4)
