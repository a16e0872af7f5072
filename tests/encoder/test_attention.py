import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional
from transformers import BertConfig, BertModel

from spacy_transformer_ner.encoder import attention
from spacy_transformer_ner.encoder.attention import PlainAttention, plain_attention
from spacy_transformer_ner.encoder.optimizer import create_adamw

from ..conftest import SHAPE, blank_pipeline, make_examples


def masks(n_texts, length):
    padding = torch.zeros(n_texts, 1, length, length)
    padding[1, :, :, length - 3 :] = torch.finfo(torch.float32).min
    near = torch.ones(length, length).tril(2).triu(-2).bool().expand(n_texts, 1, -1, -1)
    return {"none": None, "padding": padding, "padding, bool": padding == 0, "near": near}


@pytest.mark.parametrize("kind", ["none", "padding", "padding, bool", "near"])
@pytest.mark.parametrize("scale", [None, 0.5])
@pytest.mark.parametrize("at_once", [1, 11 * 11 * 3, 11 * 11 * 9, 1 << 19])
def test_output_and_gradients_equal_torch(kind, scale, at_once, monkeypatch):
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", at_once)
    torch.manual_seed(0)
    parts = [torch.randn(3, 4, 11, 8) for _ in range(3)]
    mask = masks(3, 11)[kind]
    # torch's result in fp32, for inputs rounded to bf16.
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


def test_unsupported_calls_use_torch(monkeypatch):
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
    with PlainAttention():  # broadcast over texts or heads
        functional.scaled_dot_product_attention(*three)
        mask = torch.zeros(5, 5, dtype=torch.bfloat16)
        functional.scaled_dot_product_attention(
            *(part.bfloat16() for part in parts), attn_mask=mask
        )
    monkeypatch.setattr(attention, "LONGEST", 4)
    with PlainAttention():  # long texts
        functional.scaled_dot_product_attention(*(part.bfloat16() for part in parts))


def test_dropout_keeps_the_mean():
    torch.manual_seed(0)
    value = torch.ones(1, 4, 1024, 1, dtype=torch.bfloat16)
    query = key = torch.zeros(1, 4, 1024, 1, dtype=torch.bfloat16)
    with PlainAttention():
        found = functional.scaled_dot_product_attention(query, key, value, dropout_p=0.5)
    assert math.isclose(float(found.float().mean()), 1.0, rel_tol=0.02)
    assert found.std() > 0


@pytest.fixture
def counted(monkeypatch):
    """The shapes of the calls of `plain_attention`."""
    calls = []

    def attend(*args, **kwargs):
        calls.append(args[0].shape)
        return plain_attention(*args, **kwargs)

    monkeypatch.setattr(attention, "plain_attention", attend)
    with_amx(monkeypatch, False)
    return calls


def attend_and_learn(seed, mask=None, **options):
    """RETURNS (list[Tensor]): The output of torch's function in bf16, and three gradients."""
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(2, 3, 16, 8, generator=generator).bfloat16() for _ in range(3)]
    parts = [part.requires_grad_() for part in parts]
    output = functional.scaled_dot_product_attention(*parts, attn_mask=mask, **options)
    output.sum().backward()
    return [output.detach(), *(part.grad for part in parts)]


def test_context_affects_only_its_thread_and_ends(counted):
    own = functional.scaled_dot_product_attention
    expected = attend_and_learn(0)
    with ThreadPoolExecutor(1) as pool, PlainAttention():
        assert functional.scaled_dot_product_attention is own
        elsewhere = pool.submit(attend_and_learn, 0).result()
        assert not counted
        here = attend_and_learn(0)
        assert len(counted) == 1
        with pytest.raises(ZeroDivisionError), PlainAttention():
            1 / 0
        attend_and_learn(0)
        assert len(counted) == 2
    again = attend_and_learn(0)
    assert len(counted) == 2
    for one, other, third in zip(expected, elsewhere, again):
        assert torch.equal(one, other) and torch.equal(one, third)
    assert not all(map(torch.equal, expected, here))  # the comparison is meaningful


def test_patches_of_other_libraries_are_kept(monkeypatch, counted):
    own, calls = functional.scaled_dot_product_attention, []

    def theirs(*args, **kwargs):
        calls.append(args)
        return own(*args, **kwargs)

    with PlainAttention():
        monkeypatch.setattr(functional, "scaled_dot_product_attention", theirs)
        attend_and_learn(0)
    assert functional.scaled_dot_product_attention is theirs
    assert len(calls) == len(counted) == 1


def with_amx(monkeypatch, has_amx):
    """Pretend to be on a processor with or without a unit for products of bf16 matrices."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_amx}, raising=False)


def test_torchs_attention_predicts_if_the_processor_has_amx(encoders, counted, monkeypatch):
    with_amx(monkeypatch, True)
    nlp = blank_pipeline(encoders["wordpiece"], precision="bf16")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    texts = [example.text for example in examples] * 40
    list(nlp.pipe(texts))
    assert not counted
    nlp.update(examples, sgd=create_adamw(1e-3))
    assert counted  # training is faster without
    n_trained = len(counted)
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # torch before 2.10
    list(nlp.pipe(texts))
    assert len(counted) > n_trained


class Other:
    """Another bf16 model in the same process."""

    def __init__(self):
        torch.manual_seed(7)
        self.model = BertModel(BertConfig(vocab_size=50, **SHAPE)).to(torch.bfloat16)
        self.ids = torch.arange(40).view(2, 20)

    def run(self):
        self.model.zero_grad()
        output = self.model(input_ids=self.ids).last_hidden_state
        output.float().pow(2).sum().backward()
        return [output.detach(), *(p.grad.clone() for p in self.model.encoder.parameters())]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_models_in_other_threads_are_not_affected(encoders, counted, checkpointing):
    other, found = Other(), []
    expected = other.run()
    nlp = blank_pipeline(
        encoders["wordpiece"], precision="bf16", gradient_checkpointing=checkpointing
    )
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    layer = encoder.transformer.encoder.layer[1]
    with ThreadPoolExecutor(1) as pool:
        # Run it during the forward and the backward pass of a layer.
        layer.register_forward_hook(lambda *_: found.append(pool.submit(other.run).result()))
        layer.register_full_backward_hook(lambda *_: found.append(pool.submit(other.run).result()))
        nlp.update(examples, sgd=create_adamw(1e-3))
        assert counted and {shape[1] for shape in counted} == {4}
        n_trained = len(counted)
        list(nlp.pipe(["It rained in Oslo and in New York. " * 9] * 4))
        assert len(counted) > n_trained
        n_piped = len(counted)
        nlp("Oslo")  # too short to be faster
        assert len(counted) == n_piped
    assert len(found) >= 4
    for run in found:
        assert all(map(torch.equal, run, expected))


def test_gradient_checkpointing_recomputes_with_plain_attention(encoders, counted):
    nlp = blank_pipeline(encoders["wordpiece"], precision="bf16", gradient_checkpointing=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=create_adamw(1e-3))
    # Both layers, in the forward pass and again in the backward pass.
    assert len(counted) % 4 == 0 and counted


def seen_by(kind):
    """A mask that masks the last row completely."""
    seen = torch.ones(2, 1, 16, 16, dtype=torch.bool)
    seen[:, :, :, 12:] = False
    seen[:, :, 15] = False
    if kind == "bool":
        return seen
    dtype, least = kind
    return torch.where(seen, 0.0, torch.finfo(dtype).min if least == "min" else -math.inf).to(dtype)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize(
    "kind",
    ["bool", *((dtype, n) for dtype in (torch.float32, torch.bfloat16) for n in ("min", "inf"))],
    ids=str,
)
def test_fully_masked_rows_equal_torch(counted, kind, autocast):
    mask = seen_by(kind)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        expected = attend_and_learn(0, mask)
        with PlainAttention():
            found = attend_and_learn(0, mask)
    assert len(counted) == 1
    is_zero = not found[0][:, :, 15].any()
    assert is_zero == (not expected[0][:, :, 15].any())
    torch.testing.assert_close(found[0], expected[0], atol=2e-2, rtol=2e-2)
    for ours, theirs in zip(found[1:], expected[1:]):
        assert ours.isfinite().all()
        if is_zero:  # otherwise torch attends to masked keys, with a large gradient
            torch.testing.assert_close(ours, theirs, atol=6e-2, rtol=6e-2)


@pytest.mark.parametrize("lengths", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("n_texts", [0, 2])
def test_empty_inputs(lengths, n_texts):
    shapes = [(n_texts, 3, length, 8) for length in (lengths[0], lengths[1], lengths[1])]
    parts = [torch.zeros(shape, dtype=torch.bfloat16) for shape in shapes]
    expected = functional.scaled_dot_product_attention(*parts)
    with PlainAttention():
        assert torch.equal(functional.scaled_dot_product_attention(*parts), expected)
