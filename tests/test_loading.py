import pytest

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.loading import load_pipeline

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
