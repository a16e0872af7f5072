"""Odd files are read correctly, or rejected with a fix."""

import gzip

import pytest

from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError


def read(tmp_path, text, encoding="utf-8", name="file", **options):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    reader = open_corpus(Source.at(tmp_path / name), ReadOptions(**options))
    maker = DocMaker("en")
    return reader, [to_doc(document, maker) for document in reader]


def entities(docs):
    return [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


O = "is O\nin O\nthe O\nold O\n"
PLAIN = "EU {0}\nnews {1}\n" + O


@pytest.mark.parametrize(
    "text, message",
    [
        (PLAIN.format("B-ORG|B-LOC", "O"), "more than one tag"),
        (PLAIN.format("B-ORG", "I-ORG") + "Oslo B_LOC\n", "Separate prefix and label with a hyphen: B-LOC"),
        (PLAIN.format("B-ORG", "I-ORG") + "Oslo LOC-B\n", "Write B-LOC"),
        (PLAIN.format("B-ORG", "I-ORG") + "Oslo b-LOC\n", "Use a capital letter as prefix: B-LOC"),
        (PLAIN.format("B-ORG", "I-ORG") + "Oslo B\n", "its label is missing"),
        ("EU B-ORG\nis O\n# sent 2\nAnn B-PER\n", "Add a blank line before it"),
        ('{"words": ["EU", "is"], "labels": [[0, 2, "ORG"]]}', "expected one tag per word"),
        ('{"text": "EU is", "entities": [{"start": 0, "end": 1, "text": "EU", "label": "ORG"}]}', "the entity is 'EU'"),
        ('{"text": "a", "entities": [[0, 1, "X"]]}\n{"text": "EU", "spans": [{"start": 0, "end": 2, "label": "X"}]}', "file:2: entities are in spans"),
        ("1\tEU\tB-ORG\n2\tx\tO\n\n" * 20_000 + "1-2\tdu\tO\nx\tde\tO\n", "expected a token index in column 1, found 'x'"),
        ("1\tEU\tB-ORG\n2\tx\tO\n\n" * 20_000 + "a-b\tdu\tO\n", "expected a token index in column 1, found 'a-b'"),
    ],
)  # fmt: skip
def test_ambiguous_files_are_rejected(tmp_path, text, message):
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("# sent\nAnn PER\n" + O, [("Ann", "PER")]),
        ("EU B-ORG O\nis O O\n", [("EU", "ORG")]),
        (PLAIN.format("B_ORG", "O"), [("EU", "ORG")]),
        ("bc/cctv/00 0 In O\n" * 20 + "bc/cctv/00 1 Oslo B-LOC\n", [("Oslo", "LOC")]),
        ("0\tEU\tB-ORG\n3\tis\tO\n6\tin\tO\n", [("EU", "ORG")]),
        ("1\tEU\tB-ORG\n1\tis\tO\n1\tin\tO\n2\tAnn\tB-PER\n2\tis\tO\n", [("EU", "ORG"), ("Ann", "PER")]),
        ("100\tCD\tB-X\n200\tCD\tO\n\n300\tCD\tO\n17\tCD\tO\n", [("100", "X")]),
        ("EU O B-ORG\nis B-LOC O\n", [("EU", "ORG")]),
        ("Oslo NNP B-NP LOC\nis VB B-VP O\nin IN B-PP O\nit X B-NP O\n", [("Oslo", "LOC")]),
        ("en:Oslo B-LOC\nen:is O\nen:in O\nen:: O\nen:x O\n", [("Oslo", "LOC")]),
        ("\ufeffOslo B-LOC\n\n\ufeffRome B-LOC\n", [("Oslo", "LOC"), ("Rome", "LOC")]),
        ('["Oslo", {"entities": [[0, 4, "LOC"]]}]\n', [("Oslo", "LOC")]),
        ('["Oslo", {"entities": [[0, 4, "LOC"]]}]\n["a", {"entities": []}]\n', [("Oslo", "LOC")]),
        ('[["\tO\nOslo\tB-LOC\n', [("Oslo", "LOC")]),
        ('{"text": "Oslo", "spans": [{"start": 0, "end": 4, "label": "X"}], "records": []}', [("Oslo", "X")]),
        ('\ufeff{"text": "Oslo", "spans": [{"start": 0, "end": 4, "label": "X"}]}', [("Oslo", "X")]),
    ],
)  # fmt: skip
def test_odd_files_are_read(tmp_path, text, expected):
    assert entities(read(tmp_path, text)[1]) == expected


def test_utf8_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x").write_bytes("\ufeffOslo B-LOC\n".encode())
    reader = open_corpus(Source.at(tmp_path / "x"), ReadOptions(encoding="utf-8"))
    assert [s.words for d in reader for s in d.sentences] == [("Oslo",)]


def test_other_columns_with_tags_are_shown(tmp_path):
    assert "tags also in 2" in read(tmp_path, "EU B-LOC B-ORG\nis O O\n")[0].format


def test_note_if_a_file_is_one_sentence(tmp_path):
    reader, _ = read(tmp_path, "EU B-ORG\n" + "is O\n" * 600)
    assert "601 words on average: are blank lines missing" in reader.notes()[0].message


def test_space_after(tmp_path):
    row = "{0}\t{1}\t_\t_\t_\t_\t_\t_\t_\t{2}\tO\n"
    words = [("He", "_"), ("(", "_"), ("x", "_"), (")", "_")]
    second = "".join(row.format(i, word, misc) for i, (word, misc) in enumerate(words, 1))
    first = row.format(1, "a", "SpaceAfter=No") + row.format(2, "b", "_").replace("\tO", "\tB-X")
    _, docs = read(tmp_path, f"{first}\n{second}")
    assert [doc.text for doc in docs] == ["ab", "He ( x )"]


@pytest.mark.parametrize(
    "lang, encoding", [("ru", "cp1251"), ("pl", "iso8859_2"), ("zh", "gb18030")]
)
def test_encodings_of_other_languages_are_not_guessed(tmp_path, lang, encoding):
    word = {"ru": "Москва", "pl": "Łódź", "zh": "中国"}[lang]
    (tmp_path / "x.conll").write_bytes(f"{word} B-LOC\n".encode(encoding))
    with pytest.raises(InputError, match=f"--encoding .*{encoding}"):
        convert([tmp_path / "x.conll"], tmp_path / "out", lang=lang)
    convert(
        [tmp_path / "x.conll"], tmp_path / "out", lang=lang, options=ReadOptions(encoding=encoding)
    )


def test_output_within_the_input_is_ignored(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.conll").write_text("".join(f"w{i} B-X\n\n" for i in range(20)))
    for _ in range(2):
        results = convert([folder], folder / "out", shares=(0.5, 0.5))
        assert sum(result.documents for result in results) == 20


def test_other_docbins_are_not_removed(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.conll").write_text("a B-X\n")
    convert([tmp_path / "train.conll"], tmp_path / "test.spacy")
    (tmp_path / "convert.json").unlink()
    before = (tmp_path / "test.spacy").read_bytes()
    convert([tmp_path], tmp_path)
    assert (tmp_path / "test.spacy").read_bytes() == before


@pytest.mark.parametrize(
    "content", ["[]", "null", '{"x.spacy": 1}', '{"x.spacy": {"files": [3]}}', "{"]
)
def test_invalid_reports_are_ignored(tmp_path, content):
    (tmp_path / "convert.json").write_text(content)
    (tmp_path / "x.conll").write_text("a B-X\n")
    convert([tmp_path / "x.conll"], tmp_path)


def test_a_file_replaces_a_folder(tmp_path):
    (tmp_path / "out.spacy").mkdir()
    (tmp_path / "out.spacy" / "00000.spacy").write_bytes(b"x")
    (tmp_path / "x.conll").write_text("a B-X\n")
    convert([tmp_path / "x.conll"], tmp_path / "out.spacy")
    assert (tmp_path / "out.spacy").is_file()


def test_records_of_one_document_stay_in_one_split(tmp_path):
    lines = "".join(
        f'{{"tokens": ["w{i}"], "ner_tags": ["B-X"], "document_id": {i % 5}}}\n' for i in range(100)
    )
    (tmp_path / "x.jsonl").write_text(lines)
    results = convert([tmp_path / "x.jsonl"], tmp_path / "out", shares=(0.6, 0.4))
    assert [result.documents for result in results] == [60, 40]


def test_equal_texts_in_two_formats_are_in_one_split(tmp_path):
    words = [f"w{i}" for i in range(40)]
    (tmp_path / "a.conll").write_text("".join(f"{w} B-X\nyes O\n\n" for w in words))
    (tmp_path / "b.jsonl").write_text(
        "".join(f'{{"text": "{w} yes", "spans": []}}\n' for w in words)
    )
    results = convert(
        [tmp_path / "a.conll", tmp_path / "b.jsonl"], tmp_path / "out", shares=(0.5, 0.5)
    )
    assert [result.documents for result in results] == [40, 40]


def test_circular_links(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.conll").write_text("a B-X\n")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    (result,) = convert([tmp_path / "data"], tmp_path / "out.spacy")
    assert result.documents == 1


def test_file_names_that_are_not_utf8(tmp_path):
    path = tmp_path / b"\xff.conll".decode("utf-8", "surrogateescape")
    try:
        path.write_text("a B-X\n")
    except OSError:
        pytest.skip("the file system doesn't support such names")
    assert convert([path], tmp_path / "out.spacy")[0].documents == 1


def test_brat_texts_without_annotations(tmp_path):
    for name in ("a.txt", "a.ann", "b.txt"):
        (tmp_path / name).write_text("" if name.endswith("ann") else "Oslo")
    with pytest.raises(InputError, match="b.ann: not found"):
        convert([tmp_path], tmp_path / "out.spacy")


def test_gzipped_names(tmp_path):
    (tmp_path / "train.conll.gz").write_bytes(gzip.compress(b"a B-X\n"))
    assert convert([tmp_path / "train.conll.gz"], tmp_path)[0].target.endswith("train.spacy")
