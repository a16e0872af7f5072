"""Formats that are not supported: what the file is, and what to do."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .webanno import is_old_webanno

RECORDS = (
    'Convert it to JSON Lines, a text per line: {"text": "Oslo is far.", "spans": [{"start": 0, '
    '"end": 4, "label": "LOC"}]}'
)
TAGS = "Save the text with inline tags, e.g. <LOC>Oslo</LOC> is far."


@dataclass(frozen=True)
class Refused:
    """A format that is not supported.

    what (str): What the file is, with its article.
    advice (str): What to do.
    magic (bytes | re.Pattern[str]): The first bytes, or a pattern of the start of the text.
    """

    what: str
    advice: str
    magic: bytes | re.Pattern[str]


def _xml(*names: str, within: str = "") -> re.Pattern[str]:
    """RETURNS (re.Pattern[str]): A pattern of an XML file with a root, and an element in it."""
    root = rf"\s*(?:<[?!][^>]*>\s*)*<(?:[\w.-]+:)?(?:{'|'.join(names)})[\s/>]"
    return re.compile(rf"{root}(?=.*{within})" if within else root, re.DOTALL)


REFUSED = (
    # binary files
    Refused("a single Arrow file", "Pass the folder saved by datasets.", b"ARROW1"),
    Refused("an Excel file", "Save the table as CSV UTF-8.", re.compile(r"PK\x03\x04.*?(xl/|xlsx)", re.DOTALL)),
    Refused("a Word file", f"Save it as text. {TAGS}", re.compile(r"PK\x03\x04.*?word/", re.DOTALL)),
    Refused("a model, saved by PyTorch", "Pass annotated text.", re.compile(r"PK\x03\x04.*?data\.pkl", re.DOTALL)),
    Refused("a zip or office file", "Unpack it, or save the table as CSV.", b"PK\3\4"),
    Refused("an old Office file", "Save the table as CSV UTF-8.", b"\xd0\xcf\x11\xe0"),
    Refused("a PDF, which is not supported", "Pass annotated text.", b"%PDF"),
    Refused("a bzip2 file", "Decompress it.", re.compile(r"BZh[1-9]")),
    Refused("an xz file", "Decompress it.", b"\xfd7zXZ"),
    Refused("a zstandard file", "Decompress it.", b"\x28\xb5\x2f\xfd"),
    Refused("a 7-Zip file", "Unpack it.", b"7z\xbc\xaf"),
    Refused("a RAR file", "Unpack it.", b"Rar!"),
    Refused("a tar archive", "Unpack it.", re.compile(r".{257}ustar", re.DOTALL)),
    Refused("a database, e.g. of Prodigy", "Export the annotations: prodigy db-out NAME > annotations.jsonl", b"SQLite format 3"),
    Refused("a numpy array", f"{RECORDS}", b"\x93NUMPY"),
    Refused("an HDF5 file", f"{RECORDS}", b"\x89HDF"),
    Refused("an ORC file", "Save the table as Parquet.", re.compile(r"ORC[\x00-\x08\x0e-\x1f]")),
    Refused("a Feather file", "Save the table as Parquet.", re.compile(r"FEA1[^\n]{0,99}\0")),
    Refused("a pickle, which could run code", f"{RECORDS}", re.compile(r"\x80[\x02-\x05][\x95\]}()cX]")),
    Refused("an image", "Pass annotated text.", re.compile(r"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*")),
    Refused("audio or video", "Pass annotated text.", re.compile(r"RIFF....(WAVE|AVI)|ID3[\x02-\x04]|OggS|fLaC|\0\0\0.ftyp", re.DOTALL)),
    # text
    Refused("an RTF file", f"Save it as text. {TAGS}", b"{\\rtf"),
    Refused("a UIMA CAS in XML (XMI)", "In INCEpTION, export as WebAnno TSV v3.3.", _xml("XMI", "CAS")),
    Refused("a GATE document", 'In GATE, choose "Save as…", "Inline XML" with the types of the entities.', _xml("GateDocument")),
    Refused("a BioC file", f"Export as PubTator. Else: {RECORDS}", re.compile(r"\s*(<[?!][^>]*>\s*)*(<!DOCTYPE collection|<collection>(?=.*<(passage|infon)\b))", re.DOTALL)),
    Refused("a TEI document", f"{TAGS}", _xml("TEI", "TEI.2", "teiCorpus")),
    Refused("a FoLiA document", f"{TAGS}", _xml("FoLiA")),
    Refused("a NAF or KAF document", f"{TAGS}", _xml("NAF", "KAF")),
    Refused("a TCF document of WebLicht", f"{TAGS}", _xml("D-Spin", "TextCorpus")),
    Refused("Stanford NER's XML", "Use -outputFormat inlineXML.", re.compile(r"\s*(<\?[^>]*>\s*)?(<root>\s*)?<wi num=")),
    Refused("CoreNLP's XML", "Use -outputFormat conll.", re.compile(r"\s*(<\?[^>]*>\s*)*<root>\s*<document>(?=.*<token id=)", re.DOTALL)),
    Refused("a data set of Snips", f"{RECORDS}", re.compile(r"(.*\n)?type:\s*intent\b(?=.*\nutterances:)", re.DOTALL)),
    Refused("an ACE annotation file", f"{TAGS}", _xml("source_file")),
    Refused("XML with offsets, as in i2b2, MAE and eHOST", f"{RECORDS}", re.compile(r"\s*(<[?!][^>]*>\s*)*<\w+[^>]*>(?=.*(<TEXT>\s*<!\[CDATA\[|<TAGS>))|\s*(<[?!][^>]*>\s*)*<annotations\b(?=.*<(mention|span)\b[^>]*\b(id|start|end)=)", re.DOTALL)),
    Refused("RDF, e.g. NIF", f"{RECORDS}", re.compile(r"\s*(<[?!][^>]*>\s*)*<rdf:RDF|\s*(@prefix\s+\w*:\s*<|PREFIX\s+\w*:\s*<)")),
    Refused("a page of displaCy", f"{RECORDS}", re.compile(r".*<mark class=\"entity\"", re.DOTALL)),
    Refused("an HTML page", f"Save it as text. {TAGS}", re.compile(r"\s*(<[?!][^>]*>\s*)*<html[\s>]", re.IGNORECASE)),
    Refused("an HTML page", f"Save it as text. {TAGS}", re.compile(r"\s*<!doctype html", re.IGNORECASE)),
    Refused("an i2b2 concept file", f"{RECORDS}", re.compile(r"c=\".*?\" \d+:\d+ \d+:\d+\|\|t=\"")),
    Refused("an SQL dump", "Export the table as CSV.", re.compile(r"\s*(--[^\n]*\n\s*)*(CREATE TABLE|INSERT INTO|DROP TABLE|PRAGMA foreign_keys)|-- (MySQL|PostgreSQL|MariaDB)")),
)  # fmt: skip
# Formats that are only recognised by code.
BIONLP = Refused(
    "a standoff file of BioNLP", "Rename it from .a1 to .ann, beside the .txt file.", re.compile("")
)
OLD_WEBANNO = Refused(
    "WebAnno TSV 1 or 2", "Export as WebAnno TSV v3.3, or CoNLL 2002.", re.compile("")
)
YAML = Refused("YAML, but no training data of Rasa", f"{RECORDS}", re.compile(""))
YAML_START = re.compile(r"(---\s*\n|(\s*#[^\n]*\n)*\s*(- )?[\w-]+:(\s*\n|\s+\S))")


def find_refused(raw: bytes, text: Callable[[], str], suffix: str) -> Refused | None:
    """Find the name of a format that is not supported.

    raw (bytes): The first bytes of the file.
    text (Callable[[], str]): Gets them as text.
    suffix (str): The suffix in lower case.
    RETURNS (Refused | None): The format, or None.
    """
    as_latin = None
    for refused in REFUSED:
        if isinstance(refused.magic, bytes):
            if raw.startswith(refused.magic):
                return refused
            continue
        if as_latin is None:
            as_latin = text() if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else raw.removeprefix(
                b"\xef\xbb\xbf"
            ).decode("latin-1")  # fmt: skip
        if refused.magic.match(as_latin):
            return refused
    if suffix in (".a1", ".a2"):
        return BIONLP
    decoded = text()
    if is_old_webanno(decoded):
        return OLD_WEBANNO
    if suffix in (".yml", ".yaml") and YAML_START.match(decoded) and "nlu:" not in decoded:
        return YAML
    return None
