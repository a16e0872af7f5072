"""Attention in bf16 on a CPU, where torch's own is slow.

torch's fused kernel for CPUs takes longer in bf16 than plain matrix products for most
short windows, and for the gradient of all windows: seven times as long where they are
short. In fp32 it is the faster one (benchmarks/results/kernels.json). Measured by itself
it is faster in bf16 too for some windows of 200 and more, but not within the encoder.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, Optional

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# torch's own, even where another library has put something else in its place.
TORCHS = torch._C._nn.scaled_dot_product_attention
# How many scores are computed at once: as many as a processor's cache holds.
SCORES_AT_ONCE = 1 << 19
# In bf16, torch's softmax takes this many scores at a time, and the remainder one by one:
# where the remainder is large, softmax is faster in fp32.
LANES = 32
# Longer windows are left to torch, whose kernel keeps no scores.
LONGEST = 1024


class PlainAttention(TorchFunctionMode):
    """Within this context, attention in bf16 on a CPU is computed by matrix products,
    whichever encoder asks torch for it. Only calls of the thread that enters it are
    affected; torch itself, and what another library has changed about it, stay as they
    are.

    torch calls this for every function of a network, about 200 for six layers. That costs
    next to nothing for a batch, but a tenth of the time of a text of some words.
    """

    def __torch_function__(
        self,
        function: Callable,
        types: Iterable[type],
        args: tuple = (),
        kwargs: Optional[dict[str, Any]] = None,
    ) -> Any:
        """Compute what torch is asked for; see torch's TorchFunctionMode."""
        kwargs = kwargs or {}
        if function is TORCHS and _suits(*args, **kwargs):
            return plain_attention(*args, **kwargs)
        return function(*args, **kwargs)


def _suits(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: Optional[torch.Tensor] = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
) -> bool:
    is_in_16_bits = query.dtype == torch.bfloat16 and query.device.type == "cpu"
    is_plain = not is_causal and not enable_gqa and query.ndim == 4
    are_alike = query.shape[:2] == key.shape[:2] == value.shape[:2]
    is_masked_by_text = attn_mask is None or attn_mask.ndim == 4
    return (
        is_in_16_bits and is_plain and are_alike and is_masked_by_text
        and query.shape[-2] <= LONGEST and query.numel() > 0 and key.numel() > 0
    )  # fmt: skip


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
    """Compute torch's scaled_dot_product_attention by matrix products. Its parameters
    are torch's.

    RETURNS (Tensor): Shape: (texts, heads, length, width)
    """
    texts, heads, length, width = query.shape
    factor = 1.0 / math.sqrt(width) if scale is None else scale
    at_once = max(1, SCORES_AT_ONCE // (heads * length * key.shape[2]))
    masks = itertools.repeat(None)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(texts, *attn_mask.shape[-3:])
        masks = attn_mask.split(at_once)
    outputs: list[torch.Tensor] = []
    for mask, *some_texts in zip(masks, *(part.split(at_once) for part in (query, key, value))):
        some_query, some_key, some_value = (part.flatten(0, 1) for part in some_texts)
        scores = torch.bmm(some_query * factor, some_key.transpose(1, 2))
        blind = None if mask is None else _mask(scores.unflatten(0, (-1, heads)), mask)
        if not scores.requires_grad and scores.shape[-1] % LANES > LANES // 8:
            # With a gradient, what fp32 takes of memory outweighs what it gains.
            scores = scores.float()
        weights = torch.softmax(scores, dim=-1).to(query.dtype)
        if blind is not None:
            weights = weights.unflatten(0, (-1, heads)).masked_fill(blind, 0.0).flatten(0, 1)
        if dropout_p:
            weights = functional.dropout(weights, dropout_p)
        outputs.append(torch.bmm(weights, some_value).unflatten(0, (-1, heads)))
    return torch.cat(outputs)


def _mask(scores: torch.Tensor, mask: torch.Tensor) -> Optional[torch.Tensor]:
    """Mask scores, (texts, heads, length, length), in place; the mask may be the same
    for all heads.

    RETURNS (Tensor | None): Which rows see nothing, such as those of padding that could
        see only padding, if there are any. Softmax would make NaN of minus infinity
        alone, so their scores are finite, and their weights are to be zeros, as torch's.
    """
    least = torch.finfo(scores.dtype).min
    if mask.dtype == torch.bool:
        blind = ~mask.any(dim=-1, keepdim=True)
        scores.masked_fill_(~mask, least)
    else:
        if torch.is_autocast_enabled("cpu"):  # the least of fp32 is minus infinity in bf16
            mask = mask.to(scores.dtype)
        blind = mask.amax(dim=-1, keepdim=True) == -math.inf
        scores.add_(mask.clamp(min=least))
    return blind if blind.any() else None
