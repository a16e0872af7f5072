"""Linear layers in bf16 on a CPU, with weights as oneDNN multiplies by them.

torch keeps weights row by row, and oneDNN puts them in its own order at every call: a
quarter of the time of a batch of 16 wordpieces, a twentieth of one of 1 000
(benchmarks/results/kernels.json). For inference, that can be done once.
"""

import torch
from torch import nn

from .precision import cpu_has


def can_pack() -> bool:
    """RETURNS (bool): Whether this torch and this processor have what `pack_linears`
    needs. torch's compiler is built on the same operators."""
    has_operators = all(
        hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")
    )
    return has_operators and cpu_has("avx512_bf16", "amx_bf16")


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
