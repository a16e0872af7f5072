import pytest

from spacy_transformer_ner.corpus.check import check
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.errors import InputError

from ..conftest import SAMPLE


def corpus(tmp_path, **splits):
    for split, text in splits.items():
        (tmp_path / f"{split}.conll").write_text(text)
    convert(tmp_path, tmp_path)
    return tmp_path


def messages(report, severity):
    return [f.message for f in report.findings if f.severity == severity]


def test_sample_has_no_errors_or_warnings(tmp_path):
    convert(SAMPLE, tmp_path)
    report = check(tmp_path)
    assert report.count("error") == report.count("warning") == 0
    assert report.splits["train"].labels == {"LOC": 267, "MISC": 118, "ORG": 148, "PER": 151}
    assert report.to_dict()["splits"]["dev"]["documents"] == 13


def test_no_entities_is_an_error(tmp_path):
    report = check(corpus(tmp_path, train="a O\n", dev="b I-X\n"))
    assert "train has no entities" in messages(report, "error")


def test_labels_that_train_has_not(tmp_path):
    report = check(corpus(tmp_path, train="a I-X\n", dev="b I-Y\n"))
    assert any("dev has labels that train has not: Y" in m for m in messages(report, "warning"))
    assert any("fewer than 20 entities in train: X (1)" in m for m in messages(report, "warning"))


def test_texts_in_two_splits(tmp_path):
    report = check(corpus(tmp_path, train="a I-X\n\nb O\n", dev="a I-X\n"))
    assert any("1 documents of dev (100.0%) are in train too" in m for m in messages(report, "warning"))


def test_entities_that_raw_text_cannot_give(tmp_path):
    report = check(corpus(tmp_path, train="Oslo I-LOC\n", dev="U.S I-LOC\n. O\n"))
    assert any("1 entities of dev (100.00%)" in m for m in messages(report, "warning"))


def test_no_corpus(tmp_path):
    with pytest.raises(InputError, match="train.spacy"):
        check(tmp_path)


def test_no_corpus_file(tmp_path):
    (tmp_path / "train.spacy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a .spacy file"):
        check(tmp_path)


def test_unknown_language(tmp_path):
    with pytest.raises(InputError, match="enx"):
        check(tmp_path, lang="enx")
