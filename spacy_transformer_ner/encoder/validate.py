"""Checks of loaded encoders: all weights exist and are finite, and the config, tokenizer
and weights match."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, cast

import torch
from safetensors import safe_open
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from ..errors import InputError, one_line
from .network import Encoder

# Settings that are numbers of parts, and their maximum. Building a network with a damaged
# setting could take hours.
COUNTS = re.compile("layer|group|head|expert|block")
MOST = 4096
# Number of parameters that a checkpoint may lack without being rejected.
SLACK = 10**7
# Number of names listed in a message.
SHOWN = 3


def check_config(config: PretrainedConfig) -> None:
    """Check that a network can be built from a config.

    config (PretrainedConfig): The config.
    RAISES: InputError if the config has no layers, or far too many parts.
    """
    layers = {"num_hidden_layers": getattr(config, "num_hidden_layers", 1)}
    for key, value in (config.to_dict() | layers).items():
        if not isinstance(value, int):
            continue
        if (COUNTS.search(key) and value > MOST) or (key in layers and value < 1):
            raise InputError(f"its config.json has {key} = {value}, which no encoder has.")


def check_tensors(network: PreTrainedModel, folder: Path) -> None:
    """Check that the names and shapes of tensors match a network's weights, before any
    memory is allocated for them.

    network (PreTrainedModel): The network without a head, on the device "meta".
    folder (Path): The folder with the tensors.
    RAISES: InputError if most names, or any shapes, differ.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    base = f"{network.base_model_prefix}."
    whole = folder / "model.safetensors"
    for path in [whole] if whole.is_file() else sorted(folder.glob("model-*.safetensors")):
        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not iterable)
                shapes[name.removeprefix(base)] = tuple(tensors.get_slice(name).get_shape())
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    # Some names may differ, because transformers also reads old names.
    missing = _without_pooler([name for name in wanted if name not in shapes])
    if len(missing) > len(wanted) / 2:
        _refuse_missing(network, missing, [name for name in shapes if name not in wanted])
    for name, shape in wanted.items():
        if shapes.get(name, shape) != shape:
            raise InputError(
                f"the tensor {name} has the shape {shapes[name]}, but config.json requires "
                f"{shape}. Use the weights and the config.json of the same model."
            )
    n_wanted = sum(math.prod(shape) for shape in wanted.values())
    n_found = sum(math.prod(shape) for shape in shapes.values())
    if n_wanted > 2 * n_found + SLACK:
        raise InputError(
            f"config.json describes a network of {n_wanted} parameters, but the checkpoint has "
            f"{n_found}. Use the weights and the config.json of the same model."
        )


def check_loaded(network: PreTrainedModel, missing: Sequence[str], surplus: Sequence[str]) -> None:
    """Check that all weights of a network were loaded.

    network (PreTrainedModel): The network, with a checkpoint's weights.
    missing (Sequence[str]): Weights of the network that the checkpoint lacks.
    surplus (Sequence[str]): Weights in the checkpoint that the network lacks. Heads of other
        tasks are allowed.
    RAISES: InputError if the checkpoint does not match the network.
    """
    missing = _without_pooler(missing)
    if missing:
        base = f"{network.base_model_prefix}."
        if network.base_model is not network and not any(key.startswith(base) for key in missing):
            raise InputError(
                f"the checkpoint has an encoder, but no trained head: {type(network).__name__} "
                f"needs {_listed(missing)}. To train a head, use the checkpoint as the encoder in "
                "`spacy ner train`."
            )
        _refuse_missing(network, missing, surplus)
    known = {_without_numbers(key) for key in network.state_dict()}
    parts = [key for key in surplus if _without_numbers(key) in known]
    if parts:
        raise InputError(
            f"the checkpoint has more layers than its config.json: {_listed(parts)}. Set "
            "num_hidden_layers, or the equivalent setting, to the number of layers."
        )
    check_finite(network)


def _refuse_missing(
    network: PreTrainedModel, missing: Sequence[str], surplus: Sequence[str]
) -> NoReturn:
    prefix = _common_prefix(missing, surplus)
    if "module." in prefix:
        hint = (
            "The names start with 'module.', which torch's DataParallel adds: save the inner "
            "model with model.module.save_pretrained."
        )
    elif prefix:
        hint = (
            f"The names start with {prefix!r}: check model_type in config.json, or save the model "
            "again with save_pretrained."
        )
    elif len(missing) > len(network.state_dict()) / 2:
        hint = f"It has {_listed(surplus)} instead. Check model_type in config.json."
    else:
        hint = "The file is incomplete, or config.json is from another model."
    raise InputError(
        f"the checkpoint lacks {len(missing)} of the weights of {type(network).__name__}: "
        f"{_listed(missing)}. {hint}"
    )


def check_finite(network: nn.Module) -> None:
    """network (nn.Module): The network.
    RAISES: InputError if a weight is infinite or NaN."""
    bad = [
        name
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise InputError(
            f"{len(bad)} of the weights are infinite or not a number (NaN): {_listed(bad)}. "
            "Training has diverged, or the file is damaged: use an earlier checkpoint."
        )


def check_weights(network: PreTrainedModel, weights: Mapping[str, torch.Tensor]) -> None:
    """Check that the names and shapes of weights match a network.

    network (PreTrainedModel): The network, which may be on the device "meta".
    weights (Mapping[str, Tensor]): The weights by name, without those of the pooler.
    RAISES: InputError if a weight is missing, unknown, or of another shape.
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
                f"{len(names)} of the weights are {what}: {_listed(names)}. They do not match the "
                "config."
            )


def check_encoder(encoder: Encoder) -> None:
    """Check that an encoder's tokenizer, config and weights match, by encoding a text. Sets
    the encoder to evaluation mode.

    encoder (Encoder): The encoder, on the CPU.
    RAISES: InputError if a wordpiece of the tokenizer has no embedding, or if the text cannot
        be encoded.
    """
    pieces, kind = encoder.wordpieces, type(encoder.transformer).__name__
    embeddings = cast(nn.Embedding, encoder.transformer.get_input_embeddings())
    n_embeddings = embeddings.num_embeddings
    vocabulary = pieces.tokenizer.get_vocab()
    beyond = sorted(
        (number, piece) for piece, number in vocabulary.items() if number >= n_embeddings
    )
    if beyond:
        number, piece = beyond[0]
        raise InputError(
            f"the tokenizer has the wordpiece {piece!r} with the id {number}, but the encoder only "
            f"has embeddings for ids 0 to {n_embeddings - 1}. Use the tokenizer of the same model. "
            "If you added words to it, call model.resize_token_embeddings(len(tokenizer)), "
            "fine-tune, and save both."
        )
    if encoder.max_length < 1:
        raise InputError(
            f"config.json allows {encoder.max_length + encoder.n_special} wordpieces "
            f"(max_position_embeddings), but the tokenizer adds {encoder.n_special} special ones. "
            "Use the config.json and the tokenizer of the same model."
        )
    text = pieces.backend.encode("a", add_special_tokens=False).ids
    ids = torch.tensor([[*pieces.prefix, *text, *pieces.suffix][: encoder.max_length]])
    encoder.eval()
    try:
        with torch.inference_mode():
            hidden = encoder.transformer(input_ids=ids).last_hidden_state
    except Exception as error:  # architectures raise errors of many types
        raise InputError(
            f"{kind} cannot encode a text: {type(error).__name__}: {one_line(error)}. It is not an "
            "encoder, or its config.json is wrong."
        ) from None
    if hidden.shape != (*ids.shape, encoder.width):
        raise InputError(
            f"{kind} returns hidden states of shape {tuple(hidden.shape)} for {ids.shape[1]} "
            f"wordpieces, expected (1, {ids.shape[1]}, {encoder.width})."
        )
    if not torch.isfinite(hidden).all():
        raise InputError(
            f"{kind} returns hidden states that are infinite or not a number (NaN): its "
            "config.json is wrong, or its weights are damaged."
        )


def _without_pooler(names: Sequence[str]) -> list[str]:
    """Filter out the pooler, which is for sentences, not tokens."""
    return [name for name in names if "pooler" not in name.split(".")]


def _common_prefix(missing: Sequence[str], surplus: Sequence[str]) -> str:
    """RETURNS (str): The prefix that makes all missing names match surplus ones, or ""."""
    found = set(surplus)
    prefixes = {key[: -len(missing[0])] for key in surplus if key.endswith(missing[0])}
    return next((p for p in sorted(prefixes) if all(p + key in found for key in missing)), "")


def _without_numbers(key: str) -> str:
    """Replace numbers, so that the weights of all layers have the same name."""
    return re.sub(r"\d+", "N", key)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
