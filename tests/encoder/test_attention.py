import math

import pytest
import torch
from torch.nn import functional

from spacy_transformer_ner.encoder import attention
from spacy_transformer_ner.encoder.attention import PlainAttention


def masks(n_texts, length):
    padding = torch.zeros(n_texts, 1, length, length)
    padding[1, :, :, length - 3 :] = torch.finfo(torch.float32).min
    near = torch.ones(length, length).tril(2).triu(-2).bool().expand(n_texts, 1, -1, -1)
    return {"none": None, "padding": padding, "padding, bool": padding == 0, "near": near}


@pytest.mark.parametrize("kind", ["none", "padding", "padding, bool", "near"])
@pytest.mark.parametrize("scale", [None, 0.5])
@pytest.mark.parametrize("at_once", [1, 11 * 11 * 3, 11 * 11 * 9, 1 << 19])
def test_it_is_torch_s_own(kind, scale, at_once, monkeypatch):
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", at_once)
    torch.manual_seed(0)
    parts = [torch.randn(3, 4, 11, 8) for _ in range(3)]
    mask = masks(3, 11)[kind]
    # torch's, in full precision, from what bf16 makes of the same parts.
    exact = [part.bfloat16().float().requires_grad_() for part in parts]
    expected = functional.scaled_dot_product_attention(*exact, attn_mask=mask, scale=scale)
    gradient = torch.randn_like(expected).bfloat16()
    expected.backward(gradient.float())
    rounded = [part.bfloat16().requires_grad_() for part in parts]
    with PlainAttention():
        found = functional.scaled_dot_product_attention(*rounded, attn_mask=mask, scale=scale)
        with torch.inference_mode():
            served = functional.scaled_dot_product_attention(*rounded, attn_mask=mask, scale=scale)
    found.backward(gradient)
    for output in (found, served):
        assert output.dtype == torch.bfloat16
        torch.testing.assert_close(output.float(), expected, atol=2e-2, rtol=2e-2)
    for ours, theirs in zip(rounded, exact):
        torch.testing.assert_close(ours.grad.float(), theirs.grad, atol=6e-2, rtol=6e-2)


def test_what_it_is_not_for_is_left_to_torch(monkeypatch):
    parts = [torch.randn(2, 2, 5, 4) for _ in range(3)]
    expected = functional.scaled_dot_product_attention(*parts)
    causal = functional.scaled_dot_product_attention(
        *(part.bfloat16() for part in parts), is_causal=True
    )
    with PlainAttention():
        torch.testing.assert_close(functional.scaled_dot_product_attention(*parts), expected)
        found = functional.scaled_dot_product_attention(
            *(part.bfloat16() for part in parts), is_causal=True
        )
    torch.testing.assert_close(found, causal)
    monkeypatch.setattr(attention, "plain_attention", None)
    three = [
        torch.randn(3, 2, 5, 4).bfloat16(),
        *(torch.randn(3, 1, 5, 4).bfloat16() for _ in "kv"),
    ]
    with PlainAttention():  # what is the same for all texts, or all heads
        functional.scaled_dot_product_attention(*three)
        mask = torch.zeros(5, 5, dtype=torch.bfloat16)
        functional.scaled_dot_product_attention(
            *(part.bfloat16() for part in parts), attn_mask=mask
        )
    monkeypatch.setattr(attention, "LONGEST", 4)
    with PlainAttention():  # of long texts
        functional.scaled_dot_product_attention(*(part.bfloat16() for part in parts))


def test_dropout_keeps_the_mean():
    torch.manual_seed(0)
    value = torch.ones(1, 4, 1024, 1, dtype=torch.bfloat16)
    query = key = torch.zeros(1, 4, 1024, 1, dtype=torch.bfloat16)
    with PlainAttention():
        found = functional.scaled_dot_product_attention(query, key, value, dropout_p=0.5)
    assert math.isclose(float(found.float().mean()), 1.0, rel_tol=0.02)
    assert found.std() > 0


def test_torch_s_own_is_put_back():
    own = functional.scaled_dot_product_attention
    first, second = PlainAttention(), PlainAttention()
    # As of two threads: the first that comes is not the last that goes.
    first.__enter__()
    second.__enter__()
    first.__exit__()
    assert functional.scaled_dot_product_attention is not own
    second.__exit__()
    assert functional.scaled_dot_product_attention is own
    with pytest.raises(ZeroDivisionError), PlainAttention():
        1 / 0
    assert functional.scaled_dot_product_attention is own


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool])
def test_padding_that_sees_only_padding_spoils_nothing(dtype):
    parts = [torch.randn(1, 2, 5, 4).bfloat16().requires_grad_() for _ in range(3)]
    seen = torch.ones(1, 1, 5, 5, dtype=torch.bool)
    seen[:, :, 4] = False
    mask = seen if dtype == torch.bool else torch.where(seen, 0.0, torch.finfo(dtype).min).to(dtype)
    with PlainAttention():
        found = functional.scaled_dot_product_attention(*parts, attn_mask=mask)
    assert found.isfinite().all()
    found.sum().backward()
    assert all(part.grad.isfinite().all() for part in parts)
