"""Attention in bf16 on a CPU, where torch's own is slow.

torch's fused kernel for CPUs takes longer in bf16 than the plain products of matrices for
most short windows, and for the gradient of all: seven times as long where they are short.
In fp32 it is the faster one (benchmarks/results/kernels.json). Measured by itself it is
that in bf16 too for some windows of 200 and more, but not within the encoder.
"""

import itertools
import math
import threading
from collections.abc import Callable
from typing import Any, Literal, Optional

import torch
from torch.nn import functional

# How many scores are computed at once: as many as a processor's cache holds.
SCORES_AT_ONCE = 1 << 19
# In bf16, torch's softmax takes scores so many at a time, and what is over one by one:
# where that is much, it is faster in fp32.
LANES = 32
# Longer windows are left to torch, whose kernel keeps no scores.
LONGEST = 1024


class PlainAttention:
    """Within this context, attention in bf16 on a CPU is computed by products of
    matrices, whatever encoder asks torch for it.

    It stands in the place of torch's function meanwhile, for all threads. A
    TorchFunctionMode would leave torch as it is, but is asked for every function that a
    network calls: a sixth of the time of a short text, a fiftieth of a batch.
    """

    _lock = threading.Lock()
    _n_within = 0
    _torchs: Callable

    def __enter__(self) -> None:
        cls = PlainAttention
        with cls._lock:
            if not cls._n_within:
                cls._torchs = functional.scaled_dot_product_attention
                functional.scaled_dot_product_attention = _attention
            cls._n_within += 1

    def __exit__(self, *error: object) -> None:
        cls = PlainAttention
        with cls._lock:
            cls._n_within -= 1
            if not cls._n_within:
                functional.scaled_dot_product_attention = cls._torchs


def _attention(*args: Any, **kwargs: Any) -> torch.Tensor:
    attend = plain_attention if _suits(*args, **kwargs) else PlainAttention._torchs
    return attend(*args, **kwargs)


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
        and query.shape[-2] <= LONGEST
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
    """Compute torch's scaled_dot_product_attention by products of matrices. Its
    parameters are torch's.

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
        if mask is not None:
            _mask(scores.unflatten(0, (-1, heads)), mask)
        if not scores.requires_grad and scores.shape[-1] % LANES > LANES // 8:
            # With a gradient, what fp32 takes of memory outweighs what it gains.
            scores = scores.float()
        weights = torch.softmax(scores, dim=-1).to(query.dtype)
        if dropout_p:
            weights = functional.dropout(weights, dropout_p)
        outputs.append(torch.bmm(weights, some_value).unflatten(0, (-1, heads)))
    return torch.cat(outputs)


def _mask(scores: torch.Tensor, mask: torch.Tensor) -> None:
    """Mask scores, (texts, heads, length, length), in place; the mask may be the same
    for all heads. Where all of a row is masked, as of padding that sees only padding, it
    stays finite: what fp32 holds at least is minus infinity in bf16, of which softmax
    makes no number."""
    least = torch.finfo(scores.dtype).min
    if mask.dtype == torch.bool:
        scores.masked_fill_(~mask, least)
    else:
        scores.add_(mask.clamp(min=least))
