import json

import pytest
import spacy
from spacy.tokens import Doc

from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.errors import InputError


def make(words, ents=(), starts=None, spaces=None):
    vocab = spacy.blank("en").vocab
    return Doc(
        vocab, words=words, ents=list(ents) or ["O"] * len(words), sent_starts=starts, spaces=spaces
    )


def test_columns(tmp_path):
    doc = make(
        ["Ann", "Lee", "is", "Oslo"], ["B-PER", "I-PER", "O", "B-LOC"], [True, False, False, True]
    )
    export([doc], tmp_path / "x.conll", "BILUO")
    assert (tmp_path / "x.conll").read_text() == (
        "-DOCSTART-\tO\n\nAnn\tB-PER\nLee\tL-PER\nis\tO\n\nOslo\tU-LOC\n\n"
    )


def test_json_lines(tmp_path):
    doc = make(["Ann", "Lee", "."], ["B-PER", "I-PER", "O"], spaces=[True, False, False])
    export([doc], tmp_path / "x.jsonl")
    record = json.loads((tmp_path / "x.jsonl").read_text())
    assert record["text"] == "Ann Lee."
    assert record["tokens"][1] == {"text": "Lee", "start": 4, "end": 7, "id": 1, "ws": False}
    assert record["spans"] == [
        {"start": 0, "end": 7, "token_start": 0, "token_end": 1, "label": "PER"}
    ]


def test_losses_are_counted(tmp_path):
    doc = make(
        ["Ann", "\n", "Lee", "is"], ["B-PER", "I-PER", "I-PER", "O"], [True, False, True, False]
    )
    lost = export([doc], tmp_path / "x.conll")
    assert sorted(count for count in lost.values() if count) == [1, 1]
    assert (
        tmp_path / "x.conll"
    ).read_text() == "-DOCSTART-\tO\n\nAnn\tB-PER\n\nLee\tB-PER\nis\tO\n\n"


@pytest.mark.parametrize("word", ["a\tb", "a\rb", " a", "-DOCSTART-"])
def test_words_that_columns_cannot_represent(tmp_path, word):
    with pytest.raises(InputError, match="Write a .jsonl file"):
        export([make([word])], tmp_path / "x.conll")
    assert not list(tmp_path.iterdir())
