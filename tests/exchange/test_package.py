import json

import pytest
import srsly
from spacy.cli.package import generate_readme

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.card import Card, Made, card_meta, package_name
from spacy_transformer_ner.exchange.package import Packaged, package
from spacy_transformer_ner.exchange.verify import compare_entities, expected_entities, read_manifest

from ..conftest import SENTENCES, entities, make_examples

METRICS = {
    "corpus": "corpus/x/test.spacy",
    "text": {
        "ents_f": 0.5,
        "ents_p": 0.5,
        "ents_r": 0.5,
        "ents_per_type": {"PER": {"p": 0.5, "r": 0.5, "f": 0.5}},
        "token_accuracy": 0.9,
        "speed": 100.0,
        "entities": {"p": 0.5, "r": 0.5, "f": 0.5, "tp": 1, "fp": 1, "fn": 1},
        "entities_per_type": {"PER": {"p": 0.5, "r": 0.5, "f": 0.5, "tp": 1, "fp": 1, "fn": 1}},
        "intervals": {"level": 0.95, "of": {"PER": {"f": {"low": 0.4, "high": 0.6}}}},
        "error_types": {
            "right": 1,
            "type": 1,
            "boundary": 0,
            "both": 0,
            "missed": 0,
            "spurious": 0,
        },
    },
    "gold": {"entities": {"f": 0.6}},
}
HISTORY = [
    {
        "epoch": 1,
        "step": 50,
        "words": 5000,
        "seconds": 60.0,
        "score": 0.8,
        "hardware": "X, 2 threads",
    },
    {
        "epoch": 2,
        "step": 99,
        "words": 9900,
        "seconds": 90.0,
        "score": 0.7,
        "hardware": "X, 2 threads",
    },
]
SPLIT = {
    "documents": 2, "sentences": 3, "words": 1234, "entities": 5, "labels": {"PER": 5},
    "files": [{"source": "/home/ann/x/train.conll"}],
}  # fmt: skip
MADE = Made(METRICS, HISTORY, {"train.spacy": SPLIT})


@pytest.mark.parametrize(
    "name, expected",
    [
        ("ner_sample_minilm", "ner_sample_minilm"),
        ("ner_conll2003_bert-base-cased", "ner_conll2003_bert_base_cased"),
        ("ner_x_google/electra", "ner_x_google_electra"),
        ("ner_x_/models/My Bert/", "ner_x_models_my_bert"),
    ],
)
def test_names_are_fit_for_packages(name, expected):
    assert package_name(name) == expected and expected.isidentifier()


def test_the_card(trained):
    card = Card("ner_x", "1.2.3", "the data", "the encoder", "Ann Lee", "MIT")
    meta = card_meta(trained.meta, card, MADE)
    assert (meta["name"], meta["version"], meta["author"], meta["license"]) == (
        "ner_x",
        "1.2.3",
        "Ann Lee",
        "MIT",
    )
    assert "LOC, ORG, PER" in meta["description"] and "the data" in meta["description"]
    assert [source["name"] for source in meta["sources"]] == [
        "the data (training data)",
        "the encoder",
    ]
    assert meta["performance"]["ents_f"] == 0.5
    assert "| PER | 0.5000 | 0.5000 | 0.5000 | 0.400 to 0.600 | 1 | 1 | 1 |" in meta["notes"]
    assert "| all | 0.5000 | 0.5000 | 0.5000 | – | 1 | 1 | 1 |" in meta["notes"]
    assert meta["performance"]["evaluation"] == METRICS


def test_the_card_has_all_its_parts(trained):
    card = Card("ner_x", "1.2.3", "the data", "minilm", "Ann Lee", "MIT")
    text = generate_readme(card_meta(trained.meta, card, MADE))
    for said in (
        "### Intended use", 'spacy.load("en_ner_x")', "### Limits", "It is worst at PER: F1 0.5000",
        "### Entities per type", "### Data", "the data: train.conll.", "| train | 2 | 3 | 1,234 | 5 | 5 |",
        "### Training", "99 steps, 2 epochs and 9,900 words took 1.5 minutes", "on X, 2 threads.",
        "at step 50, with a score of 0.8000", "### Licence", "The pipeline: MIT.", "Apache-2.0",
    ):  # fmt: skip
        assert said in text, said
    assert "/home" not in text and "\\\n" not in text


def test_a_card_without_figures(trained):
    text = generate_readme(card_meta(trained.meta, Card("x", "0.1.0", "the data", "e"), Made()))
    for title in ("Intended use", "Limits", "Data", "Training", "Licence"):
        assert f"### {title}" in text
    assert "took" not in text and "F1" not in text


def test_the_card_names_the_encoders_author_and_licence(trained):
    meta = card_meta(trained.meta, Card("x", "0.1.0", "the data", "minilm"), Made())
    assert meta["sources"][1]["license"] == "Apache-2.0"
    assert "all-MiniLM-L6-v2" in meta["description"]


def test_no_pipeline(tmp_path):
    with pytest.raises(InputError, match="no trained pipeline"):
        package(tmp_path, tmp_path / "out", Card("x", "0.1.0", "d", "e"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["", "one", "1.0-beta", "../1", "１.0"])
def test_no_version(trained, tmp_path, version):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="not a version"):
        package(tmp_path / "model", tmp_path / "out", Card("x", version, "d", "e"))


def test_a_name_without_ascii(trained, tmp_path):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="--name"):
        package(tmp_path / "model", tmp_path / "out", Card("日本", "0.1.0", "d", "e"))


@pytest.mark.parametrize("metrics", [{}, [], 5, {"text": {}}])
def test_metrics_that_are_none(trained, tmp_path, metrics):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="not what the train, evaluate and"):
        package(
            tmp_path / "model", tmp_path / "out", Card("x", "0.1.0", "d", "e"), made=Made(metrics)
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [{}, [], 5, {"pipeline": "x", "version": "1", "wheels": []}])
def test_a_manifest_that_is_none(tmp_path, content):
    path = tmp_path / "x.json"
    srsly.write_json(path, content)
    with pytest.raises(InputError, match="not what the package command writes"):
        read_manifest(path)


def test_manifest(tmp_path):
    packaged = Packaged("en_x", "0.1.0", {"a.whl": "0" * 64})
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="package command"):
        read_manifest(path)
    srsly.write_json(path, packaged.to_dict())
    assert read_manifest(path) == packaged


def test_the_installed_pipeline_has_to_find_the_same(trained, tmp_path):
    from spacy.tokens import DocBin

    trained.to_disk(tmp_path / "model")
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "x.spacy")
    texts, expected = expected_entities(tmp_path / "model", tmp_path / "x.spacy", 3)
    assert texts == [text for text, _ in SENTENCES[:3]]
    assert [[e[:3] for e in found] for found in expected] == [
        entities(trained(text)) for text in texts
    ]
    packaged = Packaged("en_x", "0.1.0", {})
    found = json.loads(json.dumps({"entities": expected, "versions": {"spacy": "3"}}))
    verified = compare_entities(packaged, expected, found, tmp_path / "v.json")
    assert (verified.texts, verified.entities) == (3, 8)
    assert srsly.read_json(tmp_path / "v.json") == verified.to_dict()
    found["entities"][0][0][3] += 0.1
    with pytest.raises(InputError, match="other scores"):
        compare_entities(packaged, expected, found)
    found["entities"][0][0][2] = "ORG"
    with pytest.raises(InputError, match="other entities .* in 1 of 3"):
        compare_entities(packaged, expected, found)
    with pytest.raises(InputError, match="no entity"):
        compare_entities(packaged, [[]], {"entities": [[]], "versions": {}})
