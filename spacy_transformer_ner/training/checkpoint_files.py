"""The files of checkpoints, and the digests that tell whether a training is still the same."""

import json
import os
import re
import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Any, Optional

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from spacy.language import Language
from thinc.api import Optimizer

from ..atomic import files_in
from ..files import new_folder, sha256
from ..provenance import versions
from .run import Evaluated
from .state import Tensors, digest_of_weights, get_state

# The version of the checkpoint format.
FORMAT = 4
# Errors from reading a checkpoint that was edited or partly deleted.
DAMAGED = (
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)


def write_checkpoint(
    path: Path, nlp: Language, optimizer: Optimizer, state: dict[str, Any], best: Optional[Path]
) -> None:
    """Write a checkpoint.

    path (Path): The checkpoint, a folder such as step-000450.
    nlp (Language): The pipeline.
    optimizer (Optimizer): Its optimizer.
    state (dict[str, Any]): The state of the training, without its tensors.
    best (Path | None): The best pipeline so far, which is copied.
    RAISES: OSError, InputError or SafetensorError if it cannot be written.
    """
    with new_folder(path) as new:
        new.mkdir()
        tensors, rest = get_state(nlp, optimizer)
        save_file(tensors, new / "state.safetensors")
        if best:
            shutil.copytree(best, new / "best", copy_function=_link)
        sizes = {file.relative_to(new).as_posix(): file.stat().st_size for file in files_in(new)}
        # Not srsly, which rounds floats.
        text = json.dumps({**state, "format": FORMAT, "rest": rest, "sizes": sizes}, default=float)
        (new / "state.json").write_text(text, encoding="utf-8")


def read_checkpoint(path: Path) -> tuple[dict[str, Any], list[Evaluated], Tensors]:
    """path (Path): A checkpoint.
    RETURNS (tuple[dict, list[Evaluated], dict[str, Tensor]]): Its state, the evaluations up
        to it, and its tensors.
    RAISES: One of `DAMAGED` if something is missing."""
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if state["format"] != FORMAT:
        return state, [], {}
    # Raise now if a key that is used later is missing.
    state["batches"], state["rest"], {**state["made_of"], **state["surroundings"]}
    for name, size in state["sizes"].items():
        if (path / name).stat().st_size != size:
            raise ValueError(f"{name} is incomplete")
    evaluations = [Evaluated(**evaluated) for evaluated in state["evaluations"]]
    if not path.name == f"step-{state['step']:06d}" == f"step-{evaluations[-1].step:06d}":
        raise ValueError("it belongs to another step")
    return state, evaluations, load_file(path / "state.safetensors")


def checkpoints_in(folder: Path) -> list[Path]:
    """folder (Path): The folder of a training's checkpoints.
    RETURNS (list[Path]): The checkpoints, sorted by step."""
    found = [
        p for p in folder.glob("step-*") if re.fullmatch(r"step-\d{6,}", p.name) and p.is_dir()
    ]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def remove_checkpoint(checkpoint: Path) -> None:
    """Remove a checkpoint. If this is interrupted, `Checkpoints.resume` removes the rest.

    checkpoint (Path): The checkpoint.
    """
    shutil.rmtree(checkpoint.rename(checkpoint.with_name(f".{checkpoint.name}")))


def _link(source: str, target: str) -> None:
    """Hard-link to save space, where possible: spaCy writes model-best to new files."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def made_of(nlp: Language) -> dict[str, str]:
    """nlp (Language): The initialized pipeline of a training.
    RETURNS (dict[str, str]): Digests of what determines the result of the training."""
    config = nlp.config.interpolate()
    config["training"].pop("logger")
    config.pop("paths")
    # spaCy disables frozen components while it sets up loggers.
    frozen = config["training"]["frozen_components"]
    config["nlp"]["disabled"] = sorted({*config["nlp"]["disabled"], *frozen})
    files = [
        file
        for corpus in config["corpora"].values()
        if isinstance(corpus, dict) and corpus.get("path")
        for file in sorted(files_in(corpus["path"]))
    ]
    text = json.dumps(config, sort_keys=True)
    return {
        "the config": blake2b(text.encode(), digest_size=16).hexdigest(),
        "the corpus": " ".join(sha256(file) for file in files),
        "the initial weights": digest_of_weights(nlp),
    }


def software() -> dict[str, str]:
    """RETURNS (dict[str, str]): The versions of the packages, and a digest of this package's
    code, which can change without its version."""
    package = Path(__file__).parents[1]
    digest = blake2b(digest_size=16)
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return {**versions(), "code": digest.hexdigest()}
