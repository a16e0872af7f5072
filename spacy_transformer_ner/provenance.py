"""Versions, hardware, data and commands behind a pipeline and its figures."""

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import torch
from thinc.api import get_current_ops

from .files import sha256

PACKAGES = (
    "spacy-transformer-ner", "spacy", "spacy-transformers", "thinc", "torch", "transformers",
    "tokenizers", "numpy", "scikit-learn",
)  # fmt: skip


def provenance(
    files: Sequence[str | Path], commands: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """Collect what is needed to reproduce figures.

    files (Sequence[str | Path]): The data.
    commands (Sequence[str]): The commands that were run, in order.
    RETURNS (dict[str, dict[str, str]]): Tables by name.
    """
    tables = {
        "Versions": {"Python": platform.python_version(), **versions()},
        "Machine": {
            "system": platform.platform(),
            "processor": processor(),
            "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        },
        "Data (SHA-256)": {str(path): sha256(path) for path in files if Path(path).is_file()},
        "Commands": {str(i): command for i, command in enumerate(commands, start=1)},
    }
    return {name: table for name, table in tables.items() if table}


def versions() -> dict[str, str]:
    """RETURNS (dict[str, str]): The versions of the packages that figures depend on, by name."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """RETURNS (str): The processor's name, with its family and model where the system reports
    them: on virtual machines the name is generic, and speeds differ by a factor of two."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = info.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in info and "model" in info:
        name += f" (family {info['cpu family']}, model {info['model']})"
    return name


def hardware() -> str:
    """RETURNS (str): The device that thinc and torch use: the GPU, or the processor and the
    number of threads."""
    if get_current_ops().name == "cupy":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"{processor()}, {threads} thread{'s' * (threads > 1)}"
