import zipfile

import pytest
import srsly

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.loading import load_pipeline

from .conftest import ROOT

DAMAGE = {
    "meta.json": b"{",
    "config.cfg": b"garbage",
    "transformer/model": b"123",
    "transformer_ner/model": b"",
    "transformer_ner/cfg": b"",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_pipeline(trained, tmp_path, name):
    trained.to_disk(tmp_path)
    assert load_pipeline(tmp_path).pipe_names == trained.pipe_names
    (tmp_path / name).write_bytes(DAMAGE[name])
    with pytest.raises(InputError, match="cannot load the pipeline"):
        load_pipeline(tmp_path)


def test_no_pipeline(tmp_path):
    with pytest.raises(InputError, match="cannot load the pipeline"):
        load_pipeline(tmp_path / "nothing")


def test_a_pipeline_packaged_earlier(tmp_path):
    """Made by commit ffa4139, of which tests/data has the pipeline and what it found."""
    with zipfile.ZipFile(ROOT / "tests" / "data" / "pipeline-ffa4139.zip") as archive:
        archive.extractall(tmp_path)
    nlp = load_pipeline(tmp_path / "pipeline")
    found = srsly.read_json(tmp_path / "entities.json")
    for doc, expected in zip(nlp.pipe(one["text"] for one in found), found):
        assert doc.text == expected["text"]
        ents = [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]
        assert ents == [ent[:3] for ent in expected["ents"]]
        scores = [ent._.score for ent in doc.ents]
        assert scores == pytest.approx([ent[3] for ent in expected["ents"]], abs=1e-3)
        assert not doc.has_vector and doc.vector_norm == 0
