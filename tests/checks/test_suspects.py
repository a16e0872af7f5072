"""The records for review: what is in them, and their order."""

import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span

from spacy_transformer_ner.checks.facts import fact_id, passage_of
from spacy_transformer_ner.checks.suspects import Flag, suspect_records


def make_doc(words, *spans, spaces=None, starts=None):
    doc = Doc(spacy.blank("en").vocab, words=words, spaces=spaces, sent_starts=starts)
    doc.set_ents([Span(doc, *span) for span in spans])
    return doc


def test_facts_are_about_the_sentence():
    words = ["Oslo", "is", "here", ".", "Oslo", "is", "here", "."]
    starts = [i % 4 == 0 for i in range(8)]
    doc = make_doc(words, starts=starts)
    glued = make_doc(words[:4], spaces=[False] * 4, starts=starts[:4])
    one = fact_id(doc, 0, 4, "LOC")
    # The same sentence without spaces, in another document.
    assert one == fact_id(doc, 15, 19, "LOC") == fact_id(glued, 0, 4, "LOC")
    assert one != fact_id(doc, 0, 4, "") and one != fact_id(doc, 8, 12, "LOC")
    # Without sentences, the words before make a difference.
    plain = make_doc(words)
    assert fact_id(plain, 0, 4, "LOC") != fact_id(plain, 15, 19, "LOC")


def test_long_texts_are_cut_around_the_mention():
    words = ["Ann"] * 3 + ["x"] * 400 + ["Oslo", "Bank"] + ["y"] * 400
    doc = make_doc(words, (0, 3, "PER"), (401, 404, "ORG"))
    start = doc[403].idx
    assert passage_of(doc, start, start + 4, limit=2).text == "x x Oslo Bank y"
    assert passage_of(doc, start, start + 4).start == 203
    assert passage_of(doc, doc[405].idx, doc[405].idx + 1, limit=2).start == 401
    assert passage_of(doc, start, start + 4, limit=None).text == doc.text.strip()


def flag(split, document, start, source, **fields):
    return Flag(split, document, start, start + 4, "LOC", (), source, source, **fields)


def test_order(tmp_path):
    """First what both point at, then those of the model, and of each those in train."""
    doc = make_doc(
        ["Oslo", "and", "Rome", "and", "Bern"], (0, 1, "LOC"), (2, 3, "LOC"), (4, 5, "LOC")
    )
    paths = {split: tmp_path / f"{split}.spacy" for split in ("train", "dev")}
    for path in paths.values():
        # Documents without tokens do not count.
        DocBin(docs=[Doc(doc.vocab), doc]).to_disk(path)
    flags = [
        flag("dev", 0, 0, "check"),
        flag("dev", 0, 9, "check"),
        flag("train", 0, 18, "check"),
        flag("train", 0, 9, "model", score=0.9),
        flag("dev", 0, 9, "model", score=0.8),
    ]
    records = suspect_records(paths, flags)
    found = [(r["meta"]["split"], r["suspect"]["text"], r["suspect"]["sources"]) for r in records]
    assert found == [
        ("dev", "Rome", ["check", "model"]),
        ("train", "Rome", ["model"]),
        ("train", "Bern", ["check"]),
        ("dev", "Oslo", ["check"]),
    ]
    assert records[0]["meta"]["why"] == "check; model" and records[0]["meta"]["score"] == 0.8
    assert [s.get("suspect") for s in records[0]["spans"]] == [None, True, None]
    assert suspect_records(paths, flags, n=2) == records[:2]
    # What was reviewed is left out.
    reviewed = tmp_path / "elsewhere.jsonl"
    srsly.write_jsonl(reviewed, [{"id": records[0]["suspect"]["id"]}])
    left = suspect_records(paths, flags, reviewed=[reviewed])
    # The same text in train has the same ID.
    assert [r["suspect"]["text"] for r in left] == ["Bern", "Oslo"]


def test_a_suggestion_replaces_what_overlaps(tmp_path):
    doc = make_doc(["New", "York", "Times", "in", "Rome"], (0, 2, "LOC"), (4, 5, "LOC"))
    path = tmp_path / "train.spacy"
    DocBin(docs=[doc]).to_disk(path)
    (record,) = suspect_records(
        {"train": path}, [Flag("train", 0, 0, 8, "LOC", ((0, 14, "ORG"),), "why", "check")]
    )
    assert record["suspect"]["annotated"] == [[0, 8, "LOC"], [18, 22, "LOC"]]
    assert record["suspect"]["suggested"] == [[0, 14, "ORG"], [18, 22, "LOC"]]


def test_mentions_beyond_a_sentence_are_left_out(tmp_path):
    doc = make_doc(["New", "York", "Times"], starts=[True, False, True])
    path = tmp_path / "train.spacy"
    DocBin(docs=[doc]).to_disk(path)
    flags = [Flag("train", 0, 0, end, "", ((0, end, "X"),), "why", "check") for end in (8, 14)]
    assert suspect_records({"train": path}, flags[1:]) == []
    (record,) = suspect_records({"train": path}, flags)
    assert record["text"] == "New York" and record["suspect"]["end"] == 8
