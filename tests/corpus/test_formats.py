"""Corpora are read correctly in every format."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import FORMATS as NAMES
from spacy_transformer_ner.corpus.readers.formats import find_format, open_corpus
from spacy_transformer_ner.corpus.sources import Source, spool
from spacy_transformer_ner.corpus.spelling import TAG
from spacy_transformer_ner.corpus.splits import data_files
from spacy_transformer_ner.errors import InputError

from .corpora import FORMATS, LOSSY, SENTENCES, TEXT, corpora, example_corpus

MAKER = DocMaker("en")


def contents(doc):
    starts = [token.i for token in doc if token.is_sent_start]
    entities = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return [token.text for token in doc], starts, entities


def in_sentences(documents):
    return [contents(sentence.as_doc()) for document in documents for sentence in document.sents]


def in_text(doc):
    return doc.text, [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


def read(path: Path, **options):
    readers = [open_corpus(source, ReadOptions(**options)) for source in data_files(path)]
    return [to_doc(document, MAKER) for reader in readers for document in reader]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, deadline=None)
@given(documents=corpora())
def test_round_trip(name, documents):
    if name in ("parquet", "datasets"):
        pytest.importorskip("pyarrow")
    kept, make = FORMATS[name]
    if name == "pairs":
        # A word that looks like a tag could be either of the two.
        assume(not any(TAG.fullmatch(w) for d in documents for s in d.sentences for w in s.words))
    if name in LOSSY:
        assume(not any(side_by_side(s) for d in documents for s in d.sentences))
    with tempfile.TemporaryDirectory() as folder:
        # Bare labels are only detected if most words are O.
        options = {"scheme": "bare"} if name == "columns-bare" else {}
        if kept == TEXT:
            # In a small file, one entity in part of a word suggests that offsets are counted
            # differently.
            options["offsets"] = "characters"
        found = read(make(documents)(Path(folder)), **options)
    expected = [to_doc(document, MAKER) for document in documents]
    if kept == TEXT:
        assert [in_text(doc) for doc in found] == [in_text(doc) for doc in expected]
    elif kept == SENTENCES:
        assert in_sentences(found) == in_sentences(expected)
    else:
        assert list(map(contents, found)) == list(map(contents, expected))


def side_by_side(sentence):
    spans = sentence.entities
    return any(a.end == b.start and a.label == b.label for a, b in zip(spans, spans[1:]))


@pytest.mark.parametrize(
    "name, format",
    [("conll2003", "columns"), ("json", "json"), ("prodigy", "json"), ("spacy", "spacy"),
     ("parquet", "parquet"), ("datasets", "datasets"), ("gzipped", "columns"), ("utf-16", "columns")],
)  # fmt: skip
def test_formats_are_detected_from_content(tmp_path, name, format):
    if name in ("parquet", "datasets"):
        pytest.importorskip("pyarrow")
    path = FORMATS[name][1](example_corpus(0))(tmp_path)
    if path.is_file():
        path = path.rename(tmp_path / "nameless")
    assert format in NAMES and find_format(Source.at(path)) == format


@pytest.mark.parametrize(
    "content, message",
    [
        (b"PK\3\4 ", "zip or office file"),
        (b"%PDF-1.4", "PDF"),
        (b"BZh9", "bzip2"),
        (b"\xfd7zXZ\0", "xz file"),
        (b"\x28\xb5\x2f\xfd", "zstandard"),
        (b"ARROW1\0\0", "Pass the folder"),
        (b"PAR1 and no more", "not a Parquet file"),
        (b"", "no tagged words"),
    ],
)
def test_unsupported_formats(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    if content.startswith(b"PAR1"):
        pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "file")


def test_a_bracket_as_first_word_is_not_json(tmp_path):
    (tmp_path / "file").write_text("[ -LRB- O\nOslo NNP B-LOC\n")
    assert find_format(Source.at(tmp_path / "file")) == "columns"


def test_format_can_be_set(tmp_path):
    (tmp_path / "x.txt").write_text('{ O\n" O\nOslo B-LOC\n')
    reader = open_corpus(Source.at(tmp_path / "x.txt"), ReadOptions(format="columns"))
    assert [s.words for d in reader for s in d.sentences] == [("{", '"', "Oslo")]


def test_standard_input_can_be_gzipped(tmp_path):
    import io

    source = spool(io.BytesIO(gzip.compress(b"Oslo B-LOC\n")), tmp_path, "<stdin>")
    assert source.name == "<stdin>"
    assert [len(d.sentences) for d in open_corpus(source, ReadOptions())] == [1]


def test_error_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="pip install 'pyarrow"):
        read(tmp_path / "x.parquet")
