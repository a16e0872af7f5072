"""The maximum size of a record applies to all formats, and is checked while reading."""

import gzip
import io
import json

import pytest

from spacy_transformer_ner.corpus import sources
from spacy_transformer_ner.corpus.labels import labels_in_file
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.sources import Source, spool
from spacy_transformer_ner.errors import InputError

LIMIT = 1000
LONG = "a" * (LIMIT + 1)
RECORD = json.dumps({"text": "Oslo is far.", "spans": []})
WORDS = json.dumps({"tokens": ["a"] * LIMIT, "ner_tags": ["O"] * LIMIT})


@pytest.fixture
def limit(monkeypatch):
    monkeypatch.setattr(sources, "LONGEST_RECORD", LIMIT)
    return LIMIT


def read(path, **options):
    return list(open_corpus(Source.at(path), ReadOptions(**options)))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "name, content, line",
    [
        ("line.jsonl", f'{RECORD}\n{{"text": "{LONG}", "spans": []}}\n{RECORD}\n', 2),
        ("words.jsonl", f"{WORDS}\n", 1),
        ("array.json", f'[{RECORD},\n{RECORD},\n{{"text": "{LONG}", "spans": []}}]', 3),
        ("one-line.json", f'[{RECORD},{{"text": "{LONG}", "spans": []}}]', 1),
        ("open.json", f'[{RECORD},\n{{"text": "' + "a\n" * LIMIT, 2),
        ("pretty.json", f"[{RECORD},\n" + '{"text":\n\n\n"' + LONG + '"}]', 2),
        ("row.conll", f"a O\nb O\n{LONG} O\n", 3),
        ("no-end.conll", "a" * 2_000_000, 1),
        ("sentence.conll", "a O\n\n" + f"{'b' * 300} O\n" * 5, 3),
    ],
)
def test_a_record_that_is_too_long(tmp_path, limit, monkeypatch, name, content, line, zipped):
    monkeypatch.setattr("spacy_transformer_ner.corpus.readers.columns.MAX_ROW", limit)
    path = tmp_path / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    for options in ({}, {"encoding": "utf-8"}):
        with pytest.raises(InputError, match="1,000 characters") as error:
            read(path, **options)
        assert (error.value.path, error.value.line) == (str(path), line)


def test_long_brat_files(tmp_path, limit):
    (tmp_path / "a.txt").write_text("Oslo is\n" * 200)
    (tmp_path / "a.ann").write_text("T1\tLOC 0 4\tOslo\n")
    with pytest.raises(InputError, match=r"a\.txt:1: a record of more than 1,000"):
        read(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("Oslo is\n")
    (tmp_path / "a.ann").write_text("T1\tLOC 0 4\tOslo\n" * 100)
    with pytest.raises(InputError, match=r"a\.ann:67: a record of more than 1,000"):
        read(tmp_path / "a.txt")


def test_records_within_the_limit(tmp_path, limit):
    (tmp_path / "a.json").write_text(f"[{','.join([RECORD] * 100)}]")
    assert len(read(tmp_path / "a.json")) == 100
    (tmp_path / "a.conll").write_text("a O\n\n" * 1000)
    assert len(read(tmp_path / "a.conll")) == 1000
    # Documents with many sentences are split.
    sentence = f"{'b' * 300} O\n" * 3 + "\n"
    (tmp_path / "a.conll").write_text("-DOCSTART- O\n\n" + sentence * 6 + "-DOCSTART- O\n\na O\n")
    assert [len(document.sentences) for document in read(tmp_path / "a.conll")] == [2, 2, 2, 1]
    line = json.dumps({"tokens": ["b" * 300] * 2, "ner_tags": ["O"] * 2, "doc_id": 1})
    (tmp_path / "a.jsonl").write_text(f"{line}\n" * 6)
    assert [len(document.sentences) for document in read(tmp_path / "a.jsonl")] == [2, 2, 2]


@pytest.mark.parametrize("start", [b"", b'{"text": "'])
def test_a_gzip_bomb(tmp_path, monkeypatch, start):
    """300 MB of the same letter. Decompression stops at the limit."""
    path = tmp_path / "bomb.gz"
    member = gzip.compress(b"a" * 30_000_000, compresslevel=1)
    path.write_bytes(gzip.compress(start) + member * 10)
    unpacked = 0

    class Counted(gzip.GzipFile):
        def read(self, size=-1):
            nonlocal unpacked
            found = super().read(size)
            unpacked += len(found)
            return found

    monkeypatch.setattr(gzip, "open", lambda path: Counted(path))
    with pytest.raises(InputError, match=r"bomb\.gz:1: a record of more than 67,108,864"):
        read(path)
    assert sources.LONGEST_RECORD <= unpacked < sources.LONGEST_RECORD + (4 << 20)


class Endless(io.RawIOBase):
    """An endless stream, like /dev/zero."""

    def __init__(self, byte=b"\0"):
        self.byte = byte

    def read(self, size=-1):
        return self.byte * size


@pytest.mark.parametrize("byte", [b"\0", b"a", b" "])
def test_an_endless_pipe(tmp_path, monkeypatch, byte):
    monkeypatch.setattr(sources, "LONGEST_RECORD", 1 << 20)
    with pytest.raises(InputError, match="<stdin>:1: a record of more than 1,048,576"):
        spool(Endless(byte), tmp_path, "<stdin>")


def test_devices_in_a_folder_are_ignored(tmp_path):
    from spacy_transformer_ner.corpus.splits import find_splits

    for name in ("train", "dev"):
        (tmp_path / f"{name}.conll").write_text("a O\n")
    (tmp_path / "test.conll").symlink_to("/dev/zero")
    assert list(find_splits(tmp_path)) == ["train", "dev"]


def test_long_metadata_files(tmp_path, limit):
    (tmp_path / "labels.txt").write_text("O\n" * 600)
    with pytest.raises(InputError, match=r"labels\.txt:1: a record of more than 1,000"):
        labels_in_file(tmp_path / "labels.txt")
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [], "x": LONG}))
    with pytest.raises(InputError, match=r"state\.json:1: a record of more than 1,000"):
        read(tmp_path)


def test_a_saved_data_set_with_missing_files(tmp_path):
    for name in ("data.arrow", "a" * 300, "nul\0"):
        (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        with pytest.raises(InputError, match="not found, but listed in state.json"):
            read(tmp_path)
