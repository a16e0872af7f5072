"""Entities that overlap: read from all formats that have them, and written again."""

import json

import pytest
import spacy
from spacy.util import filter_spans

from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.overlapping import SPANS_KEY, depths, layers
from spacy_transformer_ner.corpus.reader import create_corpus_reader, read_corpus
from spacy_transformer_ner.corpus.readers import columns
from spacy_transformer_ner.errors import InputError
from tests.conftest import ner

TEXT = "Ann Lee left Oslo University ."
FOUND = [("Ann Lee", "PER"), ("Oslo", "LOC"), ("Oslo University", "ORG")]
# GermEval-14: an index, the word, the outer and the inner entities.
GERMEVAL = """#\thttp://example.com [2014-01-01]
1\tAnn\tB-PER\tO
2\tLee\tI-PER\tO
3\tleft\tO\tO
4\tOslo\tB-ORG\tB-LOC
5\tUniversity\tI-ORG\tO
6\t.\tO\tO

#\thttp://example.com [2014-01-01]
1\tRain\tO\tO
2\tin\tO\tO
3\tBergen\tB-LOC\tO
"""
WEBANNO = """#FORMAT=WebAnno TSV 3.3
#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|value


#Text=Ann Lee left Oslo University .
1-1\t0-3\tAnn\tPER[1]\t
1-2\t4-7\tLee\tPER[1]\t
1-3\t8-12\tleft\t_\t
1-4\t13-17\tOslo\tORG[2]|LOC\t
1-5\t18-28\tUniversity\tORG[2]\t
1-6\t29-30\t.\t_\t
"""
OFFSETS = [(0, 7, "PER"), (13, 28, "ORG"), (13, 17, "LOC")]
STUDIO = [
    {
        "data": {"text": TEXT},
        "annotations": [
            {
                "result": [
                    {
                        "from_name": "label",
                        "to_name": "text",
                        "type": "labels",
                        "value": {"start": start, "end": end, "labels": [label]},
                    }
                    for start, end, label in OFFSETS
                ]
            }
        ],
    }
]
SPANS = {"text": TEXT, "spans": [{"start": a, "end": b, "label": c} for a, b, c in OFFSETS]}
# GLiNER's indices of words, with an inclusive end.
GLINER = [{"tokenized_text": TEXT.split(), "ner": [[0, 1, "PER"], [3, 4, "ORG"], [3, 3, "LOC"]]}]
ONTONOTES = "Ann\t(PER*\nLee\t*)\nleft\t*\nOslo\t(ORG(LOC)\nUniversity\t*)\n.\t*\n"
FILES = {
    "germeval.tsv": GERMEVAL,
    "webanno.tsv": WEBANNO,
    "studio.json": json.dumps(STUDIO),
    "spans.jsonl": json.dumps(SPANS) + "\n",
    "gliner.json": json.dumps(GLINER),
    "ontonotes.tsv": ONTONOTES,
    "brat/x.txt": TEXT,
}
BRAT = "T1\tPER 0 7\tAnn Lee\nT2\tORG 13 28\tOslo University\nT3\tLOC 13 17\tOslo\n"
ALL = ReadOptions(overlaps="spans")


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "brat").mkdir()
    (tmp_path / "brat" / "x.ann").write_text(BRAT)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def found_in(doc):
    return [(span.text, span.label_) for span in doc.spans[SPANS_KEY]]


@pytest.mark.parametrize("name", FILES)
def test_all_entities_are_read(corpus, name):
    doc = next(read_corpus(corpus / name, options=ALL))
    assert sorted(found_in(doc)) == FOUND
    assert [ent.text for ent in doc.ents] == ["Ann Lee", "Oslo University"]
    assert list(doc.ents) == filter_spans(doc.spans[SPANS_KEY])


def test_the_longest_are_the_default_of_germeval(corpus):
    docs = list(read_corpus(corpus / "germeval.tsv"))
    assert [ent.label_ for doc in docs for ent in doc.ents] == ["PER", "ORG", "LOC"]
    assert SPANS_KEY not in docs[0].spans


@pytest.mark.parametrize("given", ["3,4", "-1,-2"])
def test_columns_can_be_named(corpus, given):
    options = ReadOptions(overlaps="spans", tag_column=given)
    doc = next(read_corpus(corpus / "germeval.tsv", options=options))
    assert sorted(found_in(doc)) == FOUND


def test_several_columns_need_spans(corpus):
    with pytest.raises(InputError, match="germeval.tsv: .*several columns.*--overlaps spans"):
        list(read_corpus(corpus / "germeval.tsv", options=ReadOptions(tag_column="3,4")))


def test_an_inner_column_without_entities_at_the_start_is_read(corpus, monkeypatch):
    monkeypatch.setattr(columns, "SAMPLE", 100)
    rain = "1\tRain\tO\tO\n2\tin\tO\tO\n3\tBergen\tB-LOC\tO\n\n" * 5
    (corpus / "germeval.tsv").write_text(rain + GERMEVAL)
    docs = list(read_corpus(corpus / "germeval.tsv", options=ALL))
    assert sorted(found_in(docs[-2])) == FOUND


@pytest.mark.parametrize("suffix", [".jsonl", ".conllup", ".iob"])
def test_nothing_is_lost_by_convert_and_export(corpus, suffix):
    three = {"text": TEXT, "spans": [*SPANS["spans"], {"start": 13, "end": 17, "label": "CITY"}]}
    (corpus / "three.jsonl").write_text(json.dumps(three) + "\n")
    inputs = [corpus / name for name in (*FILES, "three.jsonl")]
    convert(inputs, corpus / "one.spacy", options=ALL)
    vocab = spacy.blank("en").vocab
    lost = export(read_docbin(corpus / "one.spacy", vocab), corpus / f"out{suffix}")
    assert not +lost
    convert([corpus / f"out{suffix}"], corpus / "two.spacy", options=ALL)
    one, two = (list(read_docbin(corpus / f"{n}.spacy", vocab)) for n in ("one", "two"))
    assert len(one) == len(two) == len(FILES) + 2
    for before, after in zip(one, two):
        assert [t.text for t in before] == [t.text for t in after]
        assert sorted(found_in(before)) == sorted(found_in(after))
        assert [e.text for e in before.ents] == [e.text for e in after.ents]


def test_exported_columns_without_nested_entities_are_as_before(corpus):
    (corpus / "flat.iob").write_text("Oslo\tB-LOC\n")
    convert([corpus / "flat.iob"], corpus / "flat.spacy")
    export(read_docbin(corpus / "flat.spacy", spacy.blank("en").vocab), corpus / "out.iob")
    assert (corpus / "out.iob").read_text() == "-DOCSTART-\tO\n\nOslo\tB-LOC\n\n"


DISCONTINUOUS = {
    "brat/x.txt": None,
    "parts.json": json.dumps(
        [{"text": "North and South Korea", "label": [{"type": "LOC", "offsets": [[0, 5], [16, 21]]}]}]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DISCONTINUOUS)
@pytest.mark.parametrize(
    "how, expected",
    [(None, []), ("drop", []), ("cover", [("North and South Korea", "LOC")])],
)
def test_discontinuous_entities(tmp_path, name, how, expected):
    (tmp_path / "brat").mkdir()
    (tmp_path / "brat" / "x.txt").write_text("North and South Korea")
    (tmp_path / "brat" / "x.ann").write_text("T1\tLOC 0 5;16 21\tNorth Korea\n")
    (tmp_path / "parts.json").write_text(DISCONTINUOUS["parts.json"])
    options = ReadOptions(overlaps="spans", discontinuous=how)
    (converted,) = convert([tmp_path / name], tmp_path / "x.spacy", options=options)
    (doc,) = read_docbin(tmp_path / "x.spacy", spacy.blank("en").vocab)
    assert found_in(doc) == expected
    (note,) = converted.files[0].notes
    assert note.count == 1 and "discontinuous" in note.message
    assert ("--discontinuous cover" in note.message) == (how != "cover")


def test_dropped_entities_are_counted_and_the_option_is_named(corpus):
    result = ner("convert", corpus / "spans.jsonl", corpus / "x.spacy", "--overlaps", "longest")
    assert "1 entities that overlap a longer one were dropped" in result.stdout
    assert "--overlaps spans" in result.stdout
    result = ner("convert", corpus / "spans.jsonl", corpus / "x.spacy", "--overlaps", "spans")
    assert result.returncode == 0 and "overlap" not in result.stdout


def test_the_corpus_reader_keeps_them(corpus):
    reader = create_corpus_reader(corpus / "spans.jsonl", options={"overlaps": "spans"})
    (example,) = reader(spacy.blank("en"))
    assert sorted(found_in(example.reference)) == FOUND


def test_reviews_refuse_them(corpus):
    convert([corpus / "spans.jsonl"], corpus / "x.spacy", options=ALL)
    (corpus / "review.jsonl").write_text(
        json.dumps({"text": TEXT, "spans": [], "answer": "accept", "suspect": {}}) + "\n"
    )
    result = ner("apply-review", corpus / "review.jsonl", corpus / "x.spacy")
    assert result.returncode == 1


def test_layers_and_depths():
    entities = [(0, 4, "A"), (0, 2, "B"), (1, 2, "C"), (3, 6, "D"), (0, 4, "E")]
    assert layers(entities) == [[(0, 4, "A")], [(0, 4, "E")], [(0, 2, "B"), (3, 6, "D")], [(1, 2, "C")]]  # fmt: skip
    assert depths(entities) == {
        (0, 4, "A"): 1, (0, 4, "E"): 1, (0, 2, "B"): 2, (1, 2, "C"): 3, (3, 6, "D"): 1,
    }  # fmt: skip
