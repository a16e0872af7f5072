"""Texts are read from all formats, from any offset."""

import datetime
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_transformer_ner.annotation.chunks import Chunk, ChunkReader, Position, plan
from spacy_transformer_ner.annotation.formats import Fields
from spacy_transformer_ner.annotation.inputs import carried_types, check_fields, find_files
from spacy_transformer_ner.annotation.row_formats import ParquetFile
from spacy_transformer_ner.errors import InputError

TEXTS = ["Oslo", "", 'a, "b"\nc', "Ünïcödé 😀", "x" * 300, "the end"]
FIELDS = Fields(id="key", carry=("year",))


def records():
    return [{"key": f"k{i}", "text": text, "year": 2000 + i} for i, text in enumerate(TEXTS)]


def write(path, rows):
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".jsonl"):
        content = "".join(json.dumps(row) + "\n" for row in rows)
    elif name.endswith((".csv", ".tsv")):
        mark = "\t" if name.endswith(".tsv") else ","
        quoted = [
            [f'"{str(v).replace(chr(34), chr(34) * 2)}"' for v in row.values()] for row in rows
        ]
        content = "".join(mark.join(line) + "\r\n" for line in [list(rows[0]), *quoted])
    elif name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
        return path
    else:
        nlp, docs = spacy.blank("en"), []
        for row in rows:
            docs.append(nlp.make_doc(row["text"]))
            docs[-1].user_data.update(key=row["key"], year=row["year"])
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        return path
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def read(paths, fields, texts=100, begin=(0, Position())):
    files = find_files(map(str, paths), paths[0].parent / "output")
    reader = ChunkReader(files, fields)
    chunks = [Chunk.from_json(c.to_json()) for c in plan(files, fields, texts, *begin)]
    return files, chunks, [reader.read(chunk) for chunk in chunks]


NAMES = ["a.jsonl", "a.jsonl.gz", "a.csv", "a.CSV", "a.tsv", "a.csv.gz", "a.parquet", "a.spacy"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_formats_give_the_same_texts(tmp_path, name, size):
    files, chunks, found = read([write(tmp_path / name, records())], FIELDS, size)
    texts = [text for part in found for text in part]
    assert [t.text for t in texts] == TEXTS and not any(t.reason for t in texts)
    assert [t.id for t in texts] == [f"k{i}" for i in range(6)]
    assert [t.row for t in texts] == [1, 2, 3, 4, 5, 6]
    assert [int(t.carried["year"]) for t in texts] == [2000 + i for i in range(6)]
    assert [len(part) for part in found][:-1] == [size] * (len(found) - 1)
    assert [c.number for c in chunks] == list(range(len(chunks)))
    if not name.endswith(".gz"):
        header = len("key,text,year\r\n") if "sv" in name.lower() else 0
        assert abs(sum(chunk.size for chunk in chunks) + header - files[0].size) <= len(chunks)
    # Each chunk alone, the last first; and a plan that continues after any chunk.
    for chunk, expected in list(zip(chunks, found))[::-1]:
        assert ChunkReader(files, FIELDS).read(chunk) == expected
        later = list(plan(files, FIELDS, size, chunk.number + 1, chunk.after))
        assert later == chunks[chunk.number + 1 :]
    # With gaps, as for one of several workers.
    reader = ChunkReader(files, FIELDS)
    assert [reader.read(chunk) for chunk in chunks[::2]] == found[::2]


def test_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n\nthree\xff\nfo\xe2\x80\xa8ur")
    _, _, [texts] = read([tmp_path / "a.txt"], Fields(text="body"))
    assert [(t.row, t.text) for t in texts] == [(1, "one"), (2, ""), (3, ""), (4, "fo\u2028ur")]
    assert [t.reason for t in texts] == ["", "", "is not UTF-8: byte 0xff at 5", ""]
    assert texts[0].id == f"{tmp_path}/a.txt:1"


def test_long_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_transformer_ner.corpus.sources.LONGEST_RECORD", 10)
    (tmp_path / "a.txt").write_text("a" * 9 + "\n" + "b" * 35 + "\nc\n" + "d" * 20)
    _, chunks, found = read([tmp_path / "a.txt"], Fields(), 1)
    assert [(t.text, t.reason) for (t,) in found] == [
        ("a" * 9, ""), ("", "a line of 36 bytes: the limit is 10"), ("c", ""), ("", "a line of 20 bytes: the limit is 10")
    ]  # fmt: skip
    assert chunks[-1].after == Position(0, 68, 5)


def test_one_text_per_file(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.txt").write_text(f"one\ntwo {i}")
    (tmp_path / "4.txt").write_bytes(b"\xff")
    _, chunks, found = read([tmp_path], Fields(text_per="file"), 2)
    # Small files share a chunk.
    assert [[t.text for t in part] for part in found] == [
        ["one\ntwo 0", "one\ntwo 1"], ["one\ntwo 2", "one\ntwo 3"], [""]
    ]  # fmt: skip
    assert "not UTF-8" in found[2][0].reason and found[0][1].id.endswith("1.txt:1")


@pytest.mark.parametrize(
    "line, said",
    [
        (b'{"text": null}', "its 'text' is null"),
        (b'{"text": 3}', "its 'text' is of type int"),
        (b'{"txt": "a"}', "has no 'text'"),
        (b'{"text": "a', "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"text": "\xff"}', "is not UTF-8: byte 0xff at 10"),
        (b'{"text": "\\ud800"}', "lone surrogates"),
        (b'{"text": "a", "id": "\\udfff"}', "lone surrogates"),
        (b'{"text": "a", "more": ["\\ud800"]}', "lone surrogates"),
    ],
)
def test_failing_records(tmp_path, line, said):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n\n' + line + b'\n{"text": "b"}\n')
    _, _, [texts] = read([tmp_path / "a.jsonl"], Fields(id="id", carry=("more",)))
    # Blank lines are skipped, but counted.
    assert [t.row for t in texts] == [1, 3, 4]
    assert said in texts[1].reason and not texts[0].reason and not texts[2].reason
    texts[1].id.encode()


def test_failing_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'n,text\n1,a\n2,b,c\n\n3,"d\xff"\n4,e\n5,"open')
    _, _, [texts] = read([tmp_path / "a.csv"], Fields())
    assert [(t.text, t.reason[:14]) for t in texts] == [
        ("a", ""), ("", "has 3 fields, "), ("", "is not UTF-8: "), ("e", ""), ("open", "")
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spacy_transformer_ner.corpus.sources.LONGEST_RECORD", 30)
        (tmp_path / "a.csv").write_text('text\na\n"b\n' + "c" * 20 + "\n" + "d" * 20 + "\ne\n")
        _, _, [texts] = read([tmp_path / "a.csv"], Fields())
    assert "unclosed quote" in texts[1].reason and texts[-1].text == "e"


def test_failing_parquet_rows(tmp_path):
    raw = pa.array([b"a", b"\xff", b"c", None]).cast(pa.binary())
    bad = pa.StringArray.from_buffers(4, raw.buffers()[1], raw.buffers()[2], raw.buffers()[0])
    pq.write_table(pa.table({"text": bad}), tmp_path / "a.parquet")
    _, _, [texts] = read([tmp_path / "a.parquet"], Fields())
    assert [t.text for t in texts] == ["a", "", "c", ""]
    assert [bool(t.reason) for t in texts] == [False, True, False, True]
    assert "UTF8" in texts[1].reason and "null" in texts[3].reason


@pytest.mark.parametrize("name", ["b.parquet", "b.spacy", "b.jsonl.gz"])
@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_damaged_file_does_not_stop_others(tmp_path, name, keep):
    names = ["a.jsonl", name, "c.jsonl"]
    paths = [write(tmp_path / n, records() * 50) for n in names]
    data = paths[1].read_bytes()
    paths[1].write_bytes(data[: int(keep * len(data))] or data[:2])
    for size in (100, 1000):
        _, chunks, found = read(paths, FIELDS, size)
        texts = [text for part in found for text in part]
        for path in (paths[0], paths[2]):
            assert sum(t.file == str(path) and not t.reason for t in texts) == 300
        failed = [t for t in texts if t.reason]
        assert failed and all("is damaged" in t.reason and t.file == str(paths[1]) for t in failed)
        assert [c.number for c in chunks] == list(range(len(chunks)))


def test_types_of_carried_columns(tmp_path):
    date = datetime.date(2020, 1, 2)
    rows = [{"text": "a", "n": 1, "d": date, "same": 1.5}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    pq.write_table(
        pa.table({"text": ["b"], "n": ["x"], "d": [date], "same": [2.5]}), tmp_path / "b.parquet"
    )
    fields = Fields(carry=("n", "d", "same"))
    files = find_files([str(tmp_path)], tmp_path / "out")
    assert carried_types(files, fields) == {
        "n": pa.string(),
        "d": pa.date32(),
        "same": pa.float64(),
    }
    (tmp_path / "c.jsonl").write_text('{"text": "c", "same": 3, "d": null}')
    files = find_files([str(tmp_path)], tmp_path / "out")
    assert carried_types(files, fields) == {"n": pa.string(), "d": pa.date32(), "same": pa.string()}


@pytest.mark.parametrize(
    "values,kind",
    [
        ([1, 2, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([2**60, 1], pa.int64()),
        ([2**60, 2.5], pa.string()),  # a double cannot hold it
        ([2**64], pa.string()),
        ([True, False], pa.bool_()),
        ([True, 1], pa.string()),
        (["a", 1], pa.string()),
        ([[1], [2]], pa.string()),
        ([None], pa.string()),
    ],
)
def test_types_of_json_lines(tmp_path, values, kind):
    lines = [json.dumps({"text": "a", "n": value}) for value in values]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, "not JSON", '{"text": "b"}']))
    fields = Fields(carry=("n",))
    files = find_files([str(tmp_path)])
    assert carried_types(files, fields) == {"n": kind}


def test_csv_has_strings(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\na,1\n")
    assert carried_types(find_files([str(tmp_path)]), Fields(carry=("n",))) == {"n": pa.string()}


def test_small_inputs_have_several_chunks(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(("word " * 99 + "\n") * 4000)  # 2 MB
    files = find_files([str(path)])
    sizes = [sum(p.rows for p in chunk.pieces) for chunk in plan(files, Fields())]
    assert 15 <= len(sizes) <= 21 and sum(sizes) == 4000 and len(set(sizes[:-1])) == 1
    path.write_text("a\n" * 100)
    assert len(list(plan(find_files([str(path)]), Fields()))) == 1
    # A number of texts is taken as it is.
    path.write_text(("word " * 99 + "\n") * 4000)
    assert len(list(plan(find_files([str(path)]), Fields(), 4000))) == 1


def test_find_files(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "deep/c.jsonl", "x.pdf", ".hidden.txt", "[1].txt"):
        (tmp_path / "in" / name).write_text("x")

    def names(*given):
        files = find_files([str(tmp_path / "in" / g) for g in given], tmp_path / "out")
        return [file.name.removeprefix(f"{tmp_path}/in/") for file in files]

    assert names("") == ["[1].txt", "a.txt", "b.txt", "deep/c.jsonl"]
    assert names("*.txt") == ["[1].txt", "a.txt", "b.txt"]
    assert names("**/*.jsonl", "b.txt", "[1].txt") == ["deep/c.jsonl", "b.txt", "[1].txt"]
    for given, said in (
        (["nothing.txt"], "no such file"),
        (["*.csv"], "no such file"),
        (["x.pdf"], "not a supported format"),
        (["", "a.txt"], "comes twice"),
    ):
        with pytest.raises(InputError, match=said):
            names(*given)
    with pytest.raises(InputError, match="is in the output"):
        find_files([str(tmp_path / "in")], tmp_path / "in")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.spacy"])
def test_missing_columns(tmp_path, name):
    files = find_files([str(write(tmp_path / name, records()))], tmp_path / "out")
    check_fields(files, FIELDS)
    with pytest.raises(
        InputError, match=r"a\.\w+: has no 'nothing', only .*'key'.*--text, --id and --carry"
    ):
        check_fields(files, Fields(id="nothing"))


def test_parquet_reads_only_needed_rows(tmp_path):
    path = write(tmp_path / "a.parquet", records())
    (file,) = find_files([str(path)], tmp_path / "out")
    assert list(ParquetFile(file, Fields()).rows(5)) == [(6, {"text": "the end"})]


def test_json_records(tmp_path):
    rows = records()
    for name, content in (
        ("array", json.dumps(rows)),
        ("spread", json.dumps(rows, indent=1)),
        ("lines", "".join(json.dumps(row) + "\n" for row in rows)),
        ("named", json.dumps({"version": 1, "data": rows})),
    ):
        path = tmp_path / f"{name}.json.gz"
        path.write_bytes(gzip.compress(content.encode()))
        files, chunks, found = read([path], FIELDS, 2)
        assert [[t.text for t in part] for part in found] == [TEXTS[:2], TEXTS[2:4], TEXTS[4:]]
        for chunk, expected in list(zip(chunks, found))[::-1]:
            assert ChunkReader(files, FIELDS).read(chunk) == expected
    # Records before the damage are read.
    (tmp_path / "cut.json").write_text(json.dumps(rows)[:-20])
    _, _, [texts] = read([tmp_path / "cut.json"], FIELDS)
    assert [t.text for t in texts] == [*TEXTS[:5], ""] and "is not JSON" in texts[5].reason
    (tmp_path / "odd.json").write_text('[{"text": "a"}, 3, {"text": "b"}]')
    _, _, [texts] = read([tmp_path / "odd.json"], Fields())
    assert [t.reason for t in texts] == ["", "is not a JSON object", ""]


def test_long_csv_records(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_transformer_ner.corpus.sources.LONGEST_RECORD", 30)
    rows = ",".join(['"bbbbb\nbb"'] * 5)
    (tmp_path / "a.csv").write_text(f"text\na\n{rows}\nc\n")
    _, _, [texts] = read([tmp_path / "a.csv"], Fields())
    assert texts[0].text == "a" and texts[-1].text == "c"
    assert "a record of more than 30 bytes" in texts[1].reason
