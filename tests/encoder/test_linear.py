from types import SimpleNamespace

import numpy
import pytest
import torch
from torch import nn

from spacy_transformer_ner.encoder import linear, shim
from spacy_transformer_ner.encoder.linear import PackedLinear, can_pack, pack_linears

from ..conftest import FAMILIES, blank_pipeline, make_examples
from .test_model import model_of

needs_packing = pytest.mark.skipif(
    not can_pack(), reason="needs bf16 instructions, and operators in torch"
)
SHAPES = [(7, 40), (40,), (3, 5, 40), (2, 3, 5, 40), (0, 40), (3, 0, 40)]


@needs_packing
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_output_equals_torch(shape, bias):
    torch.manual_seed(0)
    layer = nn.Linear(40, 24, bias=bias).bfloat16()
    inputs = torch.randn(shape).bfloat16()
    with torch.inference_mode():
        found, expected = PackedLinear(layer)(inputs), layer(inputs)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-2)


@needs_packing
@pytest.mark.parametrize(
    "view", [lambda x: x.transpose(0, 1), lambda x: x[..., ::2, :], lambda x: x[:0]]
)
def test_inputs_that_are_not_contiguous(view):
    torch.manual_seed(0)
    layer, inputs = nn.Linear(40, 24).bfloat16(), view(torch.randn(5, 6, 40).bfloat16())
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(layer)(inputs), layer(inputs), atol=1e-2, rtol=1e-2)


@needs_packing
def test_only_linear_layers_are_packed():
    class Other(nn.Linear):
        """A subclass may compute something else."""

    tied = nn.Linear(4, 4)
    network = nn.ModuleDict(
        {
            "blocks": nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Sequential(nn.Linear(8, 4))),
            "norm": nn.LayerNorm(4),
            "other": Other(4, 4),
            "tied": nn.ModuleList([tied, tied]),
        }
    ).bfloat16()
    pack_linears(network)
    kinds = [type(module) for module in network.modules()]
    assert kinds.count(PackedLinear) == 3 and nn.Linear not in kinds and Other in kinds
    first, second = network["tied"]
    assert first is second and first.weight is tied.weight


@needs_packing
@pytest.mark.parametrize("kind", FAMILIES)
def test_packing_keeps_the_vectors(encoders, kind, monkeypatch):
    found = []
    for packed in (True, False):
        monkeypatch.setattr(shim, "can_pack", lambda packed=packed: packed)
        torch.manual_seed(0)
        nlp = blank_pipeline(encoders[kind], precision="bf16")
        nlp.initialize(lambda: make_examples(nlp))
        docs = [nlp.make_doc(text) for text in ("Anna Lindqvist flew to Oslo.", "Oslo", "")]
        found.append(numpy.concatenate(model_of(nlp).predict(docs).vectors))
        copy = model_of(nlp).shims[0]._copy
        assert any(isinstance(module, PackedLinear) for module in copy.modules()) is packed
    numpy.testing.assert_allclose(*found, atol=0.1)
    assert numpy.abs(found[0] - found[1]).mean() < 0.01


def test_unpacked_if_not_supported(encoders, monkeypatch):
    monkeypatch.setattr(shim, "can_pack", lambda: False)
    nlp = blank_pipeline(encoders["wordpiece"], precision="bf16")
    nlp.initialize(lambda: make_examples(nlp))
    assert numpy.isfinite(model_of(nlp).predict([nlp.make_doc("Oslo")]).vectors[0]).all()
    assert nn.Linear in {type(module) for module in model_of(nlp).shims[0]._copy.modules()}


def _other_arguments(*args):
    raise TypeError("_linear_pointwise() takes 5 positional arguments")


@pytest.mark.parametrize(
    "lacking, operators",
    [
        ("processor", None),
        ("operators", SimpleNamespace()),
        (
            "arguments",
            SimpleNamespace(
                _reorder_linear_weight=lambda weight: weight, _linear_pointwise=_other_arguments
            ),
        ),
        (
            "right results",
            SimpleNamespace(
                _reorder_linear_weight=lambda weight: weight,
                _linear_pointwise=lambda inputs, weight, bias, *others: inputs @ weight.T,
            ),
        ),
    ],
)
def test_can_pack_requirements(lacking, operators, monkeypatch):
    monkeypatch.setattr(linear, "cpu_has", lambda *abilities: lacking != "processor")
    if operators is not None:
        monkeypatch.setattr(torch.ops, "mkldnn", operators)
    assert not can_pack.__wrapped__()


def test_can_pack_draws_no_random_numbers():
    before = torch.get_rng_state()
    can_pack.__wrapped__()
    assert torch.equal(torch.get_rng_state(), before)
