"""Suspects from what pipelines predict."""

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_transformer_ner.review import disagreements
from spacy_transformer_ner.review.disagreements import flags_of_mistakes

from ..conftest import make_examples, ner


@pytest.fixture(scope="module")
def corpus(trained, tmp_path_factory):
    """A corpus whose dev split has an error that the pipeline does not make."""
    folder = tmp_path_factory.mktemp("corpus")
    docs = [example.reference for example in make_examples(trained)]
    DocBin(docs=docs * 2).to_disk(folder / "train.spacy")
    wrong = docs[0].copy()
    wrong.ents = [ent for ent in wrong.ents if ent.text != "Oslo"]
    DocBin(docs=[*docs[1:], wrong]).to_disk(folder / "dev.spacy")
    trained.to_disk(folder / "model")
    return folder


def test_a_trained_pipeline(corpus, tmp_path):
    ner("suspects", corpus, tmp_path / "s.jsonl", "--model", corpus / "model")
    first, *rest = srsly.read_jsonl(tmp_path / "s.jsonl")
    # The check finds it as well, so it is the first.
    assert first["suspect"]["sources"] == ["check", "model"] and not rest
    assert first["suspect"]["text"] == "Oslo" and first["suspect"]["label"] == ""
    assert [33, 37, "LOC"] in first["suspect"]["suggested"]
    assert "the pipeline finds LOC 'Oslo' with a score of" in first["meta"]["why"]
    # The mistakes of an evaluation say the same.
    ner("evaluate", corpus / "model", corpus / "dev.spacy", "--errors", tmp_path / "errors.jsonl")
    ner("suspects", corpus, tmp_path / "t.jsonl", "--errors", tmp_path / "errors.jsonl")
    assert list(srsly.read_jsonl(tmp_path / "t.jsonl")) == [first]
    # The check reports it first.
    errors = tmp_path / "errors.jsonl"
    done = ner("check", corpus, "--errors", errors, "--output", tmp_path / "check.json")
    (finding, *others) = srsly.read_json(tmp_path / "check.json")["findings"]
    assert finding["message"] == "1 label is doubted by the check and by the pipeline"
    assert finding["message"] in done.stdout and "LOC in" in finding["examples"][0]
    assert "doubted" not in {other["kind"] for other in others}
    # Those of another corpus do not fit.
    mistakes = list(srsly.read_jsonl(tmp_path / "errors.jsonl"))
    srsly.write_jsonl(tmp_path / "errors.jsonl", [m | {"document": 1} for m in mistakes])
    done = ner("suspects", corpus, tmp_path / "t.jsonl", "--errors", tmp_path / "errors.jsonl")
    assert done.returncode == 1 and "has mistakes of another corpus" in done.stdout


def test_check_with_a_pipeline(corpus, tmp_path):
    done = ner("check", corpus, "--model", corpus / "model", "--suspects", tmp_path / "s.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 mentions have labels that" in " ".join(done.stdout.split())
    assert "the pipeline finds LOC 'Oslo' with a score of" in done.stdout
    (record,) = srsly.read_jsonl(tmp_path / "s.jsonl")
    assert record["suspect"]["sources"] == ["check", "model"]
    done = ner("check", corpus)
    assert "the pipeline finds" not in done.stdout


def test_order_and_least_score():
    ent = {"start": 0, "end": 4, "label": "LOC", "text": "Oslo"}
    mistakes = [
        {"document": i, "gold": gold, "predicted": predicted, "score": score}
        for i, (gold, predicted, score) in enumerate(
            [(ent, None, None), (None, ent, 0.3), (None, ent, 0.6), (ent, ent, 0.9)]
        )
    ]
    flags = flags_of_mistakes(mistakes, "train", numbers=[10, 11, 12, 13])
    assert [(f.document, f.label, f.score) for f in flags] == [
        (13, "LOC", 0.9), (12, "", 0.6), (10, "LOC", None),
    ]  # fmt: skip
    assert flags[-1].suggested == () and "finds no entity" in flags[-1].why


def test_cross_validation(corpus, trained, tmp_path, monkeypatch):
    """Each document of train is compared with a pipeline that was not trained on it."""
    docs = list(DocBin().from_disk(corpus / "train.spacy").get_docs(spacy.blank("en").vocab))
    docs[4].ents = docs[4].ents[:2]  # without Oslo
    for i, doc in enumerate(docs):
        doc.user_data["number"] = i
    folder = tmp_path / "corpus"
    folder.mkdir()
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "train.spacy")
    DocBin(docs=docs[:2]).to_disk(folder / "dev.spacy")
    calls = []

    def train_on(recipe, rest, dev, folder, *, seed, share):
        calls.append({doc.user_data["number"] for doc in rest})
        assert share == len(rest) / 10 and recipe.overrides == {"training.max_steps": 3}
        return trained

    monkeypatch.setattr(disagreements, "train_on", train_on)
    call = ("suspects", folder, tmp_path / "s.jsonl", "--folds", 3, "--training.max_steps", 3)
    ner(*call)
    assert len(calls) == 3 and sorted(map(len, calls)) == [6, 7, 7]
    held_out = [set(range(10)) - rest for rest in calls]
    assert sorted(i for fold in held_out for i in fold) == list(range(10))
    found = [
        r for r in srsly.read_jsonl(tmp_path / "s.jsonl") if "model" in r["suspect"]["sources"]
    ]
    assert [(r["text"], r["suspect"]["text"]) for r in found] == [(docs[4].text, "Oslo")]
    # A finished training is not repeated.
    ner(*call)
    assert len(calls) == 3
    done = ner(*call[:4], 11, *call[5:])
    assert done.returncode == 1 and "cannot split 10 documents into 11 parts" in done.stdout
