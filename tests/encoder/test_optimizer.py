import itertools

import pytest
import spacy
import torch
from spacy import util
from thinc.api import xp2torch
from torch import nn
from torch.amp import GradScaler

from spacy_transformer_ner.encoder.optimizer import create_adamw, parameter_groups
from spacy_transformer_ner.encoder.schedule import (
    count_steps,
    fit_evaluations,
    last_evaluated_step,
    linear_over_run,
)
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.training.recipe import BUILT_IN

from ..conftest import blank_pipeline, make_examples


def test_no_weight_decay_on_biases_and_norms():
    module = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    decayed, others = parameter_groups(module.parameters(), 0.1)
    assert [p.shape for p in decayed["params"]] == [(2, 3)] and decayed["weight_decay"] == 0.1
    assert [p.shape for p in others["params"]] == [(2,)] * 3 and others["weight_decay"] == 0.0


def test_updates_equal_torch_with_global_clipping():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 3), nn.Linear(4, 3)
    theirs.load_state_dict(ours.state_dict())
    optimizer = create_adamw(0.1, weight_decay=0.1, grad_clip=0.5)
    reference = torch.optim.AdamW(parameter_groups(theirs.parameters(), 0.1), lr=0.1)
    for step in range(4):
        x = torch.full((2, 4), float(step + 1))
        for module in (ours, theirs):
            (module(x) ** 2).sum().backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        reference.step()
        reference.zero_grad()
        optimizer.update_encoder((1, "x"), ours, 4, GradScaler("cpu", enabled=False))
        assert all(p.grad is None or not p.grad.any() for p in ours.parameters())
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_layer_decay_in_configs_of_earlier_versions():
    saved = {"@optimizers": "spacy-transformer-ner.AdamW.v1", "learn_rate": 0.1}
    resolve = util.registry.resolve
    assert resolve({"optimizer": {**saved, "layer_decay": 1.0}})["optimizer"].learn_rate == 0.1
    with pytest.raises(InputError, match=r"layer_decay is 0\.9.*remove layer_decay"):
        resolve({"optimizer": {**saved, "layer_decay": 0.9}})


def test_grad_factor_0_keeps_the_encoder_unchanged(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    recogniser = nlp.get_pipe("transformer_ner")
    (arrays,) = (n for n in recogniser.model.walk() if "grad_factor" in n.attrs)
    arrays.attrs["grad_factor"] = 0.0
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    head = recogniser.model.get_ref("output_layer").get_param("W").copy()
    optimizer = create_adamw(1e-2, rate_width=16, weight_decay=0.5, use_averages=True)
    for _ in range(2):
        nlp.update(examples, sgd=optimizer)
    assert all(torch.equal(v, before[name]) for name, v in encoder.state_dict().items())
    assert (recogniser.model.get_ref("output_layer").get_param("W") != head).any()
    assert optimizer.width_factor == 0.5**1.5  # still set for the head


def test_head_and_encoder_have_separate_rates(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    head = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")

    def largest_change(head_factor, rate_width=None):
        weights = {k: v.clone() for k, v in encoder.state_dict().items()}
        before = head.get_param("W").copy()
        optimizer = create_adamw(1e-3, rate_width, head_factor, weight_decay=0.0)
        nlp.update(examples, sgd=optimizer)
        moved = max(float((v - weights[k]).abs().max()) for k, v in encoder.state_dict().items())
        return moved, float(abs(head.get_param("W") - before).max())

    # Adam's first step changes a weight by the rate.
    assert largest_change(1.0) == pytest.approx((1e-3, 1e-3), rel=0.05)
    assert largest_change(10.0) == pytest.approx((1e-3, 1e-2), rel=0.05)
    # The encoder's width is 32, half of rate_width.
    rate = 1e-3 * 2**1.5
    assert largest_change(1.0, rate_width=64) == pytest.approx((rate, rate), rel=0.05)


def test_schedule_warms_up_and_ends_at_the_last_evaluation():
    batches = [["a"]] * 7

    def corpus(nlp):
        assert nlp.lang == "en"
        return ["x"]

    rates = linear_over_run(1.0, 0.25, 3, 0, 5, "en", corpus, lambda _: batches)
    # 21 steps; the last evaluated one is 20; warmup is 5.
    values = [next(rates) for _ in range(23)]
    assert values[:6] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert values[6] == pytest.approx(14 / 15) and values[19] == pytest.approx(1 / 15)
    assert values[20:] == [0.0, 0.0, 0.0]


def test_schedule_reads_the_corpus_only_when_training_starts():
    def corpus(nlp):
        raise AssertionError("read too early")

    assert next(linear_over_run(1.0, 0.1, 3, 0, 5, "en", corpus, lambda b: b)) == 0.0


def test_updating_a_pipeline_of_the_default_recipe_in_python(encoders, tmp_path):
    config = util.load_config(
        BUILT_IN / "minilm.cfg",
        overrides={
            "paths.encoder": str(encoders["wordpiece"]),
            "components.transformer.model.window": 64,
            "components.transformer.model.context": 8,
        },
    )
    nlp = util.load_model_from_config(config, auto_fill=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    optimizer = nlp.resume_training()
    assert optimizer.learn_rate == 3e-4
    # Do not adapt the rate to the encoder's width of 32.
    optimizer.rate_width = None
    losses = [nlp.update(examples, sgd=optimizer, drop=0.0)["transformer_ner"] for _ in range(20)]
    assert losses[-1] < losses[0] / 2 and optimizer.learn_rate == 3e-4
    nlp.update(examples)


@pytest.mark.parametrize(
    "max_epochs, max_steps, steps", [(3, 0, 21), (0, 10, 11), (3, 10, 11), (1, 10, 7)]
)
def test_number_of_steps_equals_spacy(max_epochs, max_steps, steps):
    assert count_steps(max_epochs, max_steps, itertools.repeat(7)) == steps


def test_number_of_steps_with_shrinking_epochs():
    assert count_steps(3, 0, iter([7, 5, 4, 3])) == 16


def test_run_without_limit():
    with pytest.raises(InputError, match="max_epochs or max_steps"):
        count_steps(0, 0, itertools.repeat(7))


@pytest.mark.parametrize(
    "steps, frequency, expected",
    [
        (2551, 50, (2550, 50)),
        (91, 50, (90, 45)),
        (307, 50, (301, 43)),
        (12, 50, (11, 11)),
        (1, 5, (1, 1)),
    ],
)
def test_last_step_is_evaluated(steps, frequency, expected):
    assert fit_evaluations(steps, frequency) == expected
    last, fitted = expected
    assert last % fitted == 0 and fitted <= frequency


def test_run_without_evaluation():
    assert last_evaluated_step(12, 11) == 11
    with pytest.raises(InputError, match="at most 10"):
        last_evaluated_step(11, 11)


def test_other_thinc_optimizers(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    from thinc.api import Adam

    losses = [nlp.update(examples, sgd=Adam(1e-3))["transformer_ner"] for _ in range(3)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "copied"])
def test_averages_are_kept_and_used(encoders, monkeypatch, is_shared):
    if not is_shared:  # on Apple GPUs, thinc's arrays are copies
        monkeypatch.setattr(
            "spacy_transformer_ner.encoder.optimizer.xp2torch",
            lambda array, device: xp2torch(array, device=device).clone(),
        )
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    shim = nlp.get_pipe("transformer").model.shims[0]
    shim.encoder.transformer.get_input_embeddings().requires_grad_(False)
    head = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")
    optimizer = create_adamw(1e-3, weight_decay=0.0, use_averages=True)
    expected = {name: value.clone() for name, value in shim.encoder.state_dict().items()}
    for step in range(1, 5):
        nlp.update(examples, sgd=optimizer)
        for name, value in shim.encoder.state_dict().items():
            expected[name] += 9 / (10 + step) * (value - expected[name])
    own = {name: value.clone() for name, value in shim.encoder.state_dict().items()}
    own_head = head.get_param("W").copy()
    texts = [example.text for example in examples]

    def vectors():
        return [doc._.trf_data.tensors[0] for doc in nlp.pipe(texts)]

    before = vectors()
    with nlp.use_params(optimizer.averages):
        for name, value in shim.encoder.state_dict().items():
            torch.testing.assert_close(value, expected[name])
        assert (head.get_param("W") == optimizer.averages[head.id, "W"]).all()
        averaged = vectors()
    # Copies of the weights for inference are created again, in both directions.
    assert all((a != b).any() for a, b in zip(averaged, before))
    assert all((a == b).all() for a, b in zip(vectors(), before))
    assert all((v == own[name]).all() for name, v in shim.encoder.state_dict().items())
    assert (head.get_param("W") == own_head).all() and (own_head != 0).any()


def test_weights_are_restored_after_an_error(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    shim = nlp.get_pipe("transformer").model.shims[0]
    name, weights = next(iter(shim.encoder.state_dict().items()))
    own = weights.clone()
    with pytest.raises(KeyboardInterrupt):
        with shim.use_params({(shim.id, name): torch.zeros_like(own).numpy(), (-1, "W"): None}):
            assert not weights.any()
            raise KeyboardInterrupt
    assert (weights == own).all()


def test_no_averages_by_default():
    assert create_adamw(1e-3).averages is None
