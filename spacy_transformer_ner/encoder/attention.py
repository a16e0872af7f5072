"""Attention in bf16 on CPUs, where torch's fused kernel is slow.

In bf16, torch's CPU kernel is slower than plain matrix products for most short windows,
and for the gradients of windows of any length (seven times slower for short ones). In
fp32 it is faster (benchmarks/results/kernels.json). In isolation, it is also faster in
bf16 for some windows of 200 wordpieces or more, but not within the encoder.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, Optional

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# torch's own function, even if another library has replaced it.
TORCH_ATTENTION = torch._C._nn.scaled_dot_product_attention
# Number of scores computed at once, chosen to fit a processor's cache.
SCORES_AT_ONCE = 1 << 19
# In bf16, torch's softmax processes this many scores at a time, and the remainder one by
# one. If the remainder is large, softmax is faster in fp32.
LANES = 32
# Longer windows use torch's kernel, which does not store the scores.
LONGEST = 1024


def is_torch_faster(is_train: bool) -> bool:
    """Check whether torch's own attention is faster in bf16 on this processor.

    Predictions are a fifth faster with it on Intel's matrix unit, AMX (Sapphire Rapids), and
    slower without such a unit (Zen 4). Training is faster by matrix products on both.

    is_train (bool): Whether gradients are computed.
    RETURNS (bool): Whether to use torch's kernel.
    """
    # Since torch 2.10. Before, the processor cannot be told.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return not is_train and bool(capabilities.get("amx_bf16"))


class PlainAttention(TorchFunctionMode):
    """Context manager that computes attention in bf16 on a CPU by matrix products, for any
    encoder. It only affects calls from the thread that enters it, and does not patch
    torch.

    torch calls it for every function of a network, about 200 times for six layers. The
    overhead is negligible for a batch, but a tenth of the time for a text of a few words.
    """

    def __torch_function__(
        self,
        function: Callable,
        types: Iterable[type],
        args: tuple = (),
        kwargs: Optional[dict[str, Any]] = None,
    ) -> Any:
        """Call a torch function, see torch's TorchFunctionMode."""
        kwargs = kwargs or {}
        if function is TORCH_ATTENTION and _is_supported(*args, **kwargs):
            return plain_attention(*args, **kwargs)
        return function(*args, **kwargs)


def _is_supported(
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
    """Compute scaled dot-product attention by matrix products. Takes the parameters of
    torch's scaled_dot_product_attention.

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
        masked_rows = None if mask is None else _mask(scores.unflatten(0, (-1, heads)), mask)
        if not scores.requires_grad and scores.shape[-1] % LANES > LANES // 8:
            # In training, the memory that fp32 needs outweighs the gain in speed.
            scores = scores.float()
        weights = torch.softmax(scores, dim=-1).to(query.dtype)
        if masked_rows is not None:
            weights = weights.unflatten(0, (-1, heads)).masked_fill(masked_rows, 0.0).flatten(0, 1)
        if dropout_p:
            weights = functional.dropout(weights, dropout_p)
        outputs.append(torch.bmm(weights, some_value).unflatten(0, (-1, heads)))
    return torch.cat(outputs)


def _mask(scores: torch.Tensor, mask: torch.Tensor) -> Optional[torch.Tensor]:
    """Mask scores in place.

    scores (Tensor): Shape: (texts, heads, length, length)
    mask (Tensor): Boolean or additive. The heads may share one mask.
    RETURNS (Tensor | None): Boolean, which rows are fully masked; None if there are none.
        Softmax over minus infinity only is NaN, so these rows get finite scores, and
        their weights have to be set to zero, as in torch.
    """
    least = torch.finfo(scores.dtype).min
    if mask.dtype == torch.bool:
        masked_rows = ~mask.any(dim=-1, keepdim=True)
        scores.masked_fill_(~mask, least)
    else:
        if torch.is_autocast_enabled("cpu"):  # the lowest fp32 value is minus infinity in bf16
            mask = mask.to(scores.dtype)
        masked_rows = mask.amax(dim=-1, keepdim=True) == -math.inf
        scores.add_(mask.clamp(min=least))
    return masked_rows if masked_rows.any() else None
