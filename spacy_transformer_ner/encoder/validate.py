"""Whether an encoder that was read is the one that was stored: all its weights are there
and finite, and settings, tokenizer and weights fit together."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import torch
from safetensors import safe_open
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from ..errors import InputError, one_line
from .network import Encoder

# Settings that say how many parts of a kind a network has, and the most it may have: a
# damaged one would keep the computer busy for hours before it is seen not to fit.
COUNTS = re.compile("layer|group|head|expert|block")
MOST = 4096
# So many numbers more than a checkpoint has are no reason to refuse it.
SLACK = 10**7
SHOWN = 3


def check_config(config: PretrainedConfig) -> None:
    """See that a network of these settings can be built.

    config (PretrainedConfig): The settings.
    RAISES: InputError if it has no layers, or absurdly many parts.
    """
    layers = {"num_hidden_layers": getattr(config, "num_hidden_layers", 1)}
    for key, value in (config.to_dict() | layers).items():
        if not isinstance(value, int):
            continue
        if (COUNTS.search(key) and value > MOST) or (key in layers and value < 1):
            raise InputError(f"its config.json has {key} = {value}, which no encoder has.")


def check_tensors(network: PreTrainedModel, folder: Path) -> None:
    """See that tensors have the names and shapes of a network's weights, before any memory
    is taken for them.

    network (PreTrainedModel): The network without a head, on the device "meta".
    folder (Path): The folder with the tensors.
    RAISES: InputError if most names, or some shapes, are others.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    base = f"{network.base_model_prefix}."
    whole = folder / "model.safetensors"
    for path in [whole] if whole.is_file() else sorted(folder.glob("model-*.safetensors")):
        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (it has no other way)
                shapes[name.removeprefix(base)] = tuple(tensors.get_slice(name).get_shape())
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    # transformers reads some names of old.
    missing = _without_pooler([name for name in wanted if name not in shapes])
    if len(missing) > len(wanted) / 2:
        _refuse_missing(network, missing, [name for name in shapes if name not in wanted])
    for name, shape in wanted.items():
        if shapes.get(name, shape) != shape:
            raise InputError(
                f"the tensor {name} has the shape {shapes[name]}, and with the settings in "
                f"config.json it is to have {shape}. The two do not belong together."
            )
    n_wanted = sum(math.prod(shape) for shape in wanted.values())
    n_found = sum(math.prod(shape) for shape in shapes.values())
    if n_wanted > 2 * n_found + SLACK:
        raise InputError(
            f"the settings in config.json are those of a network of {n_wanted} numbers, and the "
            f"checkpoint has {n_found}."
        )


def check_loaded(network: PreTrainedModel, missing: Sequence[str], surplus: Sequence[str]) -> None:
    """See that no weight of a network is a random one.

    network (PreTrainedModel): The network, with a checkpoint's weights.
    missing (Sequence[str]): The weights that the checkpoint does not have.
    surplus (Sequence[str]): What the checkpoint has and the network does not. Heads of
        other tasks are fine.
    RAISES: InputError if the checkpoint is not one of this network.
    """
    missing = _without_pooler(missing)
    if missing:
        base = f"{network.base_model_prefix}."
        if network.base_model is not network and not any(key.startswith(base) for key in missing):
            raise InputError(
                f"the checkpoint has an encoder, but no trained head: {type(network).__name__} "
                f"needs {_listed(missing)}. To train a head, use it as the encoder of "
                "`spacy project run all`."
            )
        _refuse_missing(network, missing, surplus)
    known = {_numberless(key) for key in network.state_dict()}
    parts = [key for key in surplus if _numberless(key) in known]
    if parts:
        raise InputError(
            f"the checkpoint has more layers than its config.json says: {_listed(parts)}. "
            "Set num_hidden_layers, or what it is called there, to their number."
        )
    check_finite(network)


def _refuse_missing(
    network: PreTrainedModel, missing: Sequence[str], surplus: Sequence[str]
) -> NoReturn:
    prefix = _common_prefix(missing, surplus)
    if "module." in prefix:
        hint = (
            "The names start with 'module.', as torch's DataParallel makes them: save the model "
            "within, with model.module.save_pretrained."
        )
    elif prefix:
        hint = (
            f"The names start with {prefix!r}: save the model again with save_pretrained, or is "
            "model_type in config.json another's?"
        )
    elif len(missing) > len(network.state_dict()) / 2:
        hint = f"It has {_listed(surplus)} instead. Is model_type in config.json another's?"
    else:
        hint = "The file is not whole, or the settings in config.json are another model's."
    raise InputError(
        f"the checkpoint lacks {len(missing)} of the weights of {type(network).__name__}: "
        f"{_listed(missing)}. {hint}"
    )


def check_finite(network: nn.Module) -> None:
    """network (nn.Module): A network.
    RAISES: InputError if a weight is infinite or not a number."""
    bad = [
        name
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise InputError(
            f"{len(bad)} of the weights are infinite or not a number (NaN): {_listed(bad)}. The "
            "training they come from has failed, or the file is damaged: use an earlier checkpoint."
        )


def check_weights(network: PreTrainedModel, weights: Mapping[str, torch.Tensor]) -> None:
    """See that weights are those of a network.

    network (PreTrainedModel): The network; it may be on the device "meta".
    weights (dict[str, Tensor]): The weights by their names, without those of its pooler.
    RAISES: InputError if one is missing, too many, or of another shape.
    """
    wanted = {
        name: tensor.shape
        for name, tensor in network.state_dict().items()
        if _without_pooler([name])
    }
    for names, what in (
        ([name for name in wanted if name not in weights], "missing"),
        ([name for name in weights if name not in wanted], "unknown"),
        ([n for n in wanted if n in weights and weights[n].shape != wanted[n]], "of another shape"),
    ):
        if names:
            raise InputError(
                f"{len(names)} of the weights are {what}: {_listed(names)}. They are not those of "
                "an encoder with these settings."
            )


def check_encoder(encoder: Encoder) -> None:
    """See that an encoder's tokenizer, settings and weights fit together. It is left in
    its state for inference.

    encoder (Encoder): The encoder, on the CPU.
    RAISES: InputError if its tokenizer has wordpieces that it has no embedding of, or if
        a text cannot be encoded.
    """
    pieces, kind = encoder.wordpieces, type(encoder.transformer).__name__
    n_embeddings = encoder.transformer.get_input_embeddings().num_embeddings
    vocabulary = pieces.tokenizer.get_vocab()
    beyond = sorted(
        (number, piece) for piece, number in vocabulary.items() if number >= n_embeddings
    )
    if beyond:
        number, piece = beyond[0]
        raise InputError(
            f"the tokenizer has the wordpiece {piece!r} with the number {number}, and the encoder "
            f"has embeddings for 0 to {n_embeddings - 1}. The tokenizer is that of another model, "
            "or words were added to it: model.resize_token_embeddings(len(tokenizer)), "
            "fine-tune, and save both."
        )
    if encoder.max_length < 1:
        raise InputError(
            f"the settings allow {encoder.max_length + encoder.n_special} wordpieces at once "
            f"(max_position_embeddings), and {encoder.n_special} are taken by the tokenizer's own."
        )
    text = pieces.backend.encode("a", add_special_tokens=False).ids
    ids = torch.tensor([[*pieces.prefix, *text, *pieces.suffix][: encoder.max_length]])
    encoder.eval()
    try:
        with torch.inference_mode():
            hidden = encoder.transformer(input_ids=ids).last_hidden_state
    except Exception as error:  # each architecture has its own
        raise InputError(
            f"{kind} cannot encode a text: {type(error).__name__}: {one_line(error)}. It is no "
            "encoder, or a setting in its config.json is wrong."
        ) from None
    if hidden.shape != (*ids.shape, encoder.width):
        raise InputError(
            f"{kind} gives vectors of the shape {tuple(hidden.shape)} for {ids.shape[1]} "
            f"wordpieces, where (1, {ids.shape[1]}, {encoder.width}) is expected."
        )
    if not torch.isfinite(hidden).all():
        raise InputError(
            f"{kind} gives vectors that are infinite or not a number (NaN): a setting in its "
            "config.json is wrong, or its weights are damaged."
        )


def _without_pooler(names: Sequence[str]) -> list[str]:
    """A pooler serves sentences, not tokens."""
    return [name for name in names if "pooler" not in name.split(".")]


def _common_prefix(missing: Sequence[str], surplus: Sequence[str]) -> str:
    """What stands before the names of all weights, if that is all that is wrong."""
    found = set(surplus)
    prefixes = {key[: -len(missing[0])] for key in surplus if key.endswith(missing[0])}
    return next((p for p in sorted(prefixes) if all(p + key in found for key in missing)), "")


def _numberless(key: str) -> str:
    """encoder.layer.7.output.weight and encoder.layer.11.output.weight are of one kind."""
    return re.sub(r"\d+", "N", key)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
