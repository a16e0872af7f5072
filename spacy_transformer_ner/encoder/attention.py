"""Attention in bf16 on a CPU, where torch's own is slow.

torch's fused kernel for CPUs takes longer in bf16 than the plain products of matrices,
up to seven times as long for short windows and their gradient; in fp32 it is the faster
one (benchmarks/results/attention.json).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Optional

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode


# How many scores are computed at once: as many as a processor's cache holds.
SCORES_AT_ONCE = 1 << 19


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
    factor = 1.0 / math.sqrt(width) if scale is None else scale
    at_once = max(1, SCORES_AT_ONCE // (length * key.shape[2]))
    n_texts, n_heads = max(1, at_once // heads), min(heads, at_once)
    masks = itertools.repeat(None)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(texts, *attn_mask.shape[-3:])
        masks = attn_mask.split(n_texts)
    outputs: list[list[torch.Tensor]] = []
    for mask, *some_texts in zip(masks, *(part.split(n_texts) for part in (query, key, value))):
        outputs.append([])
        for some_query, some_key, some_value in zip(
            *(part.split(n_heads, dim=1) for part in some_texts)
        ):
            shape = some_query.shape[:2]
            keys = some_key.flatten(0, 1).transpose(1, 2)
            scores = torch.bmm(some_query.flatten(0, 1) * factor, keys)
            if mask is not None:
                _mask(scores.unflatten(0, shape), mask)
            weights = torch.softmax(scores, dim=-1)
            if dropout_p:
                weights = functional.dropout(weights, dropout_p)
            outputs[-1].append(torch.bmm(weights, some_value.flatten(0, 1)).unflatten(0, shape))
    return torch.cat([torch.cat(of_texts, dim=1) for of_texts in outputs])


def _mask(scores: torch.Tensor, mask: torch.Tensor) -> None:
    """Mask scores, (texts, heads, length, length), in place; the mask may be the same
    for all heads."""
    if mask.dtype == torch.bool:
        scores.masked_fill_(~mask, -math.inf)
    else:
        scores.add_(mask)
