import gzip
import json
import shutil

import pyarrow
import pyarrow.parquet
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_transformer_ner.annotation.rank import rank, read_texts
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.errors import InputError

from ..conftest import SENTENCES, ner

TEXTS = [text for text, _ in SENTENCES] + ["Oslo hired Bob or Rome in", "It rained."]


def test_most_uncertain_first(trained):
    records = rank(trained, [(f"x:{i}", text) for i, text in enumerate(TEXTS, 1)])
    found = [record["meta"]["uncertainty"] for record in records]
    assert found == sorted(found, reverse=True) and len(records) == len(TEXTS)
    assert records[0]["text"] not in [text for text, _ in SENTENCES]
    known = next(record for record in records if record["text"] == TEXTS[0])
    assert known["label"] == [[0, 13, "PER"], [20, 29, "ORG"], [33, 37, "LOC"]]
    assert all(0 < span["score"] <= 1 for span in known["spans"])
    assert rank(trained, [("x", text) for text in TEXTS], n=2) == [
        {**record, "meta": {**record["meta"], "source": "x"}} for record in records[:2]
    ]


@pytest.mark.parametrize(
    "content, places",
    [
        ("a b\n\nc\n", ["f:1", "f:3"]),
        ("[a] b\n\n{c\n", ["f:1", "f:3"]),
        ('{"text": "a b"}\n{"text": "c"}\n', ["f:1", "f:2"]),
        ('[{"text": "a b"},\n {"text": "c"}]', ["f:1", "f:2"]),
    ],
)
def test_read_texts(tmp_path, content, places):
    (tmp_path / "f").write_text(content)
    found = list(read_texts([tmp_path / "f"]))
    assert [
        (place.removeprefix(f"{tmp_path}/"), text.strip("[{]").replace("]", ""))
        for place, text in found
    ] == list(zip(places, ["a b", "c"]))


def test_formats_of_annotate(tmp_path):
    """Folders of all formats, gzipped or not, in any encoding."""
    (tmp_path / "a.csv").write_text('n,text\n1,"a\nb"\n2,c\n')
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "d"}\n\n{"text": "e"}\n'))
    (tmp_path / "c.json").write_text('[{"text": "f"}, {"text": " "}]')
    pyarrow.parquet.write_table(pyarrow.table({"text": ["g"]}), tmp_path / "d.parquet")
    DocBin(docs=[spacy.blank("en")("h")]).to_disk(tmp_path / "e.spacy")
    (tmp_path / "f.txt").write_bytes("España\u2028 \n".encode())
    (tmp_path / "g.txt").write_bytes("España\n\n2".encode("latin-1"))
    (tmp_path / "h.txt").write_bytes("日本\r\nj\n".encode("utf-16"))
    found = [(place.removeprefix(f"{tmp_path}/"), text) for place, text in read_texts([tmp_path])]
    assert found == [
        ("a.csv:1", "a\nb"), ("a.csv:2", "c"), ("b.jsonl.gz:1", "d"), ("b.jsonl.gz:3", "e"),
        ("c.json:1", "f"), ("d.parquet:1", "g"), ("e.spacy:1", "h"), ("f.txt:1", "España\u2028 "),
        ("g.txt:1", "España"), ("g.txt:3", "2"), ("h.txt:1", "日本"), ("h.txt:2", "j"),
    ]  # fmt: skip
    (tmp_path / "g.txt").write_bytes("Łódź".encode("cp1250"))
    assert [text for _, text in read_texts([tmp_path / "g.txt"], encoding="cp1250")] == ["Łódź"]
    with pytest.raises(InputError, match=r"g\.txt: cannot be read as ascii.*--encoding"):
        list(read_texts([tmp_path / "g.txt"], encoding="ascii"))


@pytest.mark.parametrize(
    "content, said",
    [
        ('{"text": "a"}\n{"txt": "b"}\n', "f:2: has no 'text'"),
        ('[{"text": "a"}, 3]', "f:2: is not a JSON object"),
        ('{"text": "a"}\n{"text": "\\ud800"}', "f:2: .*lone surrogates"),
        ('{"text": "a"}\n{"text": "b\n', "f:2: is not JSON"),
    ],
)
def test_records_without_text(tmp_path, content, said):
    (tmp_path / "f").write_text(content)
    with pytest.raises(InputError, match=said):
        list(read_texts([tmp_path / "f"]))


def test_output_can_be_converted(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    (tmp_path / "x.txt").write_text("\n".join(TEXTS))
    done = ner(
        "rank",
        tmp_path / "pipeline",
        tmp_path / "x.txt",
        tmp_path / "out.jsonl",
        "-n",
        "3",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(records) == 3 and records[0]["meta"]["source"].endswith("x.txt:6")
    (result,) = convert([tmp_path / "out.jsonl"], tmp_path / "out.spacy")
    assert result.documents == 3


def test_no_such_file(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    done = ner("rank", tmp_path / "pipeline", tmp_path / "no.txt", tmp_path / "out.jsonl")
    assert (
        done.returncode == 1
        and "no.txt: no such file" in " ".join(done.stdout.split())
        and "Traceback" not in done.stderr
    )


def test_inputs_are_not_overwritten(tmp_path):
    for output, said in (("b.txt", "not a .jsonl file"), ("a.jsonl", "one of the inputs")):
        (tmp_path / output).write_text('{"text": "a"}\n')
        done = ner("rank", "pipeline", tmp_path / output, tmp_path / output)
        assert done.returncode == 1 and said in " ".join(done.stdout.split())
        assert (tmp_path / output).read_text() == '{"text": "a"}\n'


def test_full_disk_is_checked_first(tmp_path, monkeypatch):
    """Before the pipeline is loaded."""
    (tmp_path / "a.txt").write_text("a\n")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    done = ner("rank", "no-pipeline", tmp_path / "a.txt", tmp_path / "out.jsonl")
    assert done.returncode == 1 and "the disk has 0.0 MiB left" in " ".join(done.stdout.split())
