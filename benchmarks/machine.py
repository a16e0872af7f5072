"""What benchmarks share: running a command and measuring it, and keeping a result with
what it was measured on."""

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
    """RETURNS (dict[str, str]): The versions of what counts."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware(gpu_id: int = -1) -> dict[str, str | int | None]:
    """gpu_id (int): The GPU that was used, or -1.
    RETURNS (dict[str, str | int | None]): Processor, cores, threads, GPU."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(gpu_id) if gpu_id >= 0 else None,
    }


def run(*command: object, quiet: bool = False) -> tuple[float, float]:
    """Run a command from the project's folder; if it fails, so does the benchmark.

    command (object): A command for this Python.
    quiet (bool): Whether what it prints is not shown.
    RETURNS (tuple[float, float]): The seconds it took, and the peak memory in MiB of
        its largest process.
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
    # Linux counts kibibytes.
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def keep(name: str, result: dict[str, Any], gpu_id: int = -1, suffix: str = "") -> Path:
    """Write a result to benchmarks/results, with versions and hardware.

    name (str): The file's name without .json.
    result (dict[str, Any]): The result.
    gpu_id (int): The GPU that was used, or -1.
    suffix (str): Ends the name, to keep it beside another machine's.
    RETURNS (Path): The file.
    """
    path = RESULTS / f"{'-'.join(filter(None, (name, suffix)))}.json"
    write_json(path, {**result, "versions": versions(), "hardware": hardware(gpu_id)})
    msg.good(f"Kept: {path}")
    return path


def growth(mebibytes: list[int]) -> float:
    """mebibytes (list[int]): Memory at moments of a run.
    RETURNS (float): What it grew by in the second half, as a share. In the first the
        caches are filled, which have a bound."""
    half, tenth = len(mebibytes) // 2, len(mebibytes) // 10 or 1
    return round(median(mebibytes[-tenth:]) / median(mebibytes[half : half + tenth]) - 1, 4)
