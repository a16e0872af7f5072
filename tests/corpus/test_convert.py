import pytest
import spacy

from spacy_transformer_ner.corpus.convert import convert, find_splits, output_name, split_of
from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.errors import InputError

from ..conftest import ROOT, SAMPLE

# documents, sentences, tokens, entities. Of the file's README.
SAMPLE_COUNTS = {"train": (49, 403, 6053, 684), "dev": (13, 102, 1570, 170), "test": (18, 154, 2418, 286)}


@pytest.mark.parametrize(
    "name, split",
    [
        ("eng.train", "train"),
        ("eng.testa", "dev"),
        ("eng.testb", "test"),
        ("esp.testa", "dev"),
        ("wnut17train.conll", "train"),
        ("emerging.dev.conll", "dev"),
        ("emerging.test.annotated", "test"),
        ("valid.txt", "dev"),
        ("val.txt", "dev"),
        ("medieval.txt", None),
        ("notes.txt", None),
    ],
)
def test_splits_are_told_by_names(tmp_path, name, split):
    assert split_of(tmp_path / name) == split


@pytest.mark.parametrize(
    "name, output", [("train.conll", "train.spacy"), ("eng.testa", "eng.testa.spacy")]
)
def test_output_names_do_not_collide(tmp_path, name, output):
    assert output_name(tmp_path / name) == output


def test_sample(tmp_path):
    results = convert(SAMPLE, tmp_path)
    vocab = spacy.blank("en").vocab
    for result, (split, counts) in zip(results, SAMPLE_COUNTS.items()):
        assert (result.documents, result.sentences, result.words, result.entities) == counts
        assert (result.scheme, result.columns, result.encoding) == ("IOB1", 4, "utf-8")
        docs = list(read_docbin(tmp_path / f"{split}.spacy", vocab))
        assert (
            len(docs),
            sum(len(list(doc.sents)) for doc in docs),
            sum(map(len, docs)),
            sum(len(doc.ents) for doc in docs),
        ) == counts
        assert not any(doc.has_unknown_spaces for doc in docs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.spacy", "test.spacy", "train.spacy"]


def test_test_entities_are_mostly_unseen(tmp_path):
    convert(SAMPLE, tmp_path)
    vocab = spacy.blank("en").vocab
    forms = {
        split: {e.text for doc in read_docbin(tmp_path / f"{split}.spacy", vocab) for e in doc.ents}
        for split in SAMPLE_COUNTS
    }
    assert len(forms["test"] - forms["train"]) / len(forms["test"]) > 0.6


def test_nothing_is_written_unless_all_can_be_read(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "train.conll").write_text("a O\n")
    (source / "dev.conll").write_text("a O\nb\n")
    with pytest.raises(InputError, match="dev.conll:2"):
        convert(source, output)
    assert list(output.iterdir()) == []


def test_an_earlier_conversion_survives_a_failed_one(tmp_path):
    source, output = tmp_path / "in.conll", tmp_path / "out"
    source.write_text("a O\n")
    convert(source, output)
    before = (output / "in.spacy").read_bytes()
    source.write_text("a O\nb\n")
    with pytest.raises(InputError):
        convert(source, output)
    assert (output / "in.spacy").read_bytes() == before


def test_missing_data_says_where_to_get_it():
    folder = ROOT / "assets" / "conll2003"
    if (folder / "eng.train").exists():
        pytest.skip("CoNLL-2003 is here")
    with pytest.raises(InputError, match="assets/conll2003/eng.train"):
        find_splits(folder)


def test_two_files_for_one_split_are_refused(tmp_path):
    for name in ("train.conll", "train2.conll", "dev.conll"):
        (tmp_path / name).write_text("a O\n")
    with pytest.raises(InputError, match="both train.conll and train2.conll"):
        find_splits(tmp_path)


def test_a_split_that_the_source_has_not_goes(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for split in ("train", "dev", "test"):
        (source / f"{split}.conll").write_text("a O\n")
    convert(source, output)
    (source / "test.conll").unlink()
    convert(source, output)
    assert sorted(path.name for path in output.iterdir()) == ["dev.spacy", "train.spacy"]


def test_unknown_language(tmp_path):
    with pytest.raises(InputError, match="no language 'klingon'"):
        convert(SAMPLE, tmp_path, lang="klingon")


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        convert(tmp_path / "nothing", tmp_path)
