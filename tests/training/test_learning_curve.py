"""Learning curves: a tiny recipe on parts of a tiny corpus."""

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.report.curve_page import render_curve
from spacy_transformer_ner.training import learning_curve as module
from spacy_transformer_ner.training.learning_curve import Trained, learning_curve, part
from spacy_transformer_ner.training.train import Settings
from spacy_transformer_ner.training.trials import Recipe

from ..conftest import ner


def arguments(encoder, corpus, output, *more):
    return (
        "learning-curve", "minilm", "--train", corpus, "--dev", corpus, "--encoder", encoder,
        "--output", output, "--shares", "0.5,1", "--draws", 1,
        "--components.transformer.model.window", 64, "--components.transformer.model.context", 8,
        "--training.max_epochs", 4, "--training.eval_frequency", 2, *more,
    )  # fmt: skip


def test_a_curve_resumes(encoders, corpus, tmp_path, monkeypatch):
    output = tmp_path / "curve"
    trained = []
    train_on = module.train_on

    def counted(recipe, docs, dev, folder, **settings):
        trained.append((len(docs), settings["seed"]))
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_on(recipe, docs, dev, folder, **settings)

    monkeypatch.setattr(module, "train_on", counted)
    call = arguments(encoders["wordpiece"], corpus, output)
    ner(*call)
    assert trained == [(10, 0), (20, 0)]
    assert not (output / "learning-curve.json").exists()
    done = ner(*call)
    # The first training is not repeated, and no pipelines are left.
    assert trained[2:] == [(20, 0)]
    assert [p for p in (output / "trainings").rglob("*") if p.is_file()] == []
    found = srsly.read_json(output / "learning-curve.json")
    assert found["documents"] == [10, 20] and [len(f) for f in found["f"]] == [1, 1]
    assert found["all"]["entities"] == 44 and found["all"]["more"] == {}
    assert set(found["per_type"]) == {"LOC", "ORG", "PER"}
    assert "There is no prediction: it needs 3 or more shares." in found["notes"]
    assert "50%" in done.stdout and "measured" in done.stdout and "no prediction" in done.stdout
    page = (output / "learning-curve.html").read_text()
    assert "<svg" in page and "Would more labels help?" in page
    # Another seed is another training.
    monkeypatch.setattr(module, "train_on", lambda *a, **k: pytest.fail("trained"))
    ner(*call)
    with pytest.raises(pytest.fail.Exception):
        ner(*call, "--seed", 3)


def test_parts_are_nested():
    parts = [part(range(100), share, 5) for share in (0.125, 0.25, 0.5, 1.0)]
    assert [len(docs) for docs in parts] == [12, 25, 50, 100]
    assert all(set(a) < set(b) for a, b in zip(parts, parts[1:]))
    assert all(docs == sorted(docs) for docs in parts)
    assert part(range(100), 0.25, 6) != parts[1] and len(part(range(3), 0.01, 0)) == 1


def fake(monkeypatch, f_of, n_dev=80, labels=("LOC", "PER")):
    """Replace the trainings by ones with this F1 for a number of documents."""

    def trained(recipe, docs, dev, output, share, draw):
        rng = numpy.random.default_rng(draw)
        counts = {}
        for label in labels:
            found = rng.binomial(4, f_of(label, len(docs)), size=n_dev)
            counts[label] = numpy.stack([found, 4 - found, 4 - found], axis=1)
        entities = {label: len(docs) for label in labels}
        return Trained(share, len(docs), draw, entities, counts)

    monkeypatch.setattr(module, "_train", trained)
    docs = list(spacy.blank("en").pipe(["Oslo"] * n_dev))
    for doc in docs:
        doc.ents = [doc.char_span(0, 4, label="LOC")]
    monkeypatch.setattr(Recipe, "docs", lambda self, split: docs)
    monkeypatch.setattr(Recipe, "path", lambda self, split: f"{split}.spacy")


def test_predictions(monkeypatch, tmp_path):
    def f_of(label, n):
        return 0.9 if label == "LOC" else 0.9 - 3 / (n + 1)

    fake(monkeypatch, f_of)
    result = learning_curve(Recipe("minilm"), tmp_path)
    assert result.draws == 3 and result.documents == (10, 20, 40, 80)
    twice = result.all.more[2]
    assert result.all.points[-1].f - 0.02 < twice.f < 0.93 and twice.low < twice.f < twice.high
    assert result.hindcast.low < result.all.points[-1].f < result.hindcast.high
    assert result.per_type["LOC"].more[4].f == pytest.approx(0.9, abs=0.04)
    assert not any("no prediction" in note for note in result.notes)
    page = render_curve(result.to_dict())
    assert f"<strong>{twice.f:.3f}</strong>" in page and "2× as many, predicted" in page
    one = learning_curve(Recipe("minilm"), tmp_path, draws=1)
    assert any("trained once" in note for note in one.notes)


def test_rare_types_are_not_predicted(monkeypatch, tmp_path):
    fake(monkeypatch, lambda label, n: 0.5, n_dev=16)
    result = learning_curve(Recipe("minilm"), tmp_path, draws=1)
    assert result.per_type["PER"].more == {}
    assert any("no prediction for LOC, PER: fewer than 20" in note for note in result.notes)
    assert any("dev has only 16 documents" in note for note in result.notes)


def test_invalid_shares(corpus, tmp_path):
    recipe = Recipe("minilm", Settings(train=str(corpus), dev=str(corpus)))
    for shares in ((1.0,), (0.5, 2.0), (0.0, 1.0)):
        with pytest.raises(InputError, match="expected two or more shares"):
            learning_curve(recipe, tmp_path, shares=shares)
    docs = list(DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab))
    for doc in docs[1:]:
        doc.ents = []
    DocBin(docs=docs).to_disk(corpus)
    with pytest.raises(InputError, match=r"5.0% of .* has no entities"):
        learning_curve(recipe, tmp_path, shares=(0.05, 1.0), draws=1)
    done = ner("learning-curve", "minilm", "--output", tmp_path, "--shares", "a")
    assert done.returncode == 1 and "expected numbers between 0 and 1" in done.stdout
    with pytest.raises(InputError, match="no train corpus is set"):
        learning_curve(Recipe("minilm"), tmp_path)
