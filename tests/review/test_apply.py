"""Decisions go back into the corpus files, and nothing else changes."""

import gzip
import json

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span

from spacy_transformer_ner.checks.check import check
from spacy_transformer_ner.checks.suspects import Flag, suspect_records
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.reader import read_corpus
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.review.apply import apply_review
from spacy_transformer_ner.review.decisions import Decision, Review, Text, read_review

from ..conftest import ner

# Words and spans of three sentences. The reviewers correct the second one.
SENTENCES = [
    (["Ann", "Lee", "left", "Oslo", "."], [(0, 2, "PER"), (3, 4, "LOC")]),
    (["Oslo", "Bank", "hired", "Ann", "Lee", "in", "Rome", "."], [(0, 1, "LOC"), (3, 5, "PER")]),
    (["It", "rained", "in", "Rome", "."], [(3, 4, "LOC")]),
]
WRONG, RIGHT = [(0, 1, "LOC"), (3, 5, "PER")], [(0, 2, "ORG"), (3, 5, "PER"), (6, 7, "LOC")]


def tags(words, spans, begin="B", inside="I", last="I", single="B"):
    found = ["O"] * len(words)
    for start, end, label in spans:
        prefixes = [begin] + [inside] * (end - start - 2) + [last]
        for i, prefix in zip(range(start, end), prefixes if end - start > 1 else [single]):
            found[i] = f"{prefix}-{label}" if prefix else label
    return found


def columns(rows, end="\n", head="", **letters):
    def of(spans):
        return (
            head
            + (end * 2).join(
                end.join(
                    rows(word, tag, i)
                    for i, (word, tag) in enumerate(zip(w, tags(w, s, **letters)))
                )
                for w, s in ((w, spans if w[0] == "Oslo" else s) for w, s in SENTENCES)
            )
            + end * 2
        )

    return of


def char_spans(words, spans):
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    return [(starts[a], starts[b] - 1, label) for a, b, label in spans]


def records(write, join="\n", around=("", "\n")):
    def of(spans):
        rows = [
            write(" ".join(w), char_spans(w, spans if w[0] == "Oslo" else s)) for w, s in SENTENCES
        ]
        return around[0] + join.join(rows) + around[1]

    return of


def prodigy(text, spans):
    entries = [{"start": a, "end": b, "label": label} for a, b, label in spans]
    return json.dumps({"text": text, "spans": entries, "meta": {"n": 1.50}, "answer": "accept"})


def doccano(text, spans):
    return json.dumps({"id": 7, "text": text, "label": spans, "x": "é"}, ensure_ascii=False)


def task(text, spans):
    """A task of Label Studio. The third entity is the one that a review adds."""
    result = [
        {
            "value": {"start": a, "end": b, "text": text[a:b], "labels": [label]},
            "id": f"r{i}" if i < 2 else f"{a}-{b}-{label}", "from_name": "label", "type": "labels",
        }
        for i, (a, b, label) in enumerate(spans)
    ]  # fmt: skip
    old = {"id": 4, "result": [], "updated_at": "2023"}
    new = {"id": 5, "result": result, "updated_at": "2024", "was_cancelled": False}
    return json.dumps({"id": 1, "data": {"text": text}, "annotations": [new, old]})


def tokens_of(names=None):
    def of(spans):
        rows = []
        for words, given in SENTENCES:
            found = tags(words, spans if words[0] == "Oslo" else given)
            cells = found if names is None else [names.index(tag) for tag in found]
            rows.append(json.dumps({"tokens": words, "ner_tags": cells}))
        return "\n".join(rows) + "\n"

    return of


NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
FILES = {
    "iob2.conll": columns(lambda w, t, i: f"{w} NN {t}"),
    "tabs.tsv": columns(lambda w, t, i: f"{w}\tx y\t{t}\t", end="\r\n"),
    "quotes.conll": columns(lambda w, t, i: f'"\t"\t{t}' if w == "." else f"{w}\t{w}\t{t}"),
    "iob1.conll": columns(lambda w, t, i: f"{w}  {t} ", begin="I", single="I"),
    "bmes.conll": columns(lambda w, t, i: f"{w}\t{t}", inside="M", last="E", single="S"),
    "numbered.conllu": columns(
        lambda w, t, i: f"{i + 1}\t{w}\t{t if t != 'O' else '_'}\t_",
        head="# global.columns = ID FORM NER X\n",
    ),
    "misc.conllu": columns(
        lambda w, t, i: "\t".join([str(i + 1), w, *"_______", f"NER={t}|SpaceAfter=No"])
    ),
    "prodigy.jsonl": records(prodigy),
    "array.json": records(prodigy, ",\n  ", ("[\n  ", "\n]\n")),
    "tasks.json": records(task, ",\n", ("[", "]")),
    "quoted.csv": columns(lambda w, t, i: f'"{w}",NN,"{t}"', head="Word,POS,Tag\n"),
    "commas.csv": columns(lambda w, t, i: f"{t},{w},{i}"),
    "line.json": records(doccano, ", ", ("[", "]")),
}


def correct(record):
    """A reviewer corrects the second sentence in Prodigy."""
    words, spans = SENTENCES[1][0], RIGHT
    if record["suspect"]["text"] not in ("Oslo", "Oslo Bank"):
        return record | {"answer": "ignore"}
    assert "suspect" in record["spans"][0]
    found, position = [], 0
    for word in words[:-1]:
        start = record["text"].index(word, position)
        position = start + len(word)
        found.append((start, position))
    entries = [{"start": found[a][0], "end": found[b - 1][1], "label": x} for a, b, x in spans]
    return record | {"spans": entries, "answer": "accept"}


def flagged(folder, source, **options):
    """Convert a file, and list its second sentence as a suspect."""
    corpus = folder / "corpus" / "train.spacy"
    convert([source], corpus, **options)
    docs = list(DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab))
    number, doc = next((i, doc) for i, doc in enumerate(docs) if "hired" in doc.text)
    start = doc.text.index("Oslo")
    flag = Flag("train", number, start, start + 4, "LOC", (), "why", "check")
    return corpus, suspect_records({"train": corpus}, [flag])


def write_review(path, found):
    srsly.write_jsonl(path, found)
    return path


PACKED = ("iob2.conll", "prodigy.jsonl")


@pytest.mark.parametrize(
    "name, packed", [*((n, False) for n in FILES), *((n, True) for n in PACKED)]
)
def test_only_the_reviewed_entities_change(tmp_path, name, packed):
    before, after = FILES[name](WRONG), FILES[name](RIGHT)
    assert before != after
    source = tmp_path / (f"{name}.gz" if packed else name)
    raw = gzip.compress(before.encode(), mtime=5) if packed else before.encode()
    source.write_bytes(raw)
    _, found = flagged(tmp_path, source)
    review = write_review(tmp_path / "review.jsonl", [correct(found[0])])
    done = apply_review(read_review([review]), [source])
    assert (done.corrected, done.entities, done.files) == (1, 2, (str(source),))
    assert done.new_labels == ("ORG",)
    new = source.read_bytes()
    assert (gzip.decompress(new) if packed else new).decode() == after
    assert not packed or new[4:8] == raw[4:8]  # the time in the header
    # The same again changes nothing.
    again = apply_review(read_review([review]), [source])
    assert (again.corrected, again.before, again.files) == (0, 1, ())
    assert source.read_bytes() == new


def test_encodings_blanks_and_comments_stay(tmp_path):
    text = (
        "-DOCSTART- O\r\n \r\n# a comment\r\nZürich\u00a0West B-LOC  \r\nOslo\tB-LOC\r\nBank O\r\n\r\n\r\n"
        "x I-PER\r\n\r\nlast O"
    )
    right = text.replace("Oslo\tB-LOC\r\nBank O", "Oslo\tB-ORG\r\nBank I-ORG")
    for encoding in ("utf-8-sig", "utf-16", "latin-1"):
        source = tmp_path / f"{encoding}.conll"
        source.write_bytes(text.encode(encoding))
        flag_corpus = tmp_path / encoding / "train.spacy"
        convert([source], flag_corpus)
        (doc, *_) = DocBin().from_disk(flag_corpus).get_docs(spacy.blank("en").vocab)
        start = doc.text.index("Oslo")
        flag = Flag(
            "train", 0, start, start + 4, "LOC", ((start, start + 9, "ORG"),), "why", "check"
        )
        (record,) = suspect_records({"train": flag_corpus}, [flag])
        review = write_review(tmp_path / "review.jsonl", [record | {"answer": "reject"}])
        assert apply_review(read_review([review]), [source]).corrected == 1
        assert source.read_bytes() == right.encode(encoding)


def test_numbered_tags(tmp_path):
    (tmp_path / "labels.json").write_text(json.dumps(NAMES))
    source = tmp_path / "train.jsonl"
    source.write_text(tokens_of(NAMES)(WRONG))
    _, found = flagged(tmp_path, source)
    review = write_review(tmp_path / "review.jsonl", [correct(found[0])])
    apply_review(read_review([review]), [source])
    assert source.read_text() == tokens_of(NAMES)(RIGHT)


def test_multiword_tokens_of_conllu(tmp_path):
    rows = "# global.columns = ID FORM X NER\n1-2\tdella\t_\t{}\n1\tdi\t_\t{}\n2\tla\t_\t_\n3\tOslo\t_\tB-LOC\n4\t.\t_\t_\n\n"
    source = tmp_path / "train.conllu"
    for before, after, spans in (
        (("_", "B-ORG"), ("_", "_"), []),
        (("_", "_"), ("B-ORG", "_"), [(0, 5, "ORG")]),
    ):
        source.write_text(rows.format(*before))
        (tmp_path / "reviewed.jsonl").unlink(missing_ok=True)
        corpus = tmp_path / "train.spacy"
        convert([source], corpus)
        (record,) = suspect_records(
            {"train": corpus},
            [Flag("train", 0, 0, 5, "ORG" if not spans else "", tuple(spans), "why", "check")],
        )
        review = write_review(tmp_path / "review.jsonl", [record | {"answer": "reject"}])
        apply_review(read_review([review]), [source])
        assert source.read_text() == rows.format(*after)


def test_entries_of_prodigy_keep_their_other_fields(tmp_path):
    text = "Oslo Bank hired Ann."
    offsets = [(0, 4), (5, 9), (10, 15), (16, 19), (19, 20)]
    record = {
        "text": text,
        "tokens": [{"text": text[a:b], "start": a, "end": b, "id": i} for i, (a, b) in enumerate(offsets)],
        "spans": [
            {"start": 0, "end": 4, "token_start": 0, "token_end": 0, "label": "LOC", "source": "x"},
            {"start": 16, "end": 19, "token_start": 3, "token_end": 3, "label": "PER"},
        ],
    }  # fmt: skip
    source = tmp_path / "train.jsonl"
    source.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    flag = Flag("train", 0, 0, 4, "LOC", ((0, 9, "ORG"),), "why", "check")
    convert([source], tmp_path / "train.spacy")
    (suspect,) = suspect_records({"train": tmp_path / "train.spacy"}, [flag])
    review = write_review(tmp_path / "review.jsonl", [suspect | {"answer": "reject"}])
    apply_review(read_review([review]), [source])
    record["spans"][0] |= {"end": 9, "token_end": 1, "label": "ORG"}
    assert source.read_text() == json.dumps(record, separators=(",", ":")) + "\n"


def test_spacy_files(tmp_path):
    """Other Docs and all other annotation stay, also with and without user data."""
    nlp = spacy.blank("en")
    docs = []
    for words, spans in SENTENCES:
        doc = Doc(nlp.vocab, words=words, tags=["X"] * len(words), lemmas=words)
        doc.set_ents([Span(doc, a, b, label, kb_id="Q1") for a, b, label in spans])
        doc.spans["other"] = [Span(doc, 0, 1, "Y")]
        doc.cats = {"a": 0.5}
        docs.append(doc)
    docs.insert(0, Doc(nlp.vocab))
    for stored in (True, False):
        path = tmp_path / "train.spacy"
        for doc in docs:
            doc.user_data["key"] = 3
        DocBin(docs=docs, store_user_data=stored).to_disk(path)
        old = DocBin().from_disk(path)
        flag = Flag("train", 1, 0, 4, "LOC", ((0, 9, "ORG"),), "why", "model", 0.9)
        (record,) = suspect_records({"train": path}, [flag])
        assert record["suspect"]["path"] == "" and record["meta"]["score"] == 0.9
        review = write_review(tmp_path / "review.jsonl", [record | {"answer": "reject"}])
        assert apply_review(read_review([review]), [path]).corrected == 1
        (tmp_path / "reviewed.jsonl").unlink()
        new = DocBin().from_disk(path)
        assert new.user_data == old.user_data and new.cats == old.cats and new.flags == old.flags
        assert [a.tolist() for a in new.spaces] == [a.tolist() for a in old.spaces]
        assert new.span_groups == old.span_groups and new.attrs == old.attrs
        changed = [i for i, (a, b) in enumerate(zip(old.tokens, new.tokens)) if (a != b).any()]
        assert changed == [2]
        read = list(new.get_docs(spacy.blank("en").vocab))[2]
        assert [(e.text, e.label_, e.kb_id_) for e in read.ents] == [
            ("Oslo Bank", "ORG", ""), ("Ann Lee", "PER", "Q1"),
        ]  # fmt: skip
        assert [t.tag_ for t in read] == ["X"] * 8


def test_source_and_converted_file_together(tmp_path):
    source = tmp_path / "train.conll"
    source.write_text(FILES["iob2.conll"](WRONG))
    corpus, found = flagged(tmp_path, source)
    review = write_review(tmp_path / "review.jsonl", [correct(found[0])])
    done = apply_review(read_review([review]), [source, corpus])
    assert done.files == (str(source), str(corpus))
    a, b = ([[str(e) for e in d.ents] for d in read_corpus(p)] for p in (source, corpus))
    assert a == b


def test_nothing_is_written_if_a_decision_does_not_fit(tmp_path):
    source, other = tmp_path / "train.conll", tmp_path / "dev.conll"
    text = FILES["iob2.conll"](WRONG)
    source.write_text(text)
    corpus, (record,) = flagged(tmp_path, source)
    other.write_text(text)
    convert([other], tmp_path / "corpus" / "dev.spacy")
    start = record["suspect"]["start"]
    flag = Flag("dev", 1, start, start + 4, "LOC", (), "why", "check")
    (dev,) = suspect_records({"dev": tmp_path / "corpus" / "dev.spacy"}, [flag])
    review = write_review(tmp_path / "review.jsonl", [correct(record), dev | {"answer": "reject"}])
    for changed, message in (
        (text.replace("hired", "fired"), "dev.conll:7: the text of .*review.jsonl:2 is not here"),
        (
            text.replace("Oslo NN B-LOC\nBank", "Oslo NN B-GPE\nBank"),
            "dev.conll:7: 'Oslo' is GPE here",
        ),
        ("\n" + text, "dev.conll:7: the text of .*review.jsonl:2 is not here"),
    ):
        other.write_text(changed)
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(InputError, match=message):
            apply_review(read_review([review]), [source, other])
        assert files == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_what_cannot_be_written_is_refused(tmp_path):
    source = tmp_path / "train.conll"
    text = "Oslo\tLOC\nRome\tO\nx\tO\n\nnow\tO\n\nit\tO\n\n"
    source.write_text(text)
    convert([source], tmp_path / "train.spacy")

    def review_of(*suggested):
        flag = Flag("train", 0, 0, 4, "LOC", suggested, "why", "check")
        (record,) = suspect_records({"train": tmp_path / "train.spacy"}, [flag])
        return read_review([write_review(tmp_path / "r.jsonl", [record | {"answer": "reject"}])])

    with pytest.raises(InputError, match=r"train.conll:1: two adjacent entities"):
        apply_review(review_of((0, 4, "LOC"), (5, 9, "LOC")), [source])
    with pytest.raises(InputError, match=r"train.conll:1: 'sl' does not start and end with tokens"):
        apply_review(review_of((1, 3, "LOC")), [source])
    convert([source], tmp_path / "train.spacy", options=ReadOptions(sentences_per_document=3))
    with pytest.raises(InputError, match="train.conll:2: 'Rome x now' goes beyond the end"):
        beyond = Decision(
            "review:1", "1", str(source), 1, 0, "OsloRomexnowit", (4, 12, ""),
            added=frozenset({(4, 12, "LOC")}),
        )  # fmt: skip
        apply_review(
            Review([Text((beyond,))]), [source], options=ReadOptions(sentences_per_document=3)
        )
    assert source.read_text() == text
    parquet = tmp_path / "train.parquet"
    parquet.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="has the format parquet"):
        apply_review(review_of(), [parquet])


def test_the_loop(tmp_path):
    """What was reviewed does not come again; what was left undecided does."""
    (tmp_path / "data").mkdir()
    train = "".join(f"{w} B-LOC\nis O\n{i} O\n\n" for i in range(8) for w in ("Oslo", "Rome"))
    train += "Oslo B-PER\nhere O\n\nRome B-ORG\nthere O\n\nRome O\nagain O\n\n"
    source = tmp_path / "data" / "train.conll"
    source.write_text(train)
    (tmp_path / "data" / "dev.conll").write_text("Bern B-LOC\nx O\n\n")
    corpus = tmp_path / "corpus"
    convert([tmp_path / "data"], corpus)
    output = tmp_path / "suspects.jsonl"
    assert "3 by check" in " ".join(ner("suspects", corpus, output).stdout.split())
    found = {r["suspect"]["label"]: r for r in srsly.read_jsonl(output)}
    assert set(found) == {"PER", "ORG", ""}
    assert found["PER"]["spans"] == [{"start": 0, "end": 4, "label": "PER", "suspect": True}]
    assert found["PER"]["label"] == [[0, 4, "PER"]]
    assert found["PER"]["meta"]["place"] == f"{source}:65"
    assert found["PER"]["meta"]["why"] == "PER here, but LOC in 8 of 9 mentions of 'Oslo'"
    answers = {"PER": "reject", "ORG": "accept", "": "ignore"}
    review = write_review(
        tmp_path / "review.jsonl", [r | {"answer": answers[x]} for x, r in found.items()]
    )
    done = ner("apply-review", review, source)
    assert "1 suspects corrected (1 entities), 1 right as they were" in done.stdout
    assert source.read_text() == train.replace("Oslo B-PER", "Oslo B-LOC")
    remembered = list(srsly.read_jsonl(tmp_path / "data" / "reviewed.jsonl"))
    assert [(r["text"], r["label"], r["decision"]) for r in remembered] == [
        ("Oslo", "LOC", "corrected"), ("Rome", "ORG", "kept"),
    ]  # fmt: skip
    convert([tmp_path / "data"], corpus)
    assert "1 by check" in " ".join(ner("suspects", corpus, output).stdout.split())
    (left,) = srsly.read_jsonl(output)
    assert left["suspect"]["label"] == "" and left["suspect"]["text"] == "Rome"
    # `check` writes the same.
    ner("check", corpus, "--suspects", output)
    assert list(srsly.read_jsonl(output)) == [left]
    assert not any("reviewed" in d.user_data for d in read_corpus(tmp_path / "data"))
    done = ner("apply-review", review, tmp_path / "data" / "dev.conll")
    assert done.returncode == 1 and "no decision is about" in done.stdout


def test_suspects_of_check_have_their_characters(tmp_path):
    (tmp_path / "train.conll").write_text(
        "Global B-ORG\nFoods I-ORG\n\n" * 4 + "Global O\nFoods B-ORG\n\n"
    )
    (tmp_path / "dev.conll").write_text("a B-X\n\n")
    convert([tmp_path], tmp_path)
    ner("suspects", tmp_path, tmp_path / "s.jsonl")
    (record,) = srsly.read_jsonl(tmp_path / "s.jsonl")
    assert record["suspect"]["text"] == "Global Foods"
    assert record["suspect"]["suggested"] == [[0, 12, "ORG"]]
    assert check(tmp_path).suspects[0].document == 4
