"""What push would upload. No network is used."""

import zipfile

import pytest
import spacy
import srsly
from huggingface_hub import ModelCard
from spacy.cli.package import generate_readme

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange import hub
from spacy_transformer_ner.exchange.card import Card, CommandRecords, card_meta
from spacy_transformer_ner.exchange.package import Packaged
from spacy_transformer_ner.files import sha256

from ..conftest import SENTENCES, entities
from .test_package import MADE

NAME = "en_ner_x"


@pytest.fixture
def built(trained, tmp_path):
    """Wheels and their manifest, as written by the package command."""
    model = tmp_path / "model"
    trained.to_disk(model)
    card = Card("ner_x", "1.2.3", "the data", "minilm", "Ann Lee", "MIT")
    meta = card_meta(trained.meta, card, MADE)
    srsly.write_json(model / "meta.json", meta)
    (model / "README.md").write_text(generate_readme(meta), "utf-8")
    wheels = tmp_path / "packages"
    wheels.mkdir()
    names = (f"{NAME}-1.2.3-py3-none-any.whl", "spacy_transformer_ner-0.1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheels / names[0], "w") as archive:
        archive.writestr(f"{NAME}/__init__.py", "raise RuntimeError")
        for path in model.rglob("*"):
            archive.write(path, f"{NAME}/{NAME}-1.2.3/{path.relative_to(model)}")
    (wheels / names[1]).write_bytes(b"ours")
    packaged = Packaged(NAME, "1.2.3", {name: sha256(wheels / name) for name in names})
    return packaged, wheels


def test_repository(built, tmp_path):
    packaged, wheels = built
    hub.build_repository(packaged, wheels, tmp_path / "repository", f"ann/{NAME}")
    nlp = spacy.load(tmp_path / "repository")
    assert entities(nlp(SENTENCES[0][0])) == SENTENCES[0][1]
    assert {path.name for path in (tmp_path / "repository").glob("*.whl")} == set(packaged.wheels)
    assert not (tmp_path / "repository" / "__init__.py").exists()

    text = (tmp_path / "repository" / "README.md").read_text("utf-8")
    _, head, body = text.split("---\n", 2)
    data = srsly.yaml_loads(head)
    assert (data["library_name"], data["pipeline_tag"]) == ("spacy", "token-classification")
    assert {"spacy", "token-classification"} <= set(data["tags"])
    assert (data["license"], data["language"]) == ("mit", "en")
    assert data["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    (model,) = data["model-index"]
    (result,) = model["results"]
    assert model["name"] == NAME and result["task"]["type"] == "token-classification"
    assert result["dataset"]["split"] == "test"
    assert [(m["type"], m["value"]) for m in result["metrics"]] == [
        ("precision", 0.5), ("recall", 0.5), ("f1", 0.5),
    ]  # fmt: skip
    for said in (
        "| PER | 0.5000 |", "### Intended use", "### Limits", "### Data", "### License",
        "99 steps, 2 epochs", f"https://huggingface.co/ann/{NAME}/resolve/main/{NAME}-1.2.3-py3",
        "main/spacy_transformer_ner-0.1.0-py3",
    ):  # fmt: skip
        assert said in body, said
    # As parsed by the Hub.
    assert (
        ModelCard.load(tmp_path / "repository" / "README.md").data.eval_results[2].metric_value
        == 0.5
    )


def test_changed_wheel_raises_error(built, tmp_path):
    packaged, wheels = built
    (wheels / list(packaged.wheels)[1]).write_bytes(b"another")
    with pytest.raises(InputError, match="not the wheel that was built"):
        hub.build_repository(packaged, wheels, tmp_path / "repository", "ann/x")
    assert not (tmp_path / "repository").exists()


def test_metadata_without_metrics(trained):
    meta = card_meta(
        trained.meta, Card("x", "0.1.0", "d", "google-bert/bert-base-cased"), CommandRecords()
    )
    data = hub.card_data({**meta, "lang": "xx"}).to_dict()
    assert data["base_model"] == "google-bert/bert-base-cased"
    assert data["language"] == "multilingual" and not {"model-index", "license"} & set(data)


def test_no_token(monkeypatch):
    monkeypatch.setattr(hub, "get_token", lambda: None)
    with pytest.raises(InputError, match="no token"):
        hub.find_owner("ann")


def test_no_network(monkeypatch, tmp_path):
    """HF_HUB_OFFLINE is set in tests, so no request is sent."""
    monkeypatch.setattr(hub, "get_token", lambda: "hf_x")
    with pytest.raises(InputError, match="cannot be reached"):
        hub.find_owner("")
    for name in ("ann/x", "ann/lee/x"):
        with pytest.raises(InputError, match="cannot be reached, or refused"):
            hub.upload(tmp_path, name, "0.1.0")
