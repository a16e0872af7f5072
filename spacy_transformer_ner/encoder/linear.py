"""Linear layers in bf16 on a CPU, with weights as oneDNN multiplies by them.

torch keeps weights row by row, and oneDNN puts them in its own order at every call: a
quarter of the time of a batch of 16 wordpieces, a twentieth of one of 1 000
(benchmarks/results/kernels.json). For inference, that can be done once.
"""

from functools import cache

import torch
from torch import nn

from .precision import cpu_has


class PackedLinear(nn.Module):
    """Stands for a linear layer whose weights do not change any more.

    linear (nn.Linear): The layer, in bf16, on the CPU.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        # Some networks look at the weights of their layers.
        self.weight, self.bias = linear.weight, linear.bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs (Tensor): Shape: (..., in_features)
        RETURNS (Tensor): Shape: (..., out_features)
        """
        return torch.ops.mkldnn._linear_pointwise(inputs, self.packed, self.bias, "none", [], "")


@cache
def can_pack() -> bool:
    """RETURNS (bool): Whether this processor and this torch have what `PackedLinear`
    needs. torch's compiler is built on the same operators, but they are not
    documented: they are tried."""
    if not cpu_has("avx512_bf16", "amx_bf16"):
        return False
    # Without random numbers: a training's would be others after it.
    layer = nn.utils.skip_init(nn.Linear, 32, 16, device="cpu", dtype=torch.bfloat16)
    inputs = torch.linspace(-1, 1, 64, device="cpu").view(2, 32).to(torch.bfloat16)
    try:
        with torch.inference_mode():
            layer.weight.copy_(torch.linspace(-1, 1, 512, device="cpu").view(16, 32))
            layer.bias.fill_(1.0)
            return torch.allclose(PackedLinear(layer)(inputs), layer(inputs), atol=0.05)
    except (AttributeError, RuntimeError, TypeError):
        return False


def pack_linears(network: nn.Module) -> None:
    """Replace all linear layers of a network in place.

    network (nn.Module): The network, in bf16, on the CPU.
    """
    packed: dict[nn.Linear, PackedLinear] = {}
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if type(layer) is nn.Linear:  # a network's own kinds may do something else
            if layer not in packed:
                packed[layer] = PackedLinear(layer)
            parent, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(parent), attribute, packed[layer])
