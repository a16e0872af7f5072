import pytest

from spacy_transformer_ner.corpus.readers.headers import column_of, role_of, roles_of


@pytest.mark.parametrize(
    "title, role",
    [
        ("Word", "word"), ("TOKEN", "word"), ("FORM", "word"), ("Wort", "word"), ("词", "word"),
        ("Tag", "tag"), ("ner_tags", "tag"), ("NerTag", "tag"), ("parseme:ne", "tag"),
        ("NE-COARSE-LIT", "tag"), ("étiquette", "tag"), ("Entity Type", "tag"),
        ("Sentence #", "sentence"), ("sentence_id", "sentence"), ("SentenceID", "sentence"),
        ("doc_id", "document"), ("filename", "document"), ("token_id", "index"), ("#", "index"),
        ("start_char", "offset"), ("true_label", "gold"), ("y_pred", "prediction"),
        ("predicted tag", "prediction"), ("POS", "other"), ("pos_tag", "other"),
        ("NEL-LIT", "other"), ("MISC", "misc"), ("text", "text"),
        ("O", None), ("B-PER", None), ("", None), ("EU", None), (".", None), ("x" * 99, None),
    ],
)  # fmt: skip
def test_roles(title, role):
    assert role_of(title) == role


@pytest.mark.parametrize(
    "row, is_header",
    [
        ("Sentence #,Word,POS,Tag", True),
        ("word,gold,predicted", True),
        ("text,label", True),
        ("EU,B-ORG", False),
        ("Tag,O", False),
        ("word,word,tag", False),
        ("word,lemma", False),
    ],
)
def test_headers(row, is_header):
    assert (roles_of(row.split(",")) is not None) == is_header


def test_column_of():
    roles = roles_of(["word", "pred", "tag"])
    assert column_of(roles, "gold", "tag") == 2
    assert column_of(roles, "document") is None
