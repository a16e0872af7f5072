import json
import re

import pytest
import srsly

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.card import (
    Card,
    CommandRecords,
    card_meta,
    package_name,
    readme,
)
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
MADE = CommandRecords(METRICS, HISTORY, {"train.spacy": SPLIT})


@pytest.mark.parametrize(
    "name, expected",
    [
        ("ner_sample_minilm", "ner_sample_minilm"),
        ("ner_conll2003_bert-base-cased", "ner_conll2003_bert_base_cased"),
        ("ner_x_google/electra", "ner_x_google_electra"),
        ("ner_x_/models/My Bert/", "ner_x_models_my_bert"),
    ],
)
def test_package_names(name, expected):
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
    assert "| **all types** | 0.5000 | 0.5000 | 0.5000 | – | 1 | 1 | 1 |" in meta["notes"]
    assert meta["performance"]["evaluation"] == METRICS


def test_card_has_all_sections(trained):
    card = Card("ner_x", "1.2.3", "the data", "minilm", "Ann Lee", "MIT")
    text = readme(card_meta(trained.meta, card, MADE))
    for said in (
        "### Intended use", 'spacy.load("en_ner_x")', "### Limits", "Its weakest type is PER: F1 0.5000",
        "### Entities per type", "### Data", "the data: train.conll.", "| train | 2 | 3 | 1,234 | 5 | 5 |",
        "### Training", "99 steps, 2 epochs and 9,900 words took 1.5 minutes", "on X, 2 threads.",
        "step 50, score 0.8000", "### License", "Pipeline: MIT.", "Apache-2.0",
    ):  # fmt: skip
        assert said in text, said
    assert "/home" not in text and "\\\n" not in text


def test_card_without_metrics(trained):
    text = readme(card_meta(trained.meta, Card("x", "0.1.0", "the data", "e"), CommandRecords()))
    for title in ("Intended use", "Limits", "Data", "Training", "License"):
        assert f"### {title}" in text
    assert "took" not in text and "F1" not in text


def test_card_has_the_encoders_license(trained):
    meta = card_meta(trained.meta, Card("x", "0.1.0", "the data", "minilm"), CommandRecords())
    assert meta["sources"][1]["license"] == "Apache-2.0"
    assert "all-MiniLM-L6-v2" in meta["description"]


def test_missing_pipeline(tmp_path):
    with pytest.raises(InputError, match="no trained pipeline"):
        package(tmp_path, tmp_path / "out", name="x")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["", "one", "1.0-beta", "../1", "１.0"])
def test_invalid_version(trained, tmp_path, version):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="not a version"):
        package(tmp_path / "model", tmp_path / "out", name="x", version=version)


def test_a_name_without_ascii(trained, tmp_path):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="--name"):
        package(tmp_path / "model", tmp_path / "out", name="日本")


@pytest.mark.parametrize("metrics", [{}, [], 5, {"text": {}}])
def test_invalid_metrics(trained, tmp_path, metrics):
    trained.to_disk(tmp_path / "model")
    with pytest.raises(InputError, match="not what the train, evaluate and convert commands write"):
        package(
            tmp_path / "model",
            tmp_path / "out",
            name="x",
            records=CommandRecords(metrics),
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [{}, [], 5, {"pipeline": "x", "version": "1", "wheels": []}])
def test_invalid_manifest(tmp_path, content):
    path = tmp_path / "x.json"
    srsly.write_json(path, content)
    with pytest.raises(InputError, match="not a manifest of the package command"):
        read_manifest(path)


def test_manifest(tmp_path):
    packaged = Packaged("en_x", "0.1.0", {"a.whl": "0" * 64})
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="package"):
        read_manifest(path)
    srsly.write_json(path, packaged.to_dict())
    assert read_manifest(path) == packaged


def test_installed_pipeline_must_find_the_same_entities(trained, tmp_path):
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
    with pytest.raises(InputError, match="finds no entities"):
        compare_entities(packaged, [[]], {"entities": [[]], "versions": {}})


ODD = ["all", "none", "a|b", "line\nbreak", "`code`", "*star*", "_under_", "WORK_OF_ART", "<b>&amp;",
       "\u202eturned", "日本"]  # fmt: skip


def test_unusual_labels_in_the_card(trained):
    """Tables keep their rows and cells on GitHub and the Hub, and labels are shown unchanged."""
    markdown = pytest.importorskip("markdown_it")
    counts = METRICS["text"]["entities"]
    text = {**METRICS["text"], "entities_per_type": dict.fromkeys(ODD, counts)}
    metrics = {**METRICS, "corpus": "corpus/a|b *c*.spacy", "text": text}
    corpus = {"train|1.spacy": {**SPLIT, "labels": dict.fromkeys(ODD, 7)}}
    card = Card("x", "0.1.0", "the | `data`\n# Title", "e|f", "Ann | Lee", "M`I|T")
    meta = card_meta(
        {**trained.meta, "labels": {"ner": ODD}}, card, CommandRecords(metrics, HISTORY, corpus)
    )
    assert meta["labels"] == {"ner": ODD}
    tokens = markdown.MarkdownIt("commonmark").enable("table").parse(readme(meta))
    rows, kept, in_row = [], [], False
    for token in tokens:
        if token.type in ("tr_open", "tr_close"):
            in_row = token.type == "tr_open"
            rows += [[]] * in_row
        elif token.type == "inline":
            shown = "".join(c.content for c in token.children if c.type in ("text", "code_inline"))
            kept.append(shown)
            if in_row:
                rows[-1] = [*rows[-1], shown]
        # spaCy puts the labels into a <details> element.
        assert token.type != "html_block" or re.match("</?(details|summary)>", token.content)
    shown = [label.replace("\n", " ").replace("\u202e", "") for label in ODD]
    for label in shown:
        assert [label, "0.5000", "0.5000", "0.5000"] in [row[:4] for row in rows], label
    assert ["split", "documents", "sentences", "words", "entities", *sorted(shown)] in [
        [*row[:5], *sorted(row[5:])] for row in rows
    ]
    assert ["all types", "0.5000", "0.5000", "0.5000", "–", "1", "1", "1"] in rows
    assert any(line.startswith("Pipeline: M`I|T.") for line in kept)
    assert any(["Author", "Ann | Lee"] == row[:2] for row in rows)


def test_a_card_of_many_labels(trained):
    labels = [f"TYPE{i}" for i in range(300)]
    corpus = {"train.spacy": {**SPLIT, "labels": {name: i for i, name in enumerate(labels)}}}
    meta = card_meta(
        {**trained.meta, "labels": {"ner": labels}},
        Card("x", "0.1.0", "d", "e"),
        CommandRecords(corpus=corpus),
    )
    assert "TYPE29 and 270 more" in meta["notes"] and "TYPE299 |" in meta["notes"]
    assert len(meta["description"]) < 500 and len(meta["notes"]) < 4000
