"""WebAnno TSV 3, as INCEpTION exports it."""

import pytest

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.origin import place_of
from spacy_transformer_ner.corpus.readers.formats import find_format, open_corpus
from spacy_transformer_ner.corpus.readers.offsets import DROPPED
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError

NAMES = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
POS = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|coarseValue|PosValue"
CHAIN = "#T_CH=de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink|referenceRelation|referenceType"
RELATION = "#T_RL=de.tudarmstadt.ukp.dkpro.core.api.syntax.type.dependency.Dependency|DependencyType|BT_de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS"
START = "#FORMAT=WebAnno TSV 3.3\n"


def rows(*cells, words="Ann Lee left Oslo .", sentence=1, offset=0):
    """Rows of tokens, from the cells after the text of each token."""
    lines = []
    for i, (word, cell) in enumerate(zip(words.split(), cells), start=1):
        size = len(word.encode("utf-16-le")) // 2
        lines.append(f"{sentence}-{i}\t{offset}-{offset + size}\t{word}\t{cell}\t")
        offset += size + 1
    return "\n".join([f"\n#Text={words}", *lines, ""])


def read(tmp_path, text, **options):
    path = tmp_path / "x.tsv"
    path.write_text(text, encoding="utf-8")
    reader = open_corpus(Source.at(path), ReadOptions(**options))
    docs = [to_doc(document, DocMaker("en")) for document in reader]
    found = [(ent.text, ent.label_) for doc in docs for ent in doc.ents]
    return docs, found, [note.message for note in reader.notes()]


FOUND = [("Ann Lee", "PER"), ("Oslo", "LOC")]
VALUES = ("PER[1]", "PER[1]", "_", "LOC", "_")


@pytest.mark.parametrize(
    "layers, cells",
    [
        (f"{NAMES}|value", VALUES),
        (f"{NAMES}|value|", VALUES),
        (f"{NAMES}|identifier|value", [f"*\t{v}" for v in VALUES]),
        (f"{NAMES}|value|identifier", [f"{v}\t*" for v in VALUES]),
        # other layers before and after
        (f"{POS}\n{NAMES}|identifier|value", [f"X\tNNP\t_\t{v}" for v in VALUES]),
        (f"{NAMES}|value\n{CHAIN}\n{RELATION}", [f"{v}\t*->1-1\t_\tnsubj\t1-2" for v in VALUES]),
        # a layer of the project, with one feature or none
        ("#T_SP=webanno.custom.Names|kind", VALUES),
        (f"{POS.replace('coarseValue|', '')}\n#T_SP=webanno.custom.Names|kind", [f"X\t{v}" for v in VALUES]),
    ],
)  # fmt: skip
def test_layers(tmp_path, layers, cells):
    text = f"{START}{layers}\n\n{rows(*cells)}"
    if "PosValue" in layers and "NamedEntity" not in layers:
        with pytest.raises(InputError, match=r"POS\|PosValue, Names\|kind.*--tag-column"):
            read(tmp_path, text)
        for given in ("Names", "kind", "Names|kind", "webanno.custom.Names"):
            assert read(tmp_path, text, tag_column=given)[1] == FOUND
        return
    docs, found, notes = read(tmp_path, text)
    assert found == FOUND and not notes
    assert [token.text for token in docs[0]] == "Ann Lee left Oslo .".split()


def test_a_layer_without_features(tmp_path):
    text = f"{START}#T_SP=webanno.custom.Place|\n\n{rows('_', '_', '_', '*', '_')}"
    assert read(tmp_path, text)[1] == [("Oslo", "Place")]


def test_one_document_with_sentences_and_lines(tmp_path):
    one = rows(*VALUES)
    two = rows("_", "LOC", "_", words="In Rome !", sentence=2, offset=20)
    docs, found, _ = read(tmp_path, f"{START}{NAMES}|value\n\n{one}{two}")
    (doc,) = docs
    assert found == [*FOUND, ("Rome", "LOC")]
    assert [len(sentence) for sentence in doc.sents] == [5, 3]
    assert doc.text == "Ann Lee left Oslo . In Rome !"
    line = (tmp_path / "x.tsv").read_text().splitlines().index("2-2\t23-27\tRome\tLOC\t") + 1
    assert place_of(doc, 6) == f"{tmp_path / 'x.tsv'}:{line}"


def test_spaces_and_units_of_offsets(tmp_path):
    """Offsets are in UTF-16 units, of which an emoji has two."""
    text = (
        f"{START}{NAMES}|value\n\n#Text=\U0001f600\U0001f600 Oslo.\n1-1\t0-4\t\U0001f600\U0001f600\t_\t\n"
        "1-2\t5-9\tOslo\tLOC\t\n1-3\t9-10\t.\t_\t\n"
    )
    docs, found, _ = read(tmp_path, text)
    assert docs[0].text == "\U0001f600\U0001f600 Oslo." and found == [("Oslo", "LOC")]


def test_parts_of_tokens(tmp_path):
    text = (
        f"{START}{NAMES}|value\n\n#Text=\U0001f600Oslo-based Ann\n1-1\t0-12\t\U0001f600Oslo-based\t_\t\n"
        "1-1.1\t2-6\tOslo\tLOC[1]\t\n1-2\t13-16\tAnn\tPER\t\n"
    )
    docs, found, _ = read(tmp_path, text)
    assert docs[0].text == "\U0001f600Oslo-based Ann"
    assert found == [("Oslo", "LOC"), ("Ann", "PER")]


def test_stacked_annotations(tmp_path):
    text = f"{START}{NAMES}|value\n\n{rows('PER[1]|X[2]', 'PER[1]', '_', 'LOC', '_')}"
    with pytest.raises(InputError, match=r"x.tsv:6: entities overlap.*--overlaps longest"):
        read(tmp_path, text)
    _, found, notes = read(tmp_path, text, overlaps="longest")
    assert found == FOUND and notes == [DROPPED]


def test_adjacent_annotations_and_escapes(tmp_path):
    cells = ("A\\_B", "A\\_B", "_", "a\\|b\\[1\\]", "\\_")
    found = read(tmp_path, f"{START}{NAMES}|value\n\n{rows(*cells)}")[1]
    assert found == [("Ann", "A_B"), ("Lee", "A_B"), ("Oslo", "a|b[1]"), (".", "_")]
    text = f"{START}{NAMES}|value\n\n{rows('_', '_', words='A ' + chr(92) + '_')}"
    assert read(tmp_path, text)[0][0][1].text == "_"


def test_annotations_without_a_label(tmp_path):
    _, found, notes = read(
        tmp_path, f"{START}{NAMES}|value\n\n{rows('*', '*[2]', '_', 'LOC', '_')}"
    )
    assert found == [("Oslo", "LOC")] and notes == ["annotations without a label were skipped"]


def test_entities_across_sentences(tmp_path):
    one = rows("_", "_", "_", "_", "PER[1]")
    two = rows("PER[1]", "_", words="Bo left", sentence=2, offset=20)
    _, found, notes = read(tmp_path, f"{START}{NAMES}|value\n\n{one}{two}")
    assert found == [(".", "PER"), ("Bo", "PER")]
    assert notes == ["entities that cross sentences were split"]


@pytest.mark.parametrize(
    "text, message",
    [
        (f"{NAMES}|value\n\n1-1\t0-3\n", r"x.tsv:4: expected a token of WebAnno TSV 3"),
        (f"{NAMES}|identifier|value\n\n1-1\t0-3\tAnn\t_\n", "x.tsv:4: no column 5 in this row"),
        (f"{NAMES}|value\n\n1-1\t0-3\tAnn\t_\n1-2.1\t0-3\tx\t_\n", "x.tsv:5: 1-2.1 is a part"),
        (f"{NAMES}|value\n\n1-1\t0-3\tAnn\t_\n1-1.1\t0-3\txyz\t_\n", "x.tsv:5: 'xyz' is not in 'Ann'"),
        (f"{NAMES}|value\n\n", "contains no tokens"),
        (f"{RELATION}\n\n1-1\t0-3\tAnn\t_\t_\n", "no layer of spans"),
        (f"{NAMES}|value\n#T_SP=a.NamedEntity|value\n\n1-1\t0-3\tAnn\t_\t_\n", "more than one layer"),
    ],
)  # fmt: skip
def test_invalid_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, START + text)


def test_unknown_layer(tmp_path):
    text = f"{START}{NAMES}|identifier|value\n\n{rows(*[f'*{chr(9)}{v}' for v in VALUES])}"
    with pytest.raises(InputError, match=r"no layer or feature Names \(found: NamedEntity\|ident"):
        read(tmp_path, text, tag_column="Names")
    assert read(tmp_path, text, tag_column="NamedEntity|value")[1] == FOUND


@pytest.mark.parametrize("header", ["", "#FORMAT=WebAnno TSV 3.2\n", "#FORMAT=WebAnno TSV 3.1\n"])
def test_versions(tmp_path, header):
    assert read(tmp_path, f"{header}{NAMES}|value\n\n{rows(*VALUES)}")[1] == FOUND


def test_older_versions_are_refused(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text(
        " # de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity | value\n#id=1\n#text=Ann left\n"
        "1-1\tAnn\tB-PER\n1-2\tleft\tO\n\n"
    )
    with pytest.raises(InputError, match="is WebAnno TSV 1 or 2. Export as WebAnno TSV v3.3"):
        find_format(Source.at(path))
