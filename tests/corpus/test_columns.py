import gzip

import pytest

from spacy_transformer_ner.corpus.documents import Span
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.columns import ColumnFile
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError


def read(tmp_path, text, encoding="utf-8", **options):
    path = tmp_path / "file.conll"
    path.write_bytes(text.encode(encoding))
    file = open_file(path, **options)
    return file, list(file)


def open_file(path, **options):
    return ColumnFile(Source.at(path), ReadOptions(**options))


def words(documents):
    return [sentence.words for document in documents for sentence in document.sentences]


def entities(documents):
    return [
        (" ".join(s.words[e.start : e.end]), e.label)
        for document in documents
        for s in document.sentences
        for e in s.entities
    ]


@pytest.mark.parametrize(
    "mark",
    [
        "-DOCSTART- -X- O O",
        "-DOCSTART- -X- -X- O",
        "-DOCSTART- -DOCSTART- O",
        "-DOCSTART-\tO",
        "-DOCSTART-",
        "-DOCSTART- (12)",
    ],
)
def test_every_form_of_docstart(tmp_path, mark):
    text = f"{mark}\n\na X O\n\nb X I-PER\n\n{mark}\n\nc X O\n"
    _, documents = read(tmp_path, text)
    words = [[sentence.words for sentence in document.sentences] for document in documents]
    assert words == [[("a",), ("b",)], [("c",)]]


def test_docstart_without_blank_rows_around(tmp_path):
    _, documents = read(tmp_path, "-DOCSTART- O\na O\n-DOCSTART- O\nb O\n")
    assert [len(d.sentences) for d in documents] == [1, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("final", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(tmp_path, end, final, bom):
    text = bom + f"a O{end}b I-PER{end}{end}{end}c O" + final.replace("\n", end)
    file, documents = read(tmp_path, text)
    assert [s.words for d in documents for s in d.sentences] == [("a", "b"), ("c",)]
    assert [s.lines[0] for d in documents for s in d.sentences] == [1, 5]
    assert file.encoding == "utf-8-sig"


def test_whitespace_lines_end_sentences(tmp_path):
    _, documents = read(tmp_path, "a\tO\n\t\nb\tO\n  \nc\tO\n")
    assert len(documents) == 3


def test_words_in_tab_separated_files_can_contain_spaces(tmp_path):
    _, documents = read(tmp_path, "New York\tB-LOC\n1\u00a0000\tO\n")
    assert documents[0].sentences[0].words == ("New York", "1\u00a0000")


def test_no_break_space_does_not_separate_columns(tmp_path):
    _, documents = read(tmp_path, "1\u00a0000 NP O\n")
    assert documents[0].sentences[0].words == ("1\u00a0000",)


@pytest.mark.parametrize(
    "encoding, expected", [("utf-8", "utf-8-sig"), ("latin-1", "latin-1"), ("utf-16", "utf-16")]
)
def test_encoding_is_detected(tmp_path, encoding, expected):
    file, documents = read(tmp_path, "España NC B-LOC\n", encoding)
    assert file.encoding == expected
    assert documents[0].sentences[0].words == ("España",)


def test_windows_1252_is_detected(tmp_path):
    file, documents = read(tmp_path, "“ O\nSão B-LOC\n", "cp1252")
    assert file.encoding == "cp1252"
    assert documents[0].sentences[0].words[0] == "“"


def test_utf8_truncated_within_a_character_is_not_utf8(tmp_path):
    path = tmp_path / "file.conll"
    path.write_bytes(b"a O\n\xc3")
    with pytest.raises(InputError):
        list(open_file(path, encoding="utf-8"))
    assert open_file(path).encoding == "latin-1"


def test_sentences_per_document(tmp_path):
    _, documents = read(tmp_path, "a O\n\nb O\n\nc O\n", sentences_per_document=2)
    assert [len(d.sentences) for d in documents] == [2, 1]


def test_iob1_and_iob2_give_the_same_entities(tmp_path):
    iob1, a = read(tmp_path, "a I-PER\nb I-PER\nc B-PER\nd O\ne I-LOC\n")
    iob2, b = read(tmp_path, "a B-PER\nb I-PER\nc B-PER\nd O\ne B-LOC\n")
    expected = (Span(0, 2, "PER"), Span(2, 3, "PER"), Span(4, 5, "LOC"))
    assert a[0].sentences[0].entities == b[0].sentences[0].entities == expected
    assert (iob1.tags.scheme, iob2.tags.scheme) == ("IOB1", "IOB2")


def test_illegal_iob2_is_read_like_conlleval_and_reported(tmp_path):
    file, documents = read(tmp_path, "a B-PER\n\nb B-PER\n\nc O\nd I-PER\n")
    assert documents[2].sentences[0].entities == (Span(1, 2, "PER"),)
    assert file.tags.illegal.lines == [6]


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("a X O\nb O\nc X O\n", 2, "expected 3 columns separated by spaces, found 2"),
        ("a B-A\nb X\n", 2, "'X' is not a tag"),
        ("a B-PER\nb ORG\n", 2, "'ORG' is not a tag"),
        ("a B-PER\nb I-\n", 2, "'I-' is not a tag"),
        ("a NN\nb VB\n", 1, "'NN' is not a tag"),
        ("a B-A\n# b\nc O\n", 2, "comment within a sentence"),
        ("hello\n", 1, "only one column"),
        ("a O\rb O\r", 1, "carriage return"),
        ("a\tB-PER\u00a0\n", 1, "invisible"),
        ("a\tO\nb\tB-PER\u200b\n", 2, "invisible"),
        ("a O\n" + "x" * 100_000, 2, "…"),
    ],
)
def test_errors_have_line_and_fix(tmp_path, text, line, message):
    with pytest.raises(InputError, match="file.conll") as error:
        read(tmp_path, text)
    assert error.value.line == line
    assert message in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- O\n\n"])
def test_files_without_words(tmp_path, text):
    with pytest.raises(InputError, match="no tagged words"):
        read(tmp_path, text)


def test_binary_files(tmp_path):
    path = tmp_path / "file.conll"
    path.write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(InputError, match="null bytes"):
        open_file(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "nonsense", "base64", "undefined"])
def test_wrong_encoding(tmp_path, encoding):
    path = tmp_path / "file.conll"
    path.write_bytes("España O\n".encode("latin-1"))
    with pytest.raises(InputError, match="--encoding"):
        list(open_file(path, encoding=encoding))


def test_spaces_around_words_are_stripped(tmp_path):
    _, documents = read(tmp_path, " Ann\tB-PER \nLee \tI-PER\n")
    assert documents[0].sentences[0].words == ("Ann", "Lee")


def test_columns_can_be_set(tmp_path):
    text = "1.5 B-A x O Oslo\n2.5 O x I-B Rome\n"
    _, documents = read(tmp_path, text, word_column="-1", tag_column="2")
    assert entities(documents) == [("Oslo", "A")]
    file, documents = read(tmp_path, text)
    assert entities(documents) == [("Rome", "B")] and file.layout.word == 4


@pytest.mark.parametrize("column", ["0", "4", "-4"])
def test_columns_out_of_range(tmp_path, column):
    with pytest.raises(InputError, match=f"no column {column} for the tag"):
        read(tmp_path, "a x O\n", tag_column=column)


def test_column_names_are_only_for_records(tmp_path):
    with pytest.raises(InputError, match="--tag-column ner: expected a number"):
        read(tmp_path, "a x O\n", tag_column="ner")


def test_tag_before_the_word(tmp_path):
    _, documents = read(tmp_path, "B-LOC\tOslo\nO\tis\n")
    assert entities(documents) == [("Oslo", "LOC")]


def test_chunks_are_not_entities(tmp_path):
    _, documents = read(tmp_path, "Oslo I-LOC B-NP\nis O B-VP\n")
    assert entities(documents) == [("Oslo", "LOC")]


GERMEVAL = """#\thttp://de.example.org/a [2009-10-17]
1\tBayern\tB-ORG\tB-LOC
2\tMünchen\tI-ORG\tB-LOC
3\t#\tO\tO

#\thttp://de.example.org/b [2009-10-17]
1\tKölner\tB-LOCderiv\tO
"""


def test_germeval_outer_and_inner_entities(tmp_path):
    _, documents = read(tmp_path, GERMEVAL)
    assert words(documents) == [("Bayern", "München", "#"), ("Kölner",)]
    assert entities(documents) == [("Bayern München", "ORG"), ("Kölner", "LOCderiv")]
    _, documents = read(tmp_path, GERMEVAL, tag_column="4")
    assert entities(documents) == [("Bayern", "LOC"), ("München", "LOC")]


UNER = """# sent_id = 1
# text = From the AP: "ok"
1\tFrom\tO\t-\t-
2\tthe\tO\t-\t-
3\tAP\tB-ORG\t-\tAmir
4\t:\tO\t-\t-
5\t"\tO\t-\t-
6\tok\tO\t-\t-
7\t"\tO\t-\t-
"""


def test_universal_ner_with_text(tmp_path):
    _, documents = read(tmp_path, UNER)
    assert entities(documents) == [("AP", "ORG")]
    spaces = (True, True, False, True, False, False, True)
    assert documents[0].sentences[0].spaces == spaces
    assert list(documents[0].sentences[0].lines) == [3, 4, 5, 6, 7, 8, 9]


CONLLU = """# newdoc id = 1
# text = Il va au lac.
1\tIl\t_\tPRON\t_\t_\t2\tnsubj\t_\tNE=O
2\tva\t_\tVERB\t_\t_\t0\troot\t_\tNE=O
3-4\tau\t_\t_\t_\t_\t_\t_\t_\t_
3\tà\t_\tADP\t_\t_\t2\tx\t_\tNE=O
4\tle\t_\tDET\t_\t_\t2\tx\t_\tNE=B-LOC
5\tlac\t_\tNOUN\t_\t_\t2\tx\t_\tNE=I-LOC|SpaceAfter=No
5.1\tvide\t_\tVERB\t_\t_\t_\t_\t_\t_
6\t.\t_\tPUNCT\t_\t_\t2\tx\t_\t_

# newdoc id = 2
1\tNon\t_\tX\t_\t_\t0\troot\t_\tSpaceAfter=No
"""


def test_conllu_multiword_tokens(tmp_path):
    file, documents = read(tmp_path, CONLLU)
    assert words(documents) == [("Il", "va", "au", "lac", "."), ("Non",)]
    assert entities(documents) == [("au lac", "LOC")]
    assert documents[0].sentences[0].spaces == (True, True, True, False, True)
    assert documents[0].sentences[0].lines == (3, 4, 5, 8, 10)
    assert file.marks_documents and len(documents) == 2


def test_conllu_tag_in_a_column(tmp_path):
    text = "1\tOslo\t_\tPROPN\t_\t_\t0\troot\t_\t_\tB-LOC\n2\tis\t_\tX\t_\t_\t0\troot\t_\t_\tO\n"
    assert entities(read(tmp_path, text)[1]) == [("Oslo", "LOC")]


def test_conllu_plus_names_its_columns(tmp_path):
    text = "# global.columns = NER FORM MISC\nB-LOC\tOslo\tSpaceAfter=No\nO\t.\t_\n"
    _, documents = read(tmp_path, text)
    assert entities(documents) == [("Oslo", "LOC")]
    assert documents[0].sentences[0].spaces == (False, True)


def test_comments_and_words_that_start_with_a_number_sign(tmp_path):
    text = (
        "# id 5239d808\tdomain=en\n#Oslo _ _ B-LOC\n# _ _ O\nis _ _ O\n\n# id 2\nRome _ _ B-LOC\n"
    )
    assert words(read(tmp_path, text)[1]) == [("#Oslo", "#", "is"), ("Rome",)]


@pytest.mark.parametrize(
    "mark", ["-DOCSTART- 7", "1 -DOCSTART- O", "#begin document (x); part 000"]
)
def test_numbered_documents(tmp_path, mark):
    text = f"{mark}\n\n1 Oslo B-LOC\n2 is O\n\n1 Rome B-LOC\n\n{mark}\n\n1 No O\n"
    _, documents = read(tmp_path, text)
    assert [len(document.sentences) for document in documents] == [2, 1]


def test_bare_labels(tmp_path):
    file, documents = read(tmp_path, "Ann PER\nLee PER\nis O\nin O\nOslo LOC\nnow O\n")
    assert entities(documents) == [("Ann Lee", "PER"), ("Oslo", "LOC")]
    assert file.tags.scheme == "bare"


@pytest.mark.parametrize(
    "text", ["a B-X\nb I-X\n\nc B-Y\n", "a B-X\nb E-X\n\nc S-Y\n", "a B-X\nb L-X\n\nc U-Y\n",
             "a I-X\nb E-X\n\nc E-Y\n", "a I-X\nb I-X\n\nc I-Y\n"]
)  # fmt: skip
def test_schemes_give_the_same_entities(tmp_path, text):
    assert entities(read(tmp_path, text)[1]) == [("a b", "X"), ("c", "Y")]


def test_repairs(tmp_path):
    text = "a B-X\nb B-X\nc O\nd I-X\n"
    assert len(entities(read(tmp_path, text)[1])) == 3
    assert len(entities(read(tmp_path, text, repair="discard")[1])) == 2
    with pytest.raises(InputError, match="file.conll:4: the tags of this X entity break IOB2"):
        read(tmp_path, text, repair="none")


def test_gzipped_files(tmp_path):
    path = tmp_path / "file.conll.gz"
    path.write_bytes(gzip.compress("España NC B-LOC\n".encode("latin-1")))
    file = open_file(path)
    assert entities(list(file)) == [("España", "LOC")] and file.encoding == "latin-1"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="is damaged, or not a gzip file"):
        list(open_file(path))


def test_too_long_sentences_and_lines(tmp_path):
    with pytest.raises(InputError, match="file.conll:1: a sentence of more than 100,000 words"):
        read(tmp_path, "a O\n" * 100_001)
    with pytest.raises(InputError, match="file.conll:2: a record of more than 1,000,000"):
        read(tmp_path, "a O\n" + "b" * 1_000_001)


def test_long_documents_are_split(tmp_path):
    sentence = "a O\n" * 60_000 + "\n"
    file, documents = read(tmp_path, "-DOCSTART- O\n\n" + sentence * 3 + "-DOCSTART- O\n\nb O\n")
    assert [len(document.sentences) for document in documents] == [1, 1, 1, 1]
    assert [note.count for note in file.notes()] == [2]
    assert file.notes()[0].places[0].endswith("file.conll:60004")
