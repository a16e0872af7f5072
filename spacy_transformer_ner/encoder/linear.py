"""Linear layers in bf16 on CPUs, with weights in oneDNN's own layout.

torch stores weights row by row, and oneDNN reorders them at every call. That takes a
quarter of the time for a batch of 16 wordpieces and a twentieth for one of 1,000
(benchmarks/results/kernels.json). For inference, reordering them once is enough.
"""

from functools import cache

import torch
from torch import nn

from .precision import cpu_has


class PackedLinear(nn.Module):
    """Replacement for a linear layer whose weights no longer change.

    linear (nn.Linear): The layer, in bf16, on the CPU.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        # Some networks read the weights of their layers.
        self.weight, self.bias = linear.weight, linear.bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs (Tensor): Shape: (..., in_features)
        RETURNS (Tensor): Shape: (..., out_features)
        """
        return torch.ops.mkldnn._linear_pointwise(inputs, self.packed, self.bias, "none", [], "")


@cache
def can_pack() -> bool:
    """RETURNS (bool): Whether this processor and this version of torch support
    `PackedLinear`. The operators are the ones torch's compiler uses, but they are
    undocumented, so this runs them once."""
    if not cpu_has("avx512_bf16", "amx_bf16"):
        return False
    # Draw no random numbers, to keep training reproducible.
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
        if type(layer) is nn.Linear:  # subclasses may compute something else
            if layer not in packed:
                packed[layer] = PackedLinear(layer)
            parent, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(parent), attribute, packed[layer])
