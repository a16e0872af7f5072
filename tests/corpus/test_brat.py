import pytest

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.readers.offsets import LEFT_OUT
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError


def read(tmp_path, text, annotations, **options):
    (tmp_path / "x.txt").write_bytes(text.encode())
    if annotations is not None:
        (tmp_path / "x.ann").write_text(annotations)
    reader = open_corpus(Source.at(tmp_path / "x.txt"), ReadOptions(format="brat", **options))
    docs = [to_doc(document, DocMaker("en")) for document in reader]
    return [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


def test_entities_among_other_annotations(tmp_path):
    annotations = "T1\tPER 0 3\tAnn\nR1\tat Arg1:T1 Arg2:T2\n#1\tAnnotatorNotes T1\tx\nT2\tLOC 8 12\tOslo\nE1\tT1:x\nA1\tY T1\n*\tEquiv T1\n"
    assert read(tmp_path, "Ann\nin\n Oslo", annotations) == [("Ann", "PER"), ("Oslo", "LOC")]


def test_entities_across_lines(tmp_path):
    assert read(tmp_path, "New\r\nYork", "T1\tLOC 0 8\tNew York\n") == [("New\nYork", "LOC")]


@pytest.mark.parametrize(
    "annotations, message",
    [
        ("T1\tLOC 0 1;4 8\tN York\n", "discontinuous.*--overlaps longest"),
        ("T1 LOC 0 3 New\n", "expected a brat entity"),
        ("\nT1\tLOC 0 99\tNew\n", "x.ann:2: .*in a text of 8 characters"),
        ("T1\tLOC 0 3\tOld\n", "the entity is 'Old', but the text has 'New'"),
        ("T1\tLOC 0 8\tNew York\nT2\tX 4 8\tYork\n", "x.ann:2: entities overlap"),
        (None, "x.ann: not found"),
    ],
)
def test_invalid_annotations(tmp_path, annotations, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, "New York", annotations)


def test_overlaps_longest(tmp_path):
    annotations = "T1\tLOC 0 8\tNew York\nT2\tX 4 8\tYork\n"
    assert read(tmp_path, "New York", annotations, overlaps="longest") == [("New York", "LOC")]


@pytest.mark.parametrize(
    "text, offsets, found",
    [
        ("New\nYork", "0 3;4 8", "New\nYork"),
        ("New  York", "0 3;5 9", "New  York"),
        ("A B C", "0 1;2 3;4 5", "A B C"),
        ("NewYork", "0 3;3 7", "NewYork"),
    ],
)
def test_entities_that_are_only_split_at_blanks(tmp_path, text, offsets, found):
    """brat splits an entity at a line end."""
    said = " ".join(found.split()) if text != "NewYork" else text
    assert read(tmp_path, text, f"T1\tLOC {offsets}\t{said}\n") == [(found, "LOC")]


def test_discontinuous_entities_can_be_left_out(tmp_path):
    text, annotations = (
        "lung or skin cancer",
        "T1\tX 0 4;13 19\tlung cancer\nT2\tX 8 19\tskin cancer\n",
    )
    with pytest.raises(InputError, match="x.ann:1: T1 is discontinuous.*--overlaps longest"):
        read(tmp_path, text, annotations)
    assert read(tmp_path, text, annotations, overlaps="longest") == [("skin cancer", "X")]
    reader = open_corpus(Source.at(tmp_path / "x.txt"), ReadOptions(overlaps="longest"))
    list(reader)
    (note,) = reader.notes()
    assert (note.message, note.count) == (LEFT_OUT, 1)
    assert note.places == (f"{tmp_path / 'x.ann'}:1",)


def test_offsets_in_other_units(tmp_path):
    text, annotations = "\U0001f600 Oslo", "T1\tLOC 3 7\tOslo\n"
    with pytest.raises(InputError, match="x.ann:1: entity from 3 to 7"):
        read(tmp_path, text, annotations)
    assert read(tmp_path, text, annotations, offsets="utf-16") == [("Oslo", "LOC")]
