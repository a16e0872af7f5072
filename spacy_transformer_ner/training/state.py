"""The state of a training, as named tensors and JSON: weights, optimizer state, gradient
scales, and random number generators."""

import random
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy
import torch
from spacy.language import Language
from thinc.api import Model, Optimizer, PyTorchShim, torch2xp, xp2torch
from thinc.optimizers import KeyT
from thinc.util import has_cupy_gpu

from ..encoder.network import Encoder
from ..encoder.optimizer import AdamW
from ..encoder.shim import EncoderShim

Tensors = dict[str, torch.Tensor]

# The state that thinc's optimizers keep for each weight.
MOMENTS = ("mom1", "mom2", "averages")


def get_state(nlp: Language, optimizer: Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """Get the state of a training between two steps.

    nlp (Language): The pipeline.
    optimizer (Optimizer): Its optimizer.
    RETURNS (tuple[dict[str, Tensor], dict]): Tensors on the CPU, and all other state, as values
        for JSON. If the training is on the CPU, the tensors are its own: a copy would be several
        times as large as the weights.
    """
    tensors: Tensors = {}
    updates: dict[str, int] = {}
    for place, key, weights in weights_of(nlp):
        tensors[f"weights/{place}"] = _on_cpu(weights)
        for name in MOMENTS:
            moments = getattr(optimizer, name) or {}
            if key in moments:
                tensors[f"{name}/{place}"] = _on_cpu(xp2torch(moments[key]))
        if key in optimizer.nr_update:
            updates[place] = optimizer.nr_update[key]
    # Updates set the dropout rates, and they are saved with the pipeline.
    dropout = {p: n.attrs["dropout_rate"] for p, n in nodes_of(nlp) if "dropout_rate" in n.attrs}
    scales = {}
    for place, shim, encoder in _encoders(nlp):
        scales[place] = shim.scaler.state_dict()
        if isinstance(optimizer, AdamW):
            moments_of = optimizer.of_encoder(shim.key, encoder).state_dict()["state"]
            for number, values in moments_of.items():
                for name, value in values.items():
                    tensors[f"adamw/{place}/{number}/{name}"] = _on_cpu(value)
    generators, python = _get_generators()
    rest = {"updates": updates, "dropout": dropout, "scales": scales, "random": python}
    return tensors | generators, rest


def set_state(nlp: Language, optimizer: Optimizer, tensors: Tensors, rest: dict[str, Any]) -> None:
    """Restore the state of a training.

    nlp (Language): The pipeline, from the same config.
    optimizer (Optimizer): Its optimizer, from the same config.
    tensors, rest: As returned by `get_state`.
    """
    for place, key, weights in weights_of(nlp):
        with torch.no_grad():
            weights.copy_(tensors[f"weights/{place}"])
        for name in MOMENTS:
            if f"{name}/{place}" in tensors:
                moment = tensors[f"{name}/{place}"].to(weights.device, copy=True)
                getattr(optimizer, name)[key] = torch2xp(moment)
        if place in rest["updates"]:
            optimizer.nr_update[key] = rest["updates"][place]
    for place, node in nodes_of(nlp):
        if place in rest["dropout"]:
            node.attrs["dropout_rate"] = rest["dropout"][place]
    for place, shim, encoder in _encoders(nlp):
        shim.scaler.load_state_dict(rest["scales"][place])
        if isinstance(optimizer, AdamW):
            of_encoder = optimizer.of_encoder(shim.key, encoder)
            state: dict[int, Tensors] = {}
            for name, value in tensors.items():
                kind, _, name = name.partition("/")
                if kind == "adamw" and name.startswith(f"{place}/"):
                    number, name = name.removeprefix(f"{place}/").split("/")
                    state.setdefault(int(number), {})[name] = value
            of_encoder.load_state_dict({**of_encoder.state_dict(), "state": state})
    _set_generators(tensors, rest["random"])


def digest_of_weights(nlp: Language) -> str:
    """nlp (Language): A pipeline.
    RETURNS (str): The SHA-256 of all its weights."""
    digest = sha256()
    for place, _, weights in weights_of(nlp):
        digest.update(place.encode())
        digest.update(_on_cpu(weights).reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def size_of_weights(nlp: Language) -> int:
    """nlp (Language): A pipeline.
    RETURNS (int): The size of all its weights in bytes."""
    return sum(tensor.numel() * tensor.element_size() for _, _, tensor in weights_of(nlp))


def weights_of(nlp: Language) -> Iterator[tuple[str, KeyT, torch.Tensor]]:
    """nlp (Language): A pipeline.
    YIELDS (tuple[str, KeyT, Tensor]): The name of each weight, the optimizer's key for it,
    and a tensor that shares its memory."""
    seen: set[int] = set()
    for place, node in nodes_of(nlp):
        found = [
            (f"{place}.{name}", (node.id, name), xp2torch(node.get_param(name)))
            for name in node.param_names
            if node.has_param(name)
        ]
        for i, shim in enumerate(node.shims):
            if isinstance(shim, PyTorchShim) and shim._model is not None:
                found.extend(
                    (f"{place}.{i}.{name}", (shim.id, name), tensor)
                    for name, tensor in shim._model.state_dict().items()
                )
        for of_weight, key, tensor in found:
            # Tied weights have two names.
            if tensor.data_ptr() not in seen:
                seen.add(tensor.data_ptr())
                yield of_weight, key, tensor


def _encoders(nlp: Language) -> Iterator[tuple[str, EncoderShim, Encoder]]:
    for place, node in nodes_of(nlp):
        for shim in node.shims:
            if isinstance(shim, EncoderShim) and shim.encoder is not None:
                yield place, shim, shim.encoder


def nodes_of(nlp: Language) -> Iterator[tuple[str, Model]]:
    """nlp (Language): A pipeline.
    YIELDS (tuple[str, Model]): The name of each node of the models, and the node."""
    # Not nlp.pipeline: spaCy disables frozen components while it sets up loggers.
    for pipe_name, pipe in nlp.components:
        model = getattr(pipe, "model", None)
        if getattr(pipe, "is_trainable", False) and isinstance(model, Model):
            for number, node in enumerate(model.walk()):
                yield f"{pipe_name}.{number}", node


def _get_generators() -> tuple[Tensors, dict[str, Any]]:
    tensors = {"random/torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    state = numpy.random.get_state()
    assert isinstance(state, tuple)
    kind, keys, position, has_gauss, gauss = state
    tensors["random/numpy"] = torch.from_numpy(keys.astype("int64"))
    return tensors, {
        "python": random.getstate(),
        "numpy": [kind, position, has_gauss, gauss],
        # CuPy does not expose the state of its generator, so it gets a new seed.
        "cupy": random.Random(str(random.getstate())).getrandbits(31),
    }


def _set_generators(tensors: Tensors, rest: dict[str, Any]) -> None:
    torch.set_rng_state(tensors["random/torch"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])
    kind, position, has_gauss, gauss = rest["numpy"]
    keys = tensors["random/numpy"].numpy().astype("uint32")
    numpy.random.set_state((kind, keys, position, has_gauss, gauss))
    version, numbers, gauss = rest["python"]
    random.setstate((version, tuple(numbers), gauss))
    if has_cupy_gpu:
        import cupy

        cupy.random.seed(rest["cupy"])


def _on_cpu(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous()
