"""How a pipeline and its figures were made: versions, hardware, data and commands."""

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import torch
from thinc.api import get_current_ops

from .files import sha256

PACKAGES = (
    "spacy-transformer-ner", "spacy", "spacy-transformers", "thinc", "torch", "transformers",
    "tokenizers", "numpy", "seqeval", "scikit-learn",
)  # fmt: skip


def provenance(
    files: Sequence[str | Path], commands: Sequence[str] = ()
) -> dict[str, dict[str, str]]:
    """Gather how figures were made.

    files (Sequence[str | Path]): The data.
    commands (Sequence[str]): What was run, in order.
    RETURNS (dict[str, dict[str, str]]): Tables by their name.
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
    """RETURNS (dict[str, str]): The versions of what figures depend on, by package."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """RETURNS (str): The processor's name, where the system says it, and its family and
    model: virtual machines hide them in the name, and one is twice the other's speed."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = said.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in said and "model" in said:
        name += f" (family {said['cpu family']}, model {said['model']})"
    return name


def hardware() -> str:
    """RETURNS (str): What thinc and torch compute on: the GPU, or the processor and how
    many threads."""
    if get_current_ops().name == "cupy":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"{processor()}, {threads} thread{'s' * (threads > 1)}"
