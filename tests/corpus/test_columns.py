import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_transformer_ner.corpus.columns import ColumnFile
from spacy_transformer_ner.corpus.documents import Span
from spacy_transformer_ner.errors import InputError

MUTATED = b"-DOCSTART- -X- O O\n\n" + b"Ann NNP I-NP I-PER\nis VB O O\nin IN O O\nOslo NNP O I-LOC\n\n" * 5
PIECES = [
    *(bytes([byte]) for byte in (0, 9, 10, 11, 12, 13, 32, 45, 0x80, 0xC3, 0xFF)),
    *("\u00a0 \u200b \u2028 \x85 \ufeff B- I-X S-Y -DOCSTART- #".encode().split(b" ")),
    b"\n\n",
    b"\xff\xfe",
]


def read(tmp_path, text, encoding="utf-8", **options):
    path = tmp_path / "file.conll"
    path.write_bytes(text.encode(encoding))
    file = ColumnFile(path, **options)
    return file, list(file)


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
def test_every_form_of_docstart_parts_documents(tmp_path, mark):
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
def test_line_ends_and_marks_make_no_difference(tmp_path, end, final, bom):
    text = bom + f"a O{end}b I-PER{end}{end}{end}c O" + final.replace("\n", end)
    file, documents = read(tmp_path, text)
    assert [s.words for d in documents for s in d.sentences] == [("a", "b"), ("c",)]
    assert [s.line for d in documents for s in d.sentences] == [1, 5]
    assert file.encoding == "utf-8-sig"


def test_rows_of_blanks_end_sentences(tmp_path):
    _, documents = read(tmp_path, "a\tO\n\t\nb\tO\n  \nc\tO\n")
    assert len(documents) == 3


def test_words_of_tab_files_may_hold_blanks(tmp_path):
    _, documents = read(tmp_path, "New York\tB-LOC\n1\u00a0000\tO\n")
    assert documents[0].sentences[0].words == ("New York", "1\u00a0000")


def test_no_break_space_does_not_part_columns(tmp_path):
    _, documents = read(tmp_path, "1\u00a0000 NP O\n")
    assert documents[0].sentences[0].words == ("1\u00a0000",)


@pytest.mark.parametrize(
    "encoding, expected", [("utf-8", "utf-8-sig"), ("latin-1", "latin-1"), ("utf-16", "utf-16")]
)
def test_encoding_is_found(tmp_path, encoding, expected):
    file, documents = read(tmp_path, "España NC B-LOC\n", encoding)
    assert file.encoding == expected
    assert documents[0].sentences[0].words == ("España",)


def test_windows_1252_is_told_from_latin_1(tmp_path):
    file, documents = read(tmp_path, "“ O\nSão B-LOC\n", "cp1252")
    assert file.encoding == "cp1252"
    assert documents[0].sentences[0].words[0] == "“"


def test_utf8_cut_off_in_a_character_is_not_utf8(tmp_path):
    path = tmp_path / "file.conll"
    path.write_bytes(b"a O\n\xc3")
    with pytest.raises(InputError):
        list(ColumnFile(path, encoding="utf-8"))
    assert ColumnFile(path).encoding == "latin-1"


def test_sentences_per_document(tmp_path):
    _, documents = read(tmp_path, "a O\n\nb O\n\nc O\n", sentences_per_document=2)
    assert [len(d.sentences) for d in documents] == [2, 1]


def test_iob1_and_iob2_give_the_same_entities(tmp_path):
    iob1, a = read(tmp_path, "a I-PER\nb I-PER\nc B-PER\nd O\ne I-LOC\n")
    iob2, b = read(tmp_path, "a B-PER\nb I-PER\nc B-PER\nd O\ne B-LOC\n")
    expected = (Span(0, 2, "PER"), Span(2, 3, "PER"), Span(4, 5, "LOC"))
    assert a[0].sentences[0].entities == b[0].sentences[0].entities == expected
    assert (iob1.tags.scheme, iob2.tags.scheme) == ("IOB1", "IOB2")


def test_orphans_of_iob2_are_read_as_conlleval_does_and_reported(tmp_path):
    file, documents = read(tmp_path, "a B-PER\n\nb B-PER\n\nc O\nd I-PER\n")
    assert documents[2].sentences[0].entities == (Span(1, 2, "PER"),)
    assert file.tags.orphans == [6]


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("a X O\nb O\n", 2, "2 columns where the rows before have 3"),
        ("a O\nb X\n", 2, "'X' is not a tag"),
        ("a O\n\nb S-PER\n", 3, "BIOES or BILUO"),
        ("a O\nb ORG\n", 2, "'ORG' is not a tag"),
        ("a O\nb I-\n", 2, "'I-' is not a tag"),
        ("# id 1\na O\n", 1, "'1' is not a tag"),
        ("hello\n", 1, "one column only"),
        ("a\tO\n \tO\n", 2, "blank"),
        ("a O\rb O\r", 1, "carriage return"),
        ("a\tB-PER\u00a0\n", 1, "invisible"),
        ("a\tO\nb\tB-PER\u200b\n", 2, "invisible"),
        ("a O\n" + "x" * 100_000, 2, "…"),
    ],
)
def test_errors_name_the_line_and_the_remedy(tmp_path, text, line, said):
    with pytest.raises(InputError, match="file.conll") as error:
        read(tmp_path, text)
    assert error.value.line == line
    assert said in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- O\n\n"])
def test_files_without_words_are_refused(tmp_path, text):
    with pytest.raises(InputError, match="no tagged words"):
        read(tmp_path, text)


def test_binary_files_are_refused(tmp_path):
    path = tmp_path / "file.conll"
    path.write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(InputError, match="null bytes"):
        ColumnFile(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "nonsense", "base64", "undefined"])
def test_wrong_encoding_is_refused(tmp_path, encoding):
    path = tmp_path / "file.conll"
    path.write_bytes("España O\n".encode("latin-1"))
    with pytest.raises(InputError, match="--encoding"):
        list(ColumnFile(path, encoding=encoding))


def test_blanks_around_a_word_are_not_its(tmp_path):
    _, documents = read(tmp_path, " Ann\tB-PER \nLee \tI-PER\n")
    assert documents[0].sentences[0].words == ("Ann", "Lee")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_files_are_read_or_refused(tmp_path_factory, data):
    """Whatever happens to a file: no other error, no word lost, no empty label."""
    content = bytearray(MUTATED)
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["change", "insert", "delete"]))
        piece = data.draw(st.sampled_from(PIECES))
        if kind == "change":
            content[position : position + len(piece)] = piece
        elif kind == "insert":
            content[position:position] = piece
        else:
            del content[position : position + data.draw(st.integers(1, 20))]
        if not content:
            content += b"\n"
    path = tmp_path_factory.getbasetemp() / "mutated.conll"
    path.write_bytes(content)
    try:
        file = ColumnFile(path)
        documents = list(file)
    except InputError as error:
        assert str(path) in str(error)
        return
    sentences = [sentence for document in documents for sentence in document.sentences]
    assert file.words == sum(len(s.words) for s in sentences) > 0
    for sentence in sentences:
        assert all(word.strip() for word in sentence.words)
        assert all(span.label.strip() for span in sentence.entities)
