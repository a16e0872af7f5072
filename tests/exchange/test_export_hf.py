import resource
import shutil

import numpy
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange import export_hf
from spacy_transformer_ner.exchange.export_hf import export_pipeline
from spacy_transformer_ner.exchange.import_hf import import_pipeline

from ..conftest import blank_pipeline, make_examples
from .test_import_hf import ARCHITECTURES, BIO, make_checkpoint


@pytest.fixture
def corpus(trained, tmp_path):
    path = tmp_path / "corpus.spacy"
    docs = [example.reference for example in make_examples(trained)]
    for doc in docs:
        for token in doc:
            token.is_sent_start = token.i == 0
    DocBin(docs=docs * 4).to_disk(path)
    return path


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_round_trip(name, tmp_path):
    """An imported checkpoint is exported unchanged, except for the order of types."""
    folder = make_checkpoint(tmp_path / "checkpoint", name)
    exported = export_pipeline(import_pipeline(str(folder), scheme="bio"), tmp_path / "exported")
    assert exported.is_exact and not exported.lost
    # The weights are as readable as the other files.
    modes = {path.stat().st_mode for path in (tmp_path / "exported").iterdir()}
    assert len(modes) == 1
    before, after = (
        AutoModelForTokenClassification.from_pretrained(path).eval()
        for path in (folder, tmp_path / "exported")
    )
    assert list(after.config.id2label.values()) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    batch = AutoTokenizer.from_pretrained(tmp_path / "exported")(
        ["Ann Lee met Marit Solheim in Oslo.", "Oslo"], padding=True, return_tensors="pt"
    )
    assert (batch.input_ids == AutoTokenizer.from_pretrained(folder)(
        ["Ann Lee met Marit Solheim in Oslo.", "Oslo"], padding=True, return_tensors="pt"
    ).input_ids).all()  # fmt: skip
    with torch.no_grad():
        theirs, ours = (
            model(**batch).logits[batch.attention_mask.bool()] for model in (before, after)
        )
    columns = [after.config.label2id[tag] for tag in BIO]
    numpy.testing.assert_allclose(ours[:, columns], theirs, atol=1e-5)


def test_head_is_refitted_if_parts_are_lost(trained, corpus, tmp_path):
    exported = export_pipeline(trained, tmp_path / "exported", train=corpus, dev=corpus)
    assert exported.lost == ("word case", "mean pooling of wordpieces")
    assert not exported.is_exact and exported.fitted_on == 4 * sum(
        len(e) for e in make_examples(trained)
    )
    assert exported.pipeline_f == 1.0 and exported.checkpoint_f > 0.9
    classify = pipeline(
        "token-classification", model=str(tmp_path / "exported"), aggregation_strategy="first"
    )
    found = [(e["start"], e["end"], e["entity_group"]) for e in classify("It rained in Oslo.")]
    assert found == [(13, 17, "LOC")]


def test_refitting_needs_data(trained, tmp_path):
    with pytest.raises(InputError, match="--train"):
        export_pipeline(trained, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_pipeline_without_transformer_ner(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(InputError, match="no transformer_ner"):
        export_pipeline(nlp, tmp_path / "exported")


def test_replaced_listeners(encoders, corpus, tmp_path):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))
    nlp.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert export_pipeline(nlp, tmp_path / "exported", train=corpus).fitted_on


def test_a_full_disk(trained, corpus, tmp_path, monkeypatch):
    """Reported before the head is fitted, or when writing fails."""
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(export_hf, "_fit", None)
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
        with pytest.raises(InputError, match=f"^{tmp_path}: the disk has 0.0 MiB left"):
            export_pipeline(trained, tmp_path / "exported", train=corpus)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(InputError, match="/exported: cannot be written: File too large"):
            export_pipeline(trained, tmp_path / "exported", train=corpus)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.spacy"]
