"""Encoders with some of the layers of another one."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn
from transformers import AutoModel, PreTrainedModel

from ..atomic import remove, temporary
from ..errors import InputError
from .network import Encoder
from .sources import resolve_encoder
from .storage import load_network, load_tokenizer, loading

# The names of the number of layers in configs.
N_LAYERS = ("num_hidden_layers", "n_layers")


@dataclass(frozen=True)
class Layers:
    """The layers that were kept of an encoder.

    numbers (tuple[int, ...]): Their numbers, from 0.
    fine_tuned (bool): Whether their weights are those of the fine-tuned encoder.
    """

    numbers: tuple[int, ...]
    fine_tuned: bool


def keep_layers(name: str, layers: str, folder: Path, fine_tuned: Encoder | None = None) -> Layers:
    """Write an encoder that has some of the layers of another one, and all else of it (Sanh et
    al., 2019). A folder that exists is replaced.

    name (str): The pretrained encoder, see `sources.resolve_encoder`.
    layers (str): How many layers to keep, spread evenly, the first and last of them included; or
        their numbers, from 0, separated by commas.
    folder (Path): The folder to write: config, tokenizer and weights.
    fine_tuned (Encoder | None): An encoder to take all weights from, if it is the pretrained one
        after a training: if it has the same vocabulary, and weights of the same names and shapes.
    RETURNS (Layers): The layers.
    RAISES: InputError if the encoder cannot be loaded, or does not have these layers.
    """
    tokenizer, config = load_tokenizer(name)
    with loading(name) as source:
        network = load_network(AutoModel, source, config)
    if fine_tuned is not None and (
        fine_tuned.wordpieces.tokenizer.get_vocab() != tokenizer.get_vocab()
        or _shapes(fine_tuned.transformer) != _shapes(network)
    ):
        fine_tuned = None
    if fine_tuned is not None:
        network.load_state_dict(fine_tuned.transformer.state_dict(), strict=False)
    config = network.config
    setting = next((setting for setting in N_LAYERS if hasattr(config, setting)), None)
    stacks = [
        (module, key, stack)
        for module in network.modules()
        for key, stack in module.named_children()
        if isinstance(stack, nn.ModuleList) and len(stack) == getattr(config, setting or "", 0)
    ]
    if len(stacks) != 1:
        raise InputError(
            f"cannot take layers of the encoder {name!r}: its architecture is not a single stack "
            "of layers. Leave out --layers, or use another encoder."
        )
    ((owner, key, stack),) = stacks
    kept = _numbers(layers, len(stack))
    setattr(owner, key, nn.ModuleList(stack[i] for i in kept))
    setattr(config, str(setting), len(kept))
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i] for i in kept]
    remove(folder)
    with temporary(folder) as new:
        network.save_pretrained(new)
        tokenizer.save_pretrained(new)
    resolve_encoder(str(folder))
    return Layers(kept, fine_tuned is not None)


def _shapes(network: PreTrainedModel) -> dict[str, tuple[int, ...]]:
    """RETURNS (dict): The shapes of the weights, without a pooler's, which is for sentences."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.startswith("pooler.")
    }


def _numbers(layers: str, n: int) -> tuple[int, ...]:
    try:
        given = [int(part) for part in layers.split(",")]
    except ValueError:
        given = []
    if len(given) == 1 and 0 < given[0] <= n:
        steps = max(given[0] - 1, 1)
        return tuple(i * (n - 1) // steps for i in range(given[0]))
    if len(given) > 1 and given == sorted(set(given)) and given[0] >= 0 and given[-1] < n:
        return tuple(given)
    raise InputError(
        f"--layers {layers}: the encoder has {n} layers. Expected how many to keep, such as "
        f"{max(1, n // 2)}, or their numbers in ascending order, from 0 to {n - 1}, such as "
        f"{','.join(map(str, range(0, n, 2)))}."
    )
