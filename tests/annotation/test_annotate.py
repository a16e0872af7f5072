"""The output has the pipeline's entities, in the order of the inputs."""

import json

import pyarrow.parquet as pq
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_transformer_ner.annotation import annotator
from spacy_transformer_ner.annotation.annotate import annotate
from spacy_transformer_ner.annotation.annotator import Annotator
from spacy_transformer_ner.annotation.chunks import Text
from spacy_transformer_ner.annotation.formats import Fields
from spacy_transformer_ner.annotation.local import read_ahead, run_here, write_behind
from spacy_transformer_ner.errors import InputError

from ..conftest import entities, ner
from .conftest import TEXTS


def write_input(tmp_path, texts=TEXTS):
    path = tmp_path / "in.jsonl"
    lines = [{"text": text, "key": i, "meta": {"n": [i]}} for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(nlp, path, output, **settings):
    return annotate(nlp, [str(path)], output, run_here, **{"shard_texts": 7, **settings})


@pytest.mark.parametrize("format", ["parquet", "jsonl", "docbin"])
def test_formats(nlp, tmp_path, format):
    path, output = write_input(tmp_path), tmp_path / "out"
    totals, worked = run(nlp, path, output, format=format, fields=Fields(id="key", carry=("meta",)))
    expected = [entities(doc) for doc in nlp.pipe(TEXTS)]
    assert worked and totals.texts == len(TEXTS) and totals.shards == 9 and not totals.errors
    assert totals.entities == sum(map(len, expected)) > 100
    shards = sorted(output.glob("part-*"))
    if format == "docbin":
        docs = [
            doc for s in shards for doc in DocBin().from_disk(s).get_docs(spacy.blank("en").vocab)
        ]
        assert [doc.text for doc in docs] == TEXTS and [entities(doc) for doc in docs] == expected
        assert [doc.user_data["id"] for doc in docs] == [str(i) for i in range(60)]
        assert docs[3].user_data["meta"] == '{"n": [3]}' and docs[3].user_data["row"] == 4
        assert all(0 < ent._.score <= 1 for doc in docs for ent in doc.ents)
        return
    if format == "parquet":
        table = pq.read_table(output)
        assert table.schema.metadata == {b"spacy_transformer_ner.annotation": b"1"}
        rows = table.to_pylist()
        assert rows[3]["meta"] == '{"n": [3]}'
    else:
        rows = [json.loads(line) for s in shards for line in s.read_text("utf-8").splitlines()]
        assert rows[3]["meta"] == {"n": [3]}
    assert [row["id"] for row in rows] == [str(i) for i in range(60)]
    assert [row["row"] for row in rows] == list(range(1, 61)) and rows[0]["file"] == str(path)
    found = [[(e["start"], e["end"], e["label"]) for e in row["entities"]] for row in rows]
    assert found == expected
    for row, text in zip(rows, TEXTS):
        for e in row["entities"]:
            assert text[e["start"] : e["end"]] == e["text"] and 0 < e["score"] <= 1
            begin = e["sentence_start"]
            assert text[begin : begin + len(e["sentence"])] == e["sentence"]
            # The texts consist of these sentences.
            assert e["sentence"] in " ".join(TEXTS[:5]) and e["sentence"].count(".") == 1


def test_progress_in_a_log(nlp, pipeline, tmp_path):
    """A line per shard, and the carried columns keep their types."""
    arguments = "annotate", pipeline, write_input(tmp_path), tmp_path / "out", "--carry", "key"
    done = ner(*arguments, "--shard-texts", 20)
    lines = [line for line in done.stdout.splitlines() if "shards done" in line]
    assert [line.split(" shards done, ")[0] for line in lines] == ["1 of 3", "2 of 3", "3 of 3"]
    assert all("words/s" in line and line.endswith(" left") for line in lines)
    assert pq.read_table(tmp_path / "out").column("key").to_pylist() == list(range(60))
    (tmp_path / "out" / "part-000001.parquet").unlink()
    said = ner(*arguments, "--shard-texts", 20).stdout
    assert "2 of 3 shards are already done" in said and "3 of 3 shards done" in said


def sentences(nlp, text):
    (found,), failed = Annotator(nlp)([Text("f", 1, "f:1", text)])
    assert not failed
    return [(e["text"], e["sentence_start"], e["sentence"]) for e in found.entities]


def test_sentences():
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "ORG", "pattern": p} for p in ("Oslo", "Yahoo! Inc")])
    assert sentences(nlp, "It rained. Oslo did too. ") == [("Oslo", 11, "Oslo did too.")]
    assert sentences(nlp, "Oslo") == [("Oslo", 0, "Oslo")]
    # An entity that the sentencizer would split is in one sentence.
    assert sentences(nlp, "A bee. Yahoo! Inc paid. C.") == [("Yahoo! Inc", 7, "Yahoo! Inc paid.")]
    long = "w " * 2000 + "Oslo" + " w" * 2000
    ((_, start, sentence),) = sentences(nlp, long)
    assert start == 3500 and len(sentence) == 1004 and sentence[500:504] == "Oslo"
    # Sentences set by the pipeline are used.
    nlp.add_pipe("sentencizer", config={"punct_chars": [";"]}, first=True)
    assert sentences(nlp, "A b; no. Oslo, c; d") == [("Oslo", 5, "no. Oslo, c;")]
    assert {e["score"] for e in Annotator(nlp)([Text("f", 1, "f:1", "Oslo")])[0][0].entities} == {
        None
    }


class Picky:
    """Fails on texts with a word."""

    def __init__(self, word):
        self.word = word

    def __call__(self, doc):
        if self.word in doc.text:
            raise RuntimeError("no such\nthing")
        return doc


def test_failing_texts(pipeline, nlp, tmp_path, monkeypatch):
    texts = [*TEXTS[:20], "a bad one", *TEXTS[20:40], "x" * 2000, *TEXTS[40:]]
    path, output = write_input(tmp_path, texts), tmp_path / "out"
    with open(path, "ab") as file:
        file.write(b'{"text": "\xff"}\n')
    nlp.max_length = 1000
    monkeypatch.setattr(nlp, "_components", [*nlp._components, ("picky", Picky("bad"))])
    totals, _ = run(nlp, path, output)
    assert (totals.texts, totals.errors) == (60, 3)
    rows = pq.read_table(output).to_pylist()
    assert [row["row"] for row in rows] == [i for i in range(1, 63) if i not in (21, 42)]
    errors = [
        json.loads(line)
        for file in sorted((output / "_errors").glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    assert [(e["row"], e["file"], e["id"]) for e in errors] == [
        (i, str(path), f"{path}:{i}") for i in (21, 42, 63)
    ]
    assert [e["reason"] for e in errors] == [
        "the pipeline fails on this text: RuntimeError: no such thing",
        "has 2,000 characters, but the limit of the pipeline is 1,000 (nlp.max_length)",
        "is not UTF-8: byte 0xff at 10",
    ]


def test_broken_pipeline_stops_the_run(nlp, tmp_path, monkeypatch):
    path, output = write_input(tmp_path), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(nlp, "_components", [("picky", Picky(""))])
        with pytest.raises(
            InputError, match="fails on every text, first on .*in.jsonl:5: .*no such thing"
        ):
            run(nlp, path, output)
    totals, _ = run(nlp, path, output)
    assert (totals.texts, totals.errors) == (60, 0)


def test_batches_are_limited(nlp, monkeypatch):
    monkeypatch.setattr(annotator, "BATCH_CHARACTERS", 100)
    found = list(
        Annotator(nlp)._batches(
            [Text("f", 1, "x", "a" * n) for n in (50, 50, 1, 200, 3)], [0, 1, 2, 3, 4]
        )
    )
    assert found == [[0, 1], [2], [3], [4]]


def test_memory_of_new_words_is_freed(nlp):
    annotate_ = Annotator(nlp)
    annotate_([Text("f", 1, "x", "Oslo")])
    before = len(nlp.vocab.strings), len(list(nlp.vocab))
    annotate_([Text("f", i, "x", f"new{i} word{i}") for i in range(50)])
    assert (len(nlp.vocab.strings), len(list(nlp.vocab))) == before


def test_empty_input(nlp, tmp_path):
    (tmp_path / "in.txt").write_text("")
    totals, worked = run(nlp, tmp_path / "in.txt", tmp_path / "out")
    assert (totals.shards, totals.texts) == (0, 0) and worked
    assert not run(nlp, tmp_path / "in.txt", tmp_path / "out")[1]


def test_errors_in_threads_are_raised():
    def stream():
        yield 1
        raise OSError("gone")

    for made in (read_ahead(stream()), write_behind(lambda x: x, stream())):
        with pytest.raises(OSError, match="gone"):
            list(made)
    with pytest.raises(ZeroDivisionError):
        list(write_behind(lambda x: 1 / x, [1, 0, 1]))
    assert (
        list(read_ahead(range(50))) == list(write_behind(lambda x: x, range(50))) == list(range(50))
    )


def test_names_of_carried_columns(nlp, tmp_path):
    with pytest.raises(InputError, match="cannot carry the column 'row'"):
        run(nlp, write_input(tmp_path), tmp_path / "out", fields=Fields(carry=("row",)))
    assert not (tmp_path / "out").exists()
