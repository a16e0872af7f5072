import json

import pytest

from spacy_transformer_ner.corpus.labels import read_labels
from spacy_transformer_ner.errors import InputError


def test_labels_separated_by_commas():
    assert read_labels("O, B-PER,I-PER") == ("O", "B-PER", "I-PER")


def test_a_file_of_labels(tmp_path):
    (tmp_path / "x.txt").write_text("O\n\nB-A\n")
    assert read_labels(str(tmp_path / "x.txt")) == ("O", "B-A")


@pytest.mark.parametrize(
    "content, message",
    [
        ({"O": 0, "B-A": 2}, "counted from 0"),
        (["O", "O"], "duplicate tag"),
        (["O", 3], "not a list of tags"),
        ([], "not a list of tags"),
        ("{", "not a list of tags"),
        (
            {"features": {f: {"feature": {"names": ["O", f]}} for f in ("pos_tags", "ner_tags")}},
            "several fields",
        ),
    ],
)
def test_invalid_files(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_labels(str(path))


def test_no_file():
    with pytest.raises(InputError, match="no such file"):
        read_labels("nothing.txt")
