"""Formats with entities within or below the text: inline tags, Markdown, OpenNLP, words with tags,
PubTator."""

import pytest

from spacy_transformer_ner.corpus.docbin import DocMaker, sentences_of, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import find_format, open_corpus
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError

MAKER = DocMaker("en")
ANN, OSLO = ("Ann Lee", "PER"), ("Oslo", "LOC")


def read(tmp_path, text, name="x.txt", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    reader = open_corpus(Source.at(path), ReadOptions(**options))
    docs = [to_doc(document, MAKER) for document in reader]
    found = [(ent.text, ent.label_) for doc in docs for ent in doc.ents]
    return [doc.text for doc in docs], found, [note.message for note in reader.notes()]


TAGGED = "<PER>Ann Lee</PER> left <LOC>Oslo</LOC>."
TEXT = "Ann Lee left Oslo."


@pytest.mark.parametrize(
    "text, texts",
    [
        # a text per line, also with attributes, other names and characters
        (f"{TAGGED}\n\nIt rained.\n", [TEXT, "It rained."]),
        (TAGGED.replace("<PER>", '<PER id="1" type="x">'), [TEXT]),
        (f"{TAGGED.replace('PER>', 'ENAMEX>').replace('LOC>', 'ENAMEX>')}".replace("<ENAMEX>Ann", '<ENAMEX TYPE="PER">Ann').replace("<ENAMEX>Oslo", "<ENAMEX TYPE='LOC' STATUS=OPT>Oslo"), [TEXT]),
        ('<entity type="PER">Ann Lee</entity> left <ne label="LOC">Oslo</ne>.', [TEXT]),
        ('<category="PER">Ann Lee</category> left <category="LOC">Oslo</category>.', [TEXT]),
        (f"{TAGGED} R&amp;D &lt; 3 &#233; AT&T", [f"{TEXT} R&D < 3 é AT&T"]),
        (f"{TAGGED} 1 < 2 <3 a<b", [f"{TEXT} 1 < 2 <3 a<b"]),
        # a tag and an entity across lines
        ("<ENAMEX\n  TYPE=\"PER\">Ann Lee</ENAMEX> left <LOC>Oslo</LOC>.\n", [TEXT]),
        ("<PER>Ann\nLee</PER> left <LOC>Oslo</LOC>.\nIt rained.", ["Ann\nLee left Oslo.", "It rained."]),
        # documents
        (f"<DOC>\n<DOCNO> 1 </DOCNO>\n<TEXT>\n<p>\n{TAGGED}\n</TEXT>\n</DOC>\n<DOC><DOCNO>2</DOCNO>It rained.\n</DOC>", [TEXT, "It rained."]),
        (f'<?xml version="1.0"?>\n<!DOCTYPE x>\n<!-- a\n b -->\n<corpus>\n  <doc id="1">{TAGGED}</doc>\n  <doc>It\nrained.</doc>\n</corpus>\n', [TEXT, "It\nrained."]),
        (f"<set><article><title>{TAGGED}</title><sentence>It rained.</sentence></article></set>", [f"{TEXT} It rained."]),
        (f"<data>\n<row>{TAGGED}</row>\n<row>It rained.</row>\n</data>", [TEXT, "It rained."]),
        (f"<s>{TAGGED}</s><s>It rained.</s>", [TEXT, "It rained."]),
        # as in MUC-6
        ('<s><b_enamex type="PER">Ann Lee<e_enamex> left <b_enamex type="LOC">Oslo<e_enamex>.</s>\n<s>It rained.</s>', [TEXT, "It rained."]),
        # words with tags of their own
        ('<doc><s><PER><w pos="N">Ann</w> <w>Lee</w></PER> left <LOC><w>Oslo</w></LOC>.</s></doc>', [TEXT]),
        # as GATE saves it
        ('<?xml version=\'1.0\' encoding=\'UTF-8\'?>\n<paragraph><PER gate:gateId="3" rule="x">Ann Lee</PER> left <LOC gate:gateId="4">Oslo</LOC>.</paragraph>', [TEXT]),
    ],
)  # fmt: skip
def test_inline_tags(tmp_path, text, texts):
    found_texts, found, _ = read(tmp_path, text)
    assert found_texts == texts
    assert [(" ".join(said.split()), label) for said, label in found] == [ANN, OSLO]


@pytest.mark.parametrize(
    "text, sentences",
    [
        (f"<DOC>\n<s>{TAGGED}</s>\n<s> It\nrained. </s></DOC>\n<DOC><s>Yes.</s><s>No.</s></DOC>", [[TEXT, "It\nrained."], ["Yes.", "No."]]),
        (f"<doc><p><sent id='1'>{TAGGED}</sent><sent>It rained.</sent></p><p><sent/>Yes.</p></doc>", [[TEXT, "It rained.", "Yes."]]),
        # paragraphs are not sentences
        (f"<doc><p>{TAGGED}</p><p>It rained. Yes.</p></doc>", [[f"{TEXT} It rained. Yes."]]),
    ],
)  # fmt: skip
def test_sentences_in_documents(tmp_path, text, sentences):
    path = tmp_path / "x.xml"
    path.write_text(text)
    docs = [to_doc(d, MAKER) for d in open_corpus(Source.at(path), ReadOptions())]
    assert [[s.text.strip() for s in sentences_of(doc)] for doc in docs] == sentences
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == [ANN, OSLO]


def test_other_markup_is_noted(tmp_path):
    text = f"<doc><id>7</id><p><b>It</b> rained.</p><p>{TAGGED}<br/></p></doc>"
    texts, found, notes = read(tmp_path, text)
    assert texts == [f"It rained. {TEXT}"] and found == [ANN, OSLO]
    assert notes == [
        "elements <id>, which are not part of the text, were left out",
        "tags <b>, which are not entities, were ignored",
        "tags <br>, which are not entities, were ignored",
    ]


def test_nested_tags(tmp_path):
    text = "<ORG>Bank of <LOC>Oslo</LOC></ORG> was late.\n"
    with pytest.raises(InputError, match="x.txt:1: entities overlap.*--overlaps longest"):
        read(tmp_path, text)
    assert read(tmp_path, text, overlaps="longest")[1] == [("Bank of Oslo", "ORG")]


@pytest.mark.parametrize(
    "text, message, remedy",
    [
        (f"{TAGGED}\n<PER>Bo left\nRome\nat\nnoon.\n", "x.txt:2: <PER> is not closed within 3 lines", f"{TAGGED}\n<PER>Bo</PER> left\n"),
        (f"{TAGGED}\n<PER>Bo left", "x.txt:2: <PER> is not closed. Add </PER>", f"{TAGGED}\n<PER>Bo</PER> left"),
        (f"{TAGGED}\nBo</PER> left", "x.txt:2: </PER> closes no tag", f"{TAGGED}\n<PER>Bo</PER> left"),
        (f"{TAGGED}\n<PER>Bo</LOC> left", "x.txt:2: </LOC> closes <PER> of line 2", f"{TAGGED}\n<PER>Bo</PER> left"),
        (f"{TAGGED}\n<![CDATA[<PER>Bo</PER>]]>", "x.txt:2: CDATA", f"{TAGGED}\n<PER>Bo</PER>"),
        (f'{TAGGED}\n<entity start="0" end="2">PER</entity>', "x.txt:2: <entity start.* has offsets", f"{TAGGED}\n<PER>Bo</PER>"),
        (f"<doc>{TAGGED}</doc>\n<doc><PER>Bo</doc>", "x.txt:2: <PER> is not closed", f"<doc>{TAGGED}</doc>\n<doc><PER>Bo</PER></doc>"),
    ],
)  # fmt: skip
def test_remedies_of_inline_tags(tmp_path, text, message, remedy):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)
    assert read(tmp_path, remedy)[1] == [ANN, OSLO, ("Bo", "PER")]


@pytest.mark.parametrize(
    "text, message",
    [
        ("<p>It rained.</p>\n<p>It <b>rained</b>.</p>", "no element is an entity"),
        ('<s><w ne="B-PER">Ann</w> <w ne="O">left</w></s>', "no element is an entity"),
        ("<name>Ann</name><city>Oslo</city><age>7</age>\n" * 9, "nearly all text is in"),
    ],
)
def test_xml_without_inline_entities(tmp_path, text, message):
    with pytest.raises(InputError, match=f"x.txt: {message}.*<LOC>Oslo</LOC> is far"):
        read(tmp_path, text)


RASA_MD = """<!-- comment -->
## intent:go
- [Ann Lee](PER) left [Oslo](LOC:oslo).
* It rained [sic] (twice).

## synonym:Oslo
- Kristiania

## lookup:PER
- [Bo](PER)
"""
RASA_YML = """version: "3.1"
# comment
nlu:
- intent: go
  examples: |
    - [Ann Lee](PER) left [Oslo]{"entity": "LOC", "value": "oslo", "role": "from"}.
    - It rained [sic] (twice).
- synonym: Oslo
  examples: |
    - Kristiania
- lookup: PER
  examples: |
    - [Bo](PER)
rules:
- rule: x
  steps:
  - intent: go
"""


@pytest.mark.parametrize(
    "text, name",
    [
        (RASA_MD, "nlu.md"),
        (RASA_YML, "nlu.yml"),
        # texts as strings, and with metadata
        (RASA_YML.replace("examples: |", "examples:").replace("- [Ann Lee]", '- "[Ann Lee]').replace('{"entity": "LOC", "value": "oslo", "role": "from"}.', '(LOC)."'), "nlu.yaml"),
        (RASA_YML.replace("examples: |\n    - [Ann Lee]", "examples:\n    - text: |\n        [Ann Lee]").replace("    - It", "      metadata:\n        a: b\n    - text: It"), "nlu.yml"),
        ("[Ann Lee](PER) left [Oslo](LOC).\n\nIt rained [sic] (twice).\n", "x.txt"),
    ],
)  # fmt: skip
def test_markdown_entities(tmp_path, text, name):
    texts, found, notes = read(tmp_path, text, name)
    assert texts == [TEXT, "It rained [sic] (twice)."] and found == [ANN, OSLO] and not notes


@pytest.mark.parametrize(
    "text",
    [
        "[PER Ann Lee] left [LOC Oslo].\nIt rained [sic] (twice).\n",
        "[PER Ann Lee ] left [LOC  Oslo ].\n\nIt rained [sic] (twice).\n",
        "[PER: Ann Lee] left [LOC: Oslo].\r\nIt rained [sic] (twice).",
    ],
)
def test_labels_in_brackets(tmp_path, text):
    texts, found, notes = read(tmp_path, text)
    assert texts == [TEXT, "It rained [sic] (twice)."] and found == [ANN, OSLO] and not notes


def test_other_brackets_are_no_entities(tmp_path):
    for text in ("[NP Ann Lee] [VP left] [NP Oslo] .\n", "Ann left [NOTE by train] Oslo.\n"):
        with pytest.raises(InputError, match="x.txt:1: .*no column looks like tags"):
            read(tmp_path, text)
    with pytest.raises(InputError, match=r"x.txt:2: '\[LOC Oslo\]' is within another bracket"):
        read(tmp_path, "[PER Ann] left.\n[ORG Bank of [LOC Oslo]] was late.\n")
    assert read(tmp_path, "[PER Ann] left.\nThe Bank of [LOC Oslo] was late.\n")[1][1] == OSLO


def test_links_are_no_entities(tmp_path):
    text = "[Ann Lee](PER) left [Oslo](LOC), see [the map](https://example.org/a) or [this](x.md)."
    texts, found, notes = read(tmp_path, text)
    assert texts == ["Ann Lee left Oslo, see the map or this."] and found == [ANN, OSLO]
    assert notes == ["links were read as their text"]
    with pytest.raises(InputError, match=r'x.txt:2: expected one entity as \{"entity": "label"\}'):
        read(tmp_path, 'Hi [Ann](PER)\n[Oslo]{"value": "x"}\n')


OPENNLP = "<START:PER> Ann Lee <END> left <START:LOC> Oslo <END> .\n"


def test_opennlp(tmp_path):
    texts, found, _ = read(tmp_path, f"{OPENNLP}It rained .\n\n{OPENNLP}")
    assert found == [ANN, OSLO] * 2
    # Blank lines separate documents.
    assert texts == ["Ann Lee left Oslo. It rained.", "Ann Lee left Oslo."]
    assert read(tmp_path, "<START> Ann Lee <END> left .\n")[1] == [("Ann Lee", "default")]
    assert read(tmp_path, "<START:PER>Ann Lee<END> left .\n")[1] == [ANN]


@pytest.mark.parametrize(
    "line, message",
    [
        ("<START:PER> Ann left .", "x.txt:2: the entity of type PER has no <END>"),
        ("Ann <END> left .", "x.txt:2: <END> is not expected"),
        ("<START:PER> <END> left .", "x.txt:2: <END> is not expected"),
        ("<START:A> Ann <START:B> Lee <END> <END>", "x.txt:2: <START:B> is not expected"),
    ],
)
def test_invalid_opennlp(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, f"{OPENNLP}{line}\n")


@pytest.mark.parametrize(
    "text",
    [
        "Ann|B-PER Lee|I-PER left|O Oslo|B-LOC .|O\n",
        "Ann|NNP|B-PER Lee|NNP|I-PER left|VB|O Oslo|NNP|B-LOC .|.|O\n",
        "Ann/PER Lee/PER left/O Oslo/LOC ./O It/O rained/O\n",
        "Ann/NNP/PER Lee/NNP/PER left/VB/O Oslo/NNP/LOC ././O It/P/O rained/VB/O\n",
        "Ann_B-PER Lee_I-PER left_O Oslo_B-LOC ._O\n",
        "Ann|B-PER\tLee|I-PER\tleft|O  Oslo|U-LOC .|O \r\n",
    ],
)
def test_words_with_tags(tmp_path, text):
    said = f"{TEXT} It rained" if "rained" in text else TEXT
    texts, found, _ = read(tmp_path, text + text)
    assert found == [ANN, OSLO] * 2 and texts == [said, said]
    # Blank lines separate documents, if not all sentences are followed by one.
    assert read(tmp_path, f"{text}{text}\n{text}")[0] == [f"{said} {said}", said]
    assert read(tmp_path, f"{text}\n{text}\n{text}")[0] == [said] * 3


def test_the_separator_can_be_a_word(tmp_path):
    text = "Ann|NNP|B-PER Lee|NNP|I-PER ||:|O a|b|X|O Oslo|NNP|B-LOC\n"
    texts, found, _ = read(tmp_path, text)
    assert found == [ANN, OSLO] and "a|b" in texts[0]
    with pytest.raises(InputError, match=r"x.txt:2: expected word\|…\|tag, found 'Bo'"):
        read(tmp_path, f"{text * 1}Bo left\n" + text * 9)


def test_another_part_of_the_word(tmp_path):
    text = "Ann|B-PER|B-X Lee|I-PER|I-X left|O|O Oslo|B-LOC|O\n"
    assert read(tmp_path, text)[1] == [("Ann Lee", "X")]
    assert read(tmp_path, text, tag_column="2")[1] == [ANN, OSLO]
    with pytest.raises(InputError, match="no tag in part 4"):
        read(tmp_path, text, tag_column="4")


PUBTATOR = (
    "12|t|Ann Lee left.\n12|a|She saw Oslo|Rome.\n12\t0\t7\tAnn Lee\tPER\t-\n"
    "12\t22\t26\tOslo\tLOC\tD1|D2\n12\tCID\tD1\tD2\n12\tLink\t672\tD1\tNovel\n\n13|t|It rained.\n13|a|\n"
)


def test_pubtator(tmp_path):
    texts, found, notes = read(tmp_path, PUBTATOR)
    assert texts == ["Ann Lee left. She saw Oslo|Rome.", "It rained. "]
    assert found == [ANN, OSLO] and not notes
    # without blank lines, and with other IDs
    text = PUBTATOR.replace("\n\n", "\n").replace("12", "PMC12").replace("13|", "x-1|")
    assert read(tmp_path, text)[1] == [ANN, OSLO]


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("12\t22\t26", "12\t23\t27", "x.txt:4: the entity is 'Oslo', but the text has 'slo|'"),
        ("12\t22\t26", "12\t22", "x.txt:4: expected a PubTator entity"),
        ("12\t22", "14\t22", "x.txt:4: expected a row of the text 12"),
        ("\tLOC\tD1|D2", "\t", "x.txt:4: the label '' is empty"),
    ],
)
def test_invalid_pubtator(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, PUBTATOR.replace(old, new))


@pytest.mark.parametrize(
    "text, format",
    [
        # words that look like markup
        ("<b> O\nOslo B-LOC\n</b> O\n", "columns"),
        ("<b>x</b> O\nOslo B-LOC\n", "columns"),
        ("[x](y) O\nOslo B-LOC\n", "columns"),
        ("<START> O\nOslo B-LOC\n<END> O\n", "columns"),
        ("Oslo|x B-LOC\na|b O\n", "columns"),
        ("1|t|x B-LOC\na|b O\n", "columns"),
        ("Oslo|B-LOC\nis|O\n", "columns"),
        ("Oslo/B-LOC is/O\n", "tagged-lines"),
        ("1/2 3/4 5/6\n", "columns"),
        ("<a>", "columns"),
        ("1|t|Oslo\n", "pubtator"),
    ],
)
def test_detection(tmp_path, text, format):
    (tmp_path / "x").write_text(text)
    assert find_format(Source.at(tmp_path / "x")) == format
