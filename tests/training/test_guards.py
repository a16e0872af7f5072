"""What is said while there is time."""

import numpy
import pytest
import torch
from spacy import registry

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.training.guards import HOPELESS, UNFOUND, Guard
from spacy_transformer_ner.training.run import run_of

from ..conftest import blank_pipeline, make_examples


@pytest.fixture
def run(encoders):
    run = run_of(blank_pipeline(encoders["wordpiece"]))
    run.optimizer = create_adamw(1e-4)
    yield run
    run.close()


def info(step, f, **per_type):
    return {
        "step": step,
        "other_scores": {"ents_f": f, "ents_per_type": {k: {"f": v} for k, v in per_type.items()}},
    }


def said(guard, *infos):
    return [what for one in infos for what, _ in guard.look(one)]


def test_nothing_to_say(run):
    assert said(Guard(run), *(info(i, i / 20, PER=i / 20) for i in range(20)), None) == []


def test_collapse(run):
    guard = Guard(run)
    assert said(guard, info(0, 0.0), info(50, 0.8), info(100, 0.7)) == []
    assert said(guard, info(150, 0.0)) == ["F1 on dev fell from 0.800 to 0.000 at step 150"]


def test_nothing_is_learnt(run):
    found = said(Guard(run), *(info(50 * i, 0.0) for i in range(UNFOUND + 5)))
    assert found == [f"No entity of dev is found after {50 * UNFOUND} steps"]


def test_type_never_found(run):
    guard = Guard(run)
    found = said(guard, *(info(i, 0.5, PER=0.5, ART=0.0, ORG=0.1 * (i == 3)) for i in range(8)))
    assert found == [f"Of the type ART nothing is found, in {UNFOUND + 1} evaluations"]


@pytest.mark.parametrize("rate, word", [(0.1, "above"), (1e-9, "below")])
def test_rate(run, rate, word):
    run.optimizer.learn_rate = rate
    guard = Guard(run)
    found = [remedy for i in range(8) for _, remedy in guard.look(info(i, 0.5))]
    assert len(found) == 1 and f"None {word}" in found[0]


def test_gradients_that_are_not_finite(run, capsys):
    guard = Guard(run)
    run.optimizer._left_out["encoder"] = 1
    assert said(guard, None, None) == ["The gradient is not finite: the update is left out"]
    run.optimizer._left_out["encoder"] = HOPELESS
    with pytest.raises(SystemExit):
        said(guard, None)
    assert "Lower initial_rate" in capsys.readouterr().out


def test_such_gradients_change_nothing(encoders):
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
    assert optimizer.left_out == 1
    assert all(torch.equal(p, old) for p, old in zip(encoder.parameters(), before[0]))
    assert numpy.array_equal(linear.get_param("W"), before[1])
    del ner.get_loss
    nlp.update(examples, sgd=optimizer)
    assert optimizer.left_out == 0 and not numpy.array_equal(linear.get_param("W"), before[1])


def test_logger(encoders, capsys):
    nlp = blank_pipeline(encoders["wordpiece"])
    log, finish = registry.loggers.get("spacy-transformer-ner.GuardLogger.v1")()(nlp)
    log(info(0, 0.9))
    log(info(1, 0.0))
    finish()
    printed = capsys.readouterr().out
    assert "F1 on dev fell from 0.900" in printed and "model-best keeps the best" in printed
