"""Attention in bf16 on a CPU, where torch's own is slow.

torch's fused kernel for CPUs takes two to eight times as long in bf16 as the plain
products of matrices, most of all backwards; in fp32, and on GPUs, it is the faster
one (benchmarks/attention.py).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Optional

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class PlainAttention(TorchFunctionMode):
    """Within this context, attention in bf16 on a CPU is computed by products of
    matrices, whatever encoder asks torch for it."""

    def __torch_function__(
        self,
        func: Callable,
        types: Sequence[type],
        args: tuple = (),
        kwargs: Optional[dict[str, Any]] = None,
    ) -> Any:
        """Called by torch for each of its functions."""
        if func is functional.scaled_dot_product_attention and _suits(*args, **(kwargs or {})):
            func = plain_attention
        return func(*args, **(kwargs or {}))


def _suits(
    query: torch.Tensor, *others: Any, is_causal: bool = False, enable_gqa: bool = False, **more: Any
) -> bool:
    is_plain = len(others) < 5 and not is_causal and not enable_gqa and query.ndim == 4
    return is_plain and query.dtype == torch.bfloat16 and query.device.type == "cpu"


def plain_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: Optional[torch.Tensor] = None,
    dropout_p: float = 0.0,
    is_causal: Literal[False] = False,
    scale: Optional[float] = None,
    enable_gqa: Literal[False] = False,
) -> torch.Tensor:
    """Compute torch's scaled_dot_product_attention by products of matrices. Its
    parameters are torch's.

    RETURNS (Tensor): Shape: (texts, heads, length, width)
    """
    texts, heads, length, width = query.shape
    query, key, value = (part.flatten(0, 1) for part in (query, key, value))
    factor = 1.0 / math.sqrt(width) if scale is None else scale
    scores = torch.bmm(query * factor, key.transpose(1, 2))
    if attn_mask is not None:
        by_head = scores.view(texts, heads, *scores.shape[1:])
        if attn_mask.dtype == torch.bool:
            by_head.masked_fill_(~attn_mask, -math.inf)
        else:
            by_head.add_(attn_mask)
    weights = torch.softmax(scores, dim=-1)
    if dropout_p:
        weights = functional.dropout(weights, dropout_p)
    return torch.bmm(weights, value).view(texts, heads, length, -1)
