"""Warnings during a training."""

import numpy
import pytest
import srsly
import torch
from spacy import registry

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.training.guards import MAX_EVALUATIONS_AT_ZERO, MAX_NOT_FINITE, Guard
from spacy_transformer_ner.training.run import run_of

from ..conftest import blank_pipeline, make_examples
from .conftest import history


@pytest.fixture
def followed(encoders):
    run = run_of(blank_pipeline(encoders["wordpiece"]))
    run.optimizer = create_adamw(1e-4)
    yield run
    run.close()


def info(step, f, **per_type):
    return {
        "step": step,
        "other_scores": {"ents_f": f, "ents_per_type": {k: {"f": v} for k, v in per_type.items()}},
    }


def warnings(guard, *infos):
    return [what for one in infos for what, _ in guard.look(one)]


def test_no_warning(followed):
    assert warnings(Guard(followed), *(info(i, i / 20, PER=i / 20) for i in range(20)), None) == []


def test_collapse(followed):
    guard = Guard(followed)
    assert warnings(guard, info(0, 0.0), info(50, 0.8), info(100, 0.7)) == []
    assert warnings(guard, info(150, 0.0)) == ["F1 on dev fell from 0.800 to 0.000 at step 150"]


def test_f1_stays_zero(followed):
    found = warnings(
        Guard(followed), *(info(50 * i, 0.0) for i in range(MAX_EVALUATIONS_AT_ZERO + 5))
    )
    assert found == [f"F1 on dev is still 0 after {50 * MAX_EVALUATIONS_AT_ZERO} steps"]


def test_label_never_found(followed):
    guard = Guard(followed)
    infos = (info(i, 0.5, PER=0.5, ART=0.0, ORG=0.1 * (i == 3)) for i in range(8))
    assert warnings(guard, *infos) == [
        f"F1 of ART is 0 in {MAX_EVALUATIONS_AT_ZERO + 1} evaluations"
    ]


@pytest.mark.parametrize("rate, word", [(0.1, "above"), (1e-9, "below")])
def test_rate(followed, rate, word):
    followed.optimizer.learn_rate = rate
    guard = Guard(followed)
    found = [remedy for i in range(8) for _, remedy in guard.look(info(i, 0.5))]
    assert len(found) == 1 and f"Rates {word}" in found[0]


def test_gradients_not_finite(followed, capsys):
    guard = Guard(followed)
    followed.optimizer._skipped["encoder"] = 1
    assert warnings(guard, None, None) == ["The gradient is not finite: this update is skipped"]
    followed.optimizer._skipped["encoder"] = MAX_NOT_FINITE
    with pytest.raises(SystemExit):
        warnings(guard, None)
    assert "Lower initial_rate" in capsys.readouterr().out


def test_such_updates_are_skipped(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(1e-3)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    linear = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")
    before = [p.detach().clone() for p in encoder.parameters()], linear.get_param("W").copy()
    ner = nlp.get_pipe("transformer_ner")
    get_loss = ner.get_loss
    ner.get_loss = lambda *args: (numpy.nan, [s * numpy.nan for s in get_loss(*args)[1]])
    nlp.update(examples, sgd=optimizer)
    assert optimizer.n_skipped == 1
    assert all(torch.equal(p, old) for p, old in zip(encoder.parameters(), before[0]))
    assert numpy.array_equal(linear.get_param("W"), before[1])
    del ner.get_loss
    nlp.update(examples, sgd=optimizer)
    assert optimizer.n_skipped == 0 and not numpy.array_equal(linear.get_param("W"), before[1])


def spoil(monkeypatch, at):
    """Make the losses and gradients of some updates NaN."""
    updates = iter(range(1000))
    get_loss = TransformerNER.get_loss

    def spoilt(self, examples, scores):
        loss, gradient = get_loss(self, examples, scores)
        if next(updates) not in at:
            return loss, gradient
        return numpy.nan, [g * numpy.nan for g in gradient]

    monkeypatch.setattr(TransformerNER, "get_loss", spoilt)


def test_losses_sometimes_not_finite(run, tmp_path, monkeypatch, capsys):
    """spaCy writes losses to meta.json, which cannot hold them."""
    spoil(monkeypatch, {0, 4, 5, 9})
    assert run(training__max_steps=9)[1] == 10
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("The gradient is not finite: this update is skipped") == 1
    for record in history(tmp_path / "run"):
        assert numpy.isfinite(list(record["losses"].values())).all()
        # Some updates before each evaluation were finite, except before the first.
        assert (record["losses"]["transformer_ner"] > 0) == (record["step"] > 0)
    meta = srsly.read_json(tmp_path / "run" / "model-best" / "meta.json")
    assert numpy.isfinite(meta["performance"]["transformer_ner_loss"])


@pytest.mark.parametrize(
    "optimizer, said",
    [
        ({}, "8 gradients in a row were not finite. Lower initial_rate"),
        (
            {"training__optimizer": {"@optimizers": "Adam.v1", "learn_rate": 1e-5}},
            "8 losses in a row were not finite. Lower the learning rate",
        ),
    ],
)
def test_losses_never_finite(run, tmp_path, monkeypatch, capsys, optimizer, said):
    spoil(monkeypatch, range(1000))
    monkeypatch.setattr("spacy_transformer_ner.training.guards.MAX_NOT_FINITE", 8)
    with pytest.raises(SystemExit) as end:
        run(training__max_steps=200, **optimizer)
    assert end.value.code == 1
    assert said in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "run" / "model-best" / "meta.json").exists()


def test_fp16_skips_steps_until_its_scale_fits():
    """These do not count, unless the scale is already small."""
    optimizer, module = create_adamw(1e-3), torch.nn.Linear(2, 2)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for n_skipped in (0, 0, 1, 2):
        scaler.scale(module(torch.ones(1, 2)).sum()).backward()
        module.weight.grad *= numpy.inf
        optimizer.update_encoder((1, "encoder"), module, 384, scaler)
        assert optimizer.n_skipped == n_skipped


def test_logger(encoders, capsys):
    nlp = blank_pipeline(encoders["wordpiece"])
    log, finish = registry.loggers.get("spacy-transformer-ner.GuardLogger.v1")()(nlp)
    log(info(0, 0.9))
    log(info(1, 0.0))
    finish()
    printed = capsys.readouterr().out
    assert "F1 on dev fell from 0.900" in printed and "model-best is kept" in printed
