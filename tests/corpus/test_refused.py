"""Formats that are not supported are named, with a way out that works."""

import re

import pytest

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import find_format, open_corpus
from spacy_transformer_ner.corpus.readers.refused import OLD_WEBANNO, RECORDS, REFUSED, TAGS, YAML
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError

OSLO = ("Oslo", "LOC")
WEBANNO = "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.NamedEntity|value\n\n1-1\t0-4\tOslo\tLOC\t\n"
PUBTATOR = "1|t|Oslo is far.\n1\t0\t4\tOslo\tLOC\n"
GATE = "<?xml version='1.0' encoding='UTF-8'?>\n<paragraph><LOC gate:gateId=\"1\">Oslo</LOC> is far.</paragraph>"
CSV = "word,tag\nOslo,B-LOC\nis,O\nfar,O\n"
PRODIGY = '{"text": "Oslo is far.", "spans": [{"start": 0, "end": 4, "label": "LOC"}], "answer": "accept"}'  # fmt: skip
CONLL = "Oslo B-LOC\nis O\nfar O\n"

# format: the start of a file, and a file as the message says
FILES = {
    "a single Arrow file": (b"ARROW1\0\0", None),
    "an Excel file": (b"PK\3\4...[Content_Types].xml...xl/workbook.xml", CSV),
    "a Word file": (b"PK\3\4...word/document.xml", TAGS),
    "a model, saved by PyTorch": (b"PK\3\4..archive/data.pkl", CONLL),
    "a zip or office file": (b"PK\3\4 ", CSV),
    "an old Office file": (b"\xd0\xcf\x11\xe0\xa1\xb1", CSV),
    "a PDF, which is not supported": (b"%PDF-1.4", CONLL),
    "a bzip2 file": (b"BZh9", CONLL),
    "an xz file": (b"\xfd7zXZ\0", CONLL),
    "a zstandard file": (b"\x28\xb5\x2f\xfd", CONLL),
    "a 7-Zip file": (b"7z\xbc\xaf\x27\x1c", CONLL),
    "a RAR file": (b"Rar!\x1a\x07", CONLL),
    "a tar archive": (b"a.txt".ljust(257, b"\0") + b"ustar\x0000", CONLL),
    "a database, e.g. of Prodigy": (b"SQLite format 3\0", PRODIGY),
    "a numpy array": (b"\x93NUMPY\1\0", RECORDS),
    "an HDF5 file": (b"\x89HDF\r\n\x1a\n", RECORDS),
    "an ORC file": (b"ORC\x0a\x03".replace(b"\x0a", b"\x08"), None),
    "a Feather file": (b"FEA1\0\0\0\0", None),
    "a pickle, which could run code": (b"\x80\x04\x95\x10\0\0\0", RECORDS),
    "an image": (b"\x89PNG\r\n\x1a\n", CONLL),
    "audio or video": (b"RIFF\x24\0\0\0WAVEfmt ", CONLL),
    "an RTF file": (rb"{\rtf1\ansi Oslo is far.}", TAGS),
    "a UIMA CAS in XML (XMI)": (b'<?xml version="1.0"?><xmi:XMI xmlns:xmi="http://x">', WEBANNO),
    "a GATE document": (b"<?xml version='1.0'?>\n<GateDocument version='3'>", GATE),
    "a BioC file": (b"<?xml version='1.0'?><!DOCTYPE collection SYSTEM 'BioC.dtd'><collection>", PUBTATOR),
    "a TEI document": (b'<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader/>', TAGS),
    "a FoLiA document": (b'<?xml version="1.0"?>\n<FoLiA xmlns="http://x">', TAGS),
    "a NAF or KAF document": (b'<NAF xml:lang="en">', TAGS),
    "a TCF document of WebLicht": (b'<D-Spin xmlns="http://x">', TAGS),
    "Stanford NER's XML": (b'<wi num="0" entity="LOCATION">Oslo</wi> <wi num="1" entity="O">is</wi>', "<LOC>Oslo</LOC> is far."),
    "CoreNLP's XML": (b'<?xml version="1.0"?>\n<root>\n<document><sentences><sentence id="1"><tokens><token id="1"><word>Oslo', "1\tOslo\tOslo\tNNP\tLOC\t0\troot\n2\tis\tbe\tVB\tO\t1\tcop\n3\tfar\tfar\tJJ\tO\t1\tx\n"),
    "a data set of Snips": (b"---\ntype: intent\nname: go\nutterances:\n- go to [city](Oslo)\n", RECORDS),
    "an ACE annotation file": (b'<?xml version="1.0"?><source_file URI="x">', TAGS),
    "XML with offsets, as in i2b2, MAE and eHOST": (b"<deIdi2b2>\n<TEXT><![CDATA[Oslo]]></TEXT>\n<TAGS>", RECORDS),
    "RDF, e.g. NIF": (b"@prefix nif: <http://persistence.uni-leipzig.org/> .", RECORDS),
    "a page of displaCy": (b'<div class="entities">\n<mark class="entity">Oslo</mark>', RECORDS),
    "an HTML page": (b"<!DOCTYPE html>\n<html><body>", TAGS),
    "an i2b2 concept file": (b'c="oslo" 1:0 1:0||t="loc"', RECORDS),
    "an SQL dump": (b"-- MySQL dump 10.13\nCREATE TABLE `x`", CSV),
    OLD_WEBANNO.what: (b"#id=1\n#text=Oslo\n1-1\tOslo\tB-LOC\n", WEBANNO),
    YAML.what: (b"texts:\n- text: Oslo\n", RECORDS),
}  # fmt: skip


def test_all_formats_are_tested():
    assert FILES.keys() == {r.what for r in (*REFUSED, OLD_WEBANNO, YAML)}


@pytest.mark.parametrize("what", FILES)
def test_refused_formats(tmp_path, what):
    content, remedy = FILES[what]
    path = tmp_path / ("x.yml" if what == YAML.what else "x")
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"x(.yml)?: is {re.escape(what)}") as error:
        find_format(Source.at(path))
    if remedy is None:
        return  # A folder of datasets, or Parquet.
    if remedy in (RECORDS, TAGS):
        assert remedy in str(error.value)
        # The example in the message.
        remedy = re.search(r"\{.*\}|<LOC>.*", remedy)[0]
    (tmp_path / "y").write_text(remedy)
    docs = [
        to_doc(d, DocMaker("en")) for d in open_corpus(Source.at(tmp_path / "y"), ReadOptions())
    ]
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == [OSLO]


@pytest.mark.parametrize(
    "text",
    [
        "ORCA B-ORG\nis O\n",
        "ID3 B-ORG\nis O\n",
        "-- O\nCREATE B-X\n",
        "%PD O\nOslo B-LOC\n",
        "<TEI> O\nOslo B-LOC\n".replace("<TEI>", "<TEIL>"),
        "c=1 O\nOslo B-LOC\n",
        "MM B-ORG\nis O\n",
    ],
)
def test_words_that_look_like_formats(tmp_path, text):
    (tmp_path / "x").write_text(text)
    assert find_format(Source.at(tmp_path / "x")) == "columns"


def test_bionlp(tmp_path):
    (tmp_path / "x.a1").write_text("T1\tLOC 0 4\tOslo\n")
    with pytest.raises(InputError, match="standoff file of BioNLP. Rename it from .a1 to .ann"):
        find_format(Source.at(tmp_path / "x.a1"))


def test_other_yaml(tmp_path):
    (tmp_path / "config.yml").write_text("recipe: default.v1\nlanguage: en\n")
    with pytest.raises(InputError, match="is YAML, but no training data of Rasa"):
        find_format(Source.at(tmp_path / "config.yml"))
