"""Tables with a header: a row per word, per text or per entity."""

import csv
import io
import json

import pytest

from spacy_transformer_ner.corpus import sources
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.origin import place_of
from spacy_transformer_ner.corpus.readers.formats import find_format, open_corpus
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.corpus.splits import data_files
from spacy_transformer_ner.errors import InputError

MAKER = DocMaker("en")
FOUND = [("Ann Lee", "PER"), ("Oslo", "LOC")]
TEXT = "Ann Lee left Oslo, she said."
WORDS = TEXT.replace(",", " ,").replace(".", " .").split()
TAGS = ["B-PER", "I-PER", "O", "B-LOC", "O", "O", "O", "O"]
SPANS = [(0, 7, "PER"), (13, 17, "LOC")]
OTHER = "It rained."


def read(tmp_path, text, name="x.csv", encoding="utf-8", **options):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    reader = open_corpus(Source.at(path), ReadOptions(**options))
    docs = [to_doc(document, MAKER) for document in reader]
    return docs, [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


def table(*rows, **options):
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", **options).writerows(rows)
    return file.getvalue()


def words(*more, header=("Word", "Tag"), tags=TAGS, **options):
    """A table with a row per word, and two sentences."""
    rows = [list(row) for row in zip(WORDS, tags)]
    return table(header, *rows, [], ["It", "O"], ["rained", "O"], **options)


@pytest.mark.parametrize(
    "text, n_docs",
    [
        (words(), 2),
        (words(delimiter=";"), 2),
        (words(delimiter="|"), 2),
        (words(delimiter="\t"), 2),
        (words(quoting=csv.QUOTE_ALL), 2),
        (words(delimiter="\t", quoting=csv.QUOTE_ALL), 2),
        ("sep=;\n" + words(delimiter=";"), 2),
        ("sep=;\r\n" + words(delimiter=";").replace("\n", "\r\n"), 2),
        (words(header=("Token", "NER-Tag")), 2),
        (words(header=("Wort", "Etikett")), 2),
        (words(tags=["PER", "PER", "O", "LOC", "O", "O", "O", "O"]), 2),
        (words(tags=["B-PER", "L-PER", "O", "U-LOC", "O", "O", "O", "O"]), 2),
        # pandas' index, parts of speech and lemmas
        (table(("", "word", "pos", "lemma", "ner"), *([i, w, "X", w.lower(), t] for i, (w, t) in enumerate(zip(WORDS, TAGS)))), 1),
        # Kaggle's ner.csv has the words before and after, too
        (table(("", "lemma", "next-word", "pos", "prev-word", "sentence_idx", "word", "tag"), *([i, "x", "y", "NN", "z", "1.0", w, t] for i, (w, t) in enumerate(zip(WORDS, TAGS)))), 1),
        ('"Word", "Tag"\n' + "".join(f'"{w}", "{t}"\n' for w, t in zip(WORDS, TAGS)), 1),
        # Kaggle, with the identifier in all rows or in the first one
        (table(("Sentence #", "Word", "POS", "Tag"), *([f"Sentence: {1 + (i > 3)}", w, "X", t] for i, (w, t) in enumerate(zip(WORDS, TAGS)))), 2),
        (table(("Sentence #", "Word", "POS", "Tag"), *(["Sentence: 1" if i == 0 else "Sentence: 2" if i == 4 else "", w, "X", t] for i, (w, t) in enumerate(zip(WORDS, TAGS)))), 2),
        (table(("doc_id", "token", "start", "end", "label"), *([7, w, i, i + 1, t] for i, (w, t) in enumerate(zip(WORDS, TAGS)))), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_row_per_word(tmp_path, text, n_docs, encoding):
    docs, found = read(tmp_path, text, encoding=encoding)
    assert found == FOUND
    assert len(docs) == n_docs and docs[0][0].text == "Ann"
    assert "," in [token.text for doc in docs for token in doc]


def cells(spans=SPANS):
    """The entities of a text in the forms of tools."""
    keys = ("start", "end", "label")
    objects = [dict(zip(keys, span)) for span in spans]
    return {
        "objects": json.dumps(objects),
        "python": str(objects),
        "tuples": str(spans),
        "lists": json.dumps(spans),
        "spaCy 2": str({"entities": spans}),
        "Label Studio": json.dumps([{**o, "text": "", "labels": [o.pop("label")]} for o in [dict(o) for o in objects]]),
        "offsets": json.dumps([{"start_offset": s, "end_offset": e, "type": t} for s, e, t in spans]),
    }  # fmt: skip


@pytest.mark.parametrize("form", cells())
@pytest.mark.parametrize("options", [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"quoting": csv.QUOTE_ALL}])  # fmt: skip
def test_entities_in_a_cell(tmp_path, form, options):
    text = table(("id", "text", "entities"), (1, TEXT, cells()[form]), (2, OTHER, "[]"), **options)
    docs, found = read(tmp_path, text)
    assert found == FOUND and [doc.text for doc in docs] == [TEXT, OTHER]


@pytest.mark.parametrize(
    "text",
    [
        # other titles, more columns, cells with line breaks, no header
        table(("", "sentence", "url", "label"), (0, TEXT, "a/b", cells()["lists"])),
        table(("content", "ner"), (f"{TEXT}\n\nNo.", cells()["objects"])),
        table(("meta", "text", "spans"), ('{"a": 1}', TEXT, cells()["objects"])),
        table((TEXT, cells()["tuples"]), (OTHER, "[]")),
        # quotes with a backslash, as in the exports of databases
        f'text,spans\n"{TEXT}","' + cells()["objects"].replace('"', '\\"') + '"\n',
        # no quotes
        f"text\tspans\n{TEXT} \"No\n".replace('"No', "No") + "\n" if False else f"text\tspans\n{TEXT}\t{cells()['lists']}\n\"Oh\" no.\t[]\n",
        # an empty cell
        table(("text", "spans"), (OTHER, ""), (TEXT, cells()["lists"])),
    ],
)  # fmt: skip
def test_tables_of_texts(tmp_path, text):
    assert read(tmp_path, text)[1] == FOUND


@pytest.mark.parametrize(
    "rows",
    [
        [("tokens", "ner_tags"), (str(WORDS), str(TAGS)), (str(["It"]), str(["O"]))],
        [("id", "words", "pos_tags", "tags"), (1, json.dumps(WORDS), json.dumps(["NN"] * 8), json.dumps(TAGS))],
        [("Sentence #", "Sentence", "POS", "Tag"), ("Sentence: 1", " ".join(WORDS), str(["NN"] * 8), str(TAGS))],
        [("text", "labels"), (" ".join(WORDS), " ".join(TAGS)), ("It rained", "O O")],
        [("text", "labels"), (" ".join(WORDS), str(TAGS))],
        [("text", "word_labels"), (" ".join(WORDS), ",".join(TAGS)), ("It rained", "O, O")],
        # an array of numpy
        [("tokens", "tags"), ("[" + " ".join(map(repr, WORDS)) + "]", "[" + "\n ".join(map(repr, TAGS)) + "]")],
        # no header
        [(" ".join(WORDS), " ".join(TAGS)), ("It rained", "O O")],
    ],
)  # fmt: skip
def test_words_and_tags_in_cells(tmp_path, rows):
    docs, found = read(tmp_path, table(*rows))
    assert found == FOUND
    assert [token.text for token in docs[0]] == WORDS


@pytest.mark.parametrize(
    "text",
    [
        "<PER>Ann Lee</PER> left <LOC>Oslo</LOC>, she said.",
        "[Ann Lee](PER) left [Oslo](LOC), she said.",
    ],
)
def test_texts_with_inline_entities(tmp_path, text):
    docs, found = read(tmp_path, table(("id", "text", "label"), (1, text, "x"), (2, OTHER, "y")))
    assert found == FOUND and [doc.text for doc in docs] == [TEXT, OTHER]
    assert place_of(docs[1], 0) == f"{tmp_path / 'x.csv'}:3"


def test_several_annotators(tmp_path):
    rows = [("text", "annotator", "label"), (TEXT, "a", str(SPANS)), (TEXT, "b", str(SPANS[:1]))]
    with pytest.raises(InputError, match="a row for each annotator: a and b.*Keep the rows of one"):
        read(tmp_path, table(*rows))
    assert read(tmp_path, table(*rows[:2]))[1] == FOUND


def test_numbered_tags_in_cells(tmp_path):
    numbers = [["O", "B-PER", "I-PER", "B-LOC"].index(tag) for tag in TAGS]
    for cell in (str(numbers), str(numbers).replace(",", "")):
        text = table(("tokens", "ner_tags"), (str(WORDS), cell))
        with pytest.raises(InputError, match="numbers without names.*--labels"):
            read(tmp_path, text)
        assert read(tmp_path, text, labels=("O", "B-PER", "I-PER", "B-LOC"))[1] == FOUND


ROWS = [(TEXT, 0, 7, "PER"), (TEXT, 13, 17, "LOC")]


@pytest.mark.parametrize(
    "rows",
    [
        [("text", "start", "end", "label"), *ROWS, (OTHER, "", "", "")],
        # the text only in its first row
        [("text", "start", "end", "label"), ROWS[0], ("", *ROWS[1][1:]), (OTHER, "", "", "")],
        # not sorted
        [("text", "start", "end", "label"), ROWS[0], (OTHER, "", "", ""), ROWS[1]],
        # as pandas writes integers with missing values
        [("text", "begin", "end", "type"), (TEXT, "0.0", "7.0", "PER"), (TEXT, "13.0", "17.0", "LOC"), (OTHER, "nan", "nan", "nan")],
        # the text of the entity, and the text
        [("text", "sentence", "start_char", "end_char", "entity_type"), ("Ann Lee", TEXT, 0, 7, "PER"), ("Oslo", TEXT, 13, 17, "LOC"), ("", OTHER, "", "", "")],
        [("doc", "text", "entity", "Start Offset", "End Offset", "ner tag"), (1, TEXT, "Ann Lee", 0, 7, "PER"), (1, TEXT, "Oslo", 13, 17, "LOC"), (2, OTHER, "", "", "", "")],
    ],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", ",;\t|")
def test_a_row_per_entity(tmp_path, rows, delimiter):
    docs, found = read(tmp_path, table(*rows, delimiter=delimiter))
    assert sorted(found) == FOUND and [doc.text for doc in docs] == [TEXT, OTHER]


def test_offsets_with_an_inclusive_end(tmp_path):
    rows = [("text", "start", "end", "label"), (TEXT, 0, 6, "PER"), (TEXT, 13, 16, "LOC")]
    with pytest.raises(InputError, match="--offsets inclusive"):
        read(tmp_path, table(*rows))
    assert read(tmp_path, table(*rows), offsets="inclusive")[1] == FOUND


LONG = 'x,y"z\n' * 40_000


def test_long_cells(tmp_path, monkeypatch):
    """The limit of Python's csv is 128 kB, ours is that of a record."""
    text = table(("text", "entities"), (f"{TEXT} {LONG}", cells()["lists"]))
    assert read(tmp_path, text)[1] == FOUND
    monkeypatch.setattr(sources, "LONGEST_RECORD", 100_000)
    with pytest.raises(InputError, match="a record of more than 100,000"):
        read(tmp_path, text)
    with pytest.raises(InputError, match="a record of more than 100,000"):
        read(tmp_path, table(("text", "spans"), (TEXT, "[]")) + f'"{LONG.replace(chr(34), "")}')


@pytest.mark.parametrize(
    "text, message, remedy",
    [
        # classification
        (table(("text", "label"), (TEXT, "news"), (OTHER, "weather")), "x.csv:1: no column has entities.*text classification", table(("text", "label"), (TEXT, str(SPANS)))),
        ("text,entities\n" + f'"{TEXT}","[]"\n' * 30 + f'"{TEXT}",{cells()["lists"]}\n', "x.csv:32: found 7 cells in this row, but 2 in the header.*need quotes", f'text,entities\n"{TEXT}","{SPANS}"\n'),
        ("text,entities\n" + f'"{TEXT}","[]"\n' * 30 + f'"{TEXT}","[(0, 7, PER)]"\n', "x.csv:32: the cell entities is not a list", f'text,entities\n"{TEXT}","{SPANS}"\n'),
        (table(("text", "start", "end", "x"), (TEXT, 0, 7, "PER"), (TEXT, 13, 17, "LOC")), "--label-field", {"label_field": "x"}),
        (table(("text", "start", "end", "label"), *ROWS, (TEXT, "x", 3, "LOC")), "x.csv:4: expected numbers for start and end", table(("text", "start", "end", "label"), *ROWS, (TEXT, "", "", ""))),
        (table(("tokens", "tags", "labels"), (str(WORDS), str(["O"] * 8), str(TAGS))), "more than one column has tags: tags, labels.*--tag-column", {"tag_column": "labels"}),
        (table(("x", "y", "tags"), (str(WORDS), str(WORDS[::-1]), str(TAGS)), (str(["It"]), str(["It"]), str(["O"]))), "--word-column", {"word_column": "x"}),
        (table(("text", "spans_a", "spans_b"), (TEXT, str(SPANS), str(SPANS[:1]))), "--spans-field", {"spans_field": "spans_a"}),
        (table(("a", "b", "spans"), (TEXT, TEXT.replace("she", "who"), str(SPANS))), "--text-field", {"text_field": "a"}),
    ],
)  # fmt: skip
def test_remedies(tmp_path, text, message, remedy):
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, text)
    given = {} if isinstance(remedy, str) else remedy
    assert read(tmp_path, text if given else remedy, **given)[1] == FOUND


def comprehend(folder, by_line=True):
    folder.mkdir(exist_ok=True)
    if by_line:
        (folder / "a.txt").write_text(f"{TEXT}\n{OTHER}\n")
        rows = [("File", "Line", "Begin Offset", "End Offset", "Type"), ("a.txt", 0, 0, 7, "PER"), ("a.txt", 0, 13, 17, "LOC")]  # fmt: skip
    else:
        (folder / "a.txt").write_text(TEXT)
        (folder / "b.txt").write_text(OTHER)
        rows = [("File", "Begin Offset", "End Offset", "Type"), ("a.txt", 0, 7, "PER"), ("a.txt", 13, 17, "LOC")]  # fmt: skip
    (folder / "annotations.csv").write_text(table(*rows))
    return folder


@pytest.mark.parametrize("by_line", [True, False])
@pytest.mark.parametrize("given", ["", "annotations.csv", "a.txt"])
def test_entities_of_text_files(tmp_path, by_line, given):
    """Amazon Comprehend: the folder, the table or the text is given."""
    files = data_files(comprehend(tmp_path / "x", by_line) / given)
    readers = [open_corpus(file, ReadOptions()) for file in files]
    docs = [to_doc(document, MAKER) for reader in readers for document in reader]
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == FOUND
    # A file without entities is in the folder, but not in the table.
    assert [doc.text for doc in docs] == ([TEXT, OTHER] if by_line or not given else [TEXT])
    notes = [note.message for reader in readers for note in reader.notes()]
    assert len(notes) == (not by_line and given == "annotations.csv")


def test_text_and_table_are_read_once(tmp_path):
    folder = comprehend(tmp_path / "x")
    inputs = [folder / "annotations.csv", folder / "a.txt"]
    (result,) = convert(inputs, tmp_path / "out" / "train.spacy")
    assert (result.documents, result.entities) == (2, 2)
    (folder / "b.txt").write_text(TEXT)
    (folder / "b.ann").write_text("T1\tPER 0 7\tAnn Lee\n")
    (result,) = convert([folder / "b.ann", folder / "b.txt"], tmp_path / "out" / "train.spacy")
    assert (result.documents, result.entities) == (1, 1)


def test_other_offsets_of_text_files(tmp_path):
    folder = comprehend(tmp_path)
    path = folder / "annotations.csv"
    path.write_text(path.read_text().replace(",7,", ",6,").replace(",17,", ",16,"))
    with pytest.raises(InputError, match="annotations.csv:2: .*--offsets inclusive"):
        list(open_corpus(Source.at(path), ReadOptions()))
    reader = open_corpus(Source.at(folder / "a.txt"), ReadOptions(offsets="inclusive"))
    docs = [to_doc(document, MAKER) for document in reader]
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == FOUND


def test_tables_without_their_texts(tmp_path):
    """Other text files in the folder are not theirs."""
    (tmp_path / "train.txt").write_text("Oslo B-LOC\nis O\n")
    (tmp_path / "note.txt").write_text("No text.\n")
    (tmp_path / "a.csv").write_text("doc,start,end,label\nx.txt,0,4,LOC\n")
    assert find_format(Source.at(tmp_path / "train.txt")) == "columns"
    assert find_format(Source.at(tmp_path / "note.txt")) == "columns"
    with pytest.raises(InputError, match="x.txt is not in the folder"):
        [list(open_corpus(source, ReadOptions())) for source in data_files(tmp_path)]


@pytest.mark.parametrize(
    "row, message",
    [
        (("a.txt", 9, 0, 7, "PER"), "annotations.csv:4: has entities in line 9 of a.txt, which has 2"),
        (("a.txt", 0, 0, 99, "PER"), "annotations.csv:4: entity from 0 to 99"),
        (("a.txt", 0, 0, "", "PER"), "annotations.csv:4: expected numbers"),
        (("c.txt", 0, 0, 7, "PER"), "c.txt is not in the folder"),
        (("name-of-a-long-file.txt", 0, 0, 7, "PER"), "name-of-a-long-file.txt is not in the folder"),
    ],
)  # fmt: skip
def test_invalid_entities_of_text_files(tmp_path, row, message):
    folder = comprehend(tmp_path)
    with open(folder / "annotations.csv", "a") as file:
        file.write(table(row))
    with pytest.raises(InputError, match=message):
        list(open_corpus(Source.at(folder / "annotations.csv"), ReadOptions()))


@pytest.mark.parametrize(
    "text, format",
    [
        ("EU,B-ORG\nis,O\n", "columns"),
        ("Word,Tag\nEU,B-ORG\nis,O\n", "columns"),
        ("a,b B-ORG\nc,d O\n", "columns"),
        ("sep=,\nWord,Tag\nEU,B-ORG\nis,O\n", "csv"),
    ],
)
def test_tables_of_words_are_column_files(tmp_path, text, format):
    (tmp_path / "x").write_text(text)
    assert find_format(Source.at(tmp_path / "x")) == format
