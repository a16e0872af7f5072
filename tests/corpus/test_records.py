import json

import pytest

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError

MAKER = DocMaker("en")
PAIR = '{"tokens": ["Ann", "is"], "ner_tags": [1, 0]}\n'


def read(tmp_path, text, name="file.jsonl", **options):
    (tmp_path / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    reader = open_corpus(Source.at(tmp_path / name), ReadOptions(**options))
    return reader, [to_doc(document, MAKER) for document in reader]


def entities(docs):
    return [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


def line(**fields):
    return json.dumps(fields) + "\n"


@pytest.mark.parametrize(
    "spans",
    [
        {"spans": [{"start": 0, "end": 3, "label": "PER"}]},
        {"ents": [{"start": 0, "end": 3, "label": "PER", "kb_id": ""}]},
        {"entities": [[0, 3, "PER"]]},
        {
            "entities": [{"id": 7, "label": "PER", "start_offset": 0, "end_offset": 3}],
            "relations": [],
        },
        {"label": [[0, 3, "PER"]]},
        {"labels": [[0, 3, "PER"]]},
        {"spans": [{"start": 0, "end": 3, "label": "PER"}], "answer": "accept", "tokens": []},
    ],
)
def test_formats_of_entities(tmp_path, spans):
    first = line(text="It rained.", **{key: [] for key in spans if isinstance(spans[key], list)})
    _, docs = read(tmp_path, first + line(text="Ann is.", **spans))
    assert [doc.text for doc in docs] == ["It rained.", "Ann is."]
    assert entities(docs) == [("Ann", "PER")]


def spelled(*tags, words=("Ann", "Lee", "is", "here")):
    return line(tokens=words, ner_tags=tags)


@pytest.mark.parametrize(
    "text, note",
    [
        (spelled("B_PER", "I_PER", "O", "O"), "words have tags like 'B_PER'"),
        (spelled("PER-B", "PER-I", "O", "O"), "words have tags like 'PER-B'"),
        (spelled("b-PER", "i-PER", "O", "O"), "words have tags like 'b-PER'"),
        (spelled("<B-PER>", "<I-PER>", "O", "O"), "words have tags like '<B-PER>'"),
        (spelled("BPER", "IPER", "O", "O"), "words have tags like 'BPER'"),
        (spelled("B-PER", "I-PER", "_", "_"), "words have the tag '_'"),
        (spelled("B-PER", "I-PER", "", None), "words have the tag None"),
        (spelled("PER", "PER", "OUT", "OUT"), "words have the tag 'OUT'"),
        (line(mots=["Ann", "Lee", "is"], etq=["B_PER", "I_PER", "O"]), "words have tags like 'B_PER'"),
        (line(tokens=[{"text": w, "entity": t} for w, t in (("Ann", "B_PER"), ("Lee", "I_PER"), ("is", "O"))]), "words have tags like 'B_PER'"),
        (json.dumps([["Ann", "B_PER"], ["Lee", "I_PER"], ["is", "O"]]) + "\n[]\n", "words have tags like 'B_PER'"),
        (spelled(None, "B-PER", "I-PER", None, words=("[CLS]", "Ann", "Lee", "[SEP]")), "special tokens like [CLS] and [SEP] were skipped"),
    ],
)  # fmt: skip
def test_spelling_of_tags(tmp_path, text, note):
    reader, docs = read(tmp_path, text.replace("[]\n", "") + text.partition("\n")[0] + "\n")
    assert entities(docs) == [("Ann Lee", "PER")] * 2
    assert any(note in found.message for found in reader.notes())


def test_lists_of_tokens_per_line(tmp_path):
    """The first line is not an array of records, which would lose its words."""
    tokens = lambda *words: json.dumps([{"token": w, "tag": t} for w, t in words]) + "\n"  # noqa: E731
    text = tokens(("Ann", "B-PER"), ("is", "O")) + tokens(("Lee", "B-PER"), ("is", "O"))
    assert entities(read(tmp_path, text)[1]) == [("Ann", "PER"), ("Lee", "PER")]


@pytest.mark.parametrize(
    "record, advice",
    [
        ({"word": "Oslo", "tag": "B-LOC"}, "a word with its tag. Save the words as CSV"),
        ({"body": "Oslo is far."}, "a text without annotation"),
    ],
)
def test_records_without_entities(tmp_path, record, advice):
    with pytest.raises(InputError, match=f"no field for words in this record.*{advice}"):
        read(tmp_path, line(**record))


def test_records_rejected_in_prodigy_are_skipped(tmp_path):
    text = line(text="a", spans=[]) + line(text="b", spans=[], answer="reject")
    reader, docs = read(tmp_path, text)
    assert [doc.text for doc in docs] == ["a"]
    assert [(note.count, note.places[0][-2:]) for note in reader.notes()] == [(1, ":2")]


def test_tokens_of_prodigy_are_kept(tmp_path):
    tokens = [
        {"text": "a-b", "start": 0, "end": 3, "id": 0, "ws": True},
        {"text": "c", "start": 4, "end": 5, "id": 1},
    ]
    _, docs = read(
        tmp_path, line(text="a-b c", tokens=tokens, spans=[{"start": 0, "end": 3, "label": "X"}])
    )
    assert [token.text for token in docs[0]] == ["a-b", "c"]


def test_tokens_are_split_at_entities(tmp_path):
    _, docs = read(
        tmp_path,
        line(
            text="ex-Nazi Oslo",
            spans=[{"start": 3, "end": 7, "label": "X"}, {"start": 8, "end": 10, "label": "Y"}],
        ),
    )
    assert entities(docs) == [("Nazi", "X"), ("Os", "Y")]
    assert docs[0].text == "ex-Nazi Oslo"


def test_whitespace_of_texts_is_kept(tmp_path):
    text = "  Ann \t\n\n Lee\u00a0 x "
    _, docs = read(tmp_path, line(text=text, spans=[{"start": 9, "end": 14, "label": "X"}]))
    assert docs[0].text == text
    assert entities(docs) == [("Lee", "X")]


def test_whitespace_at_the_ends_of_entities_is_stripped(tmp_path):
    reader, docs = read(
        tmp_path, line(text="in Oslo now", spans=[{"start": 2, "end": 8, "label": "X"}])
    )
    assert entities(docs) == [("Oslo", "X")]
    message = "entities with leading or trailing whitespace were stripped"
    assert reader.notes()[0].message == message


OVERLAP = line(
    text="Bank of Oslo",
    spans=[{"start": 0, "end": 12, "label": "ORG"}, {"start": 8, "end": 12, "label": "LOC"}],
)


def test_overlaps(tmp_path):
    with pytest.raises(
        InputError, match="file.jsonl:1: entities overlap: LOC 'Oslo' and ORG 'Bank of Oslo'"
    ):
        read(tmp_path, OVERLAP)
    reader, docs = read(tmp_path, OVERLAP, overlaps="longest")
    assert entities(docs) == [("Bank of Oslo", "ORG")]
    assert reader.notes()[0].count == 1


def test_the_same_entity_twice_is_one(tmp_path):
    _, docs = read(tmp_path, line(text="Oslo", spans=[{"start": 0, "end": 4, "label": "X"}] * 2))
    assert entities(docs) == [("Oslo", "X")]


@pytest.mark.parametrize(
    "text, at, message",
    [
        (line(text="a", spans=[{"start": 0, "end": 2, "label": "X"}]), 1, "in a text of 1 characters"),
        (line(text="a", spans=[{"start": 1, "end": 1, "label": "X"}]), 1, "from 1 to 1"),
        (line(text="a", spans=[{"start": True, "end": 1, "label": "X"}]), 1, "expected an entity"),
        (line(text="a", spans=[{"start": 0, "end": 1}]), 1, "with start, end and label, found"),
        (line(text="a", spans=[{"start": 0, "end": 1, "label": " "}]), 1, "trailing whitespace"),
        (line(text="a b", spans=[{"start": 1, "end": 2, "label": "X"}]), 1, "is only whitespace"),
        (line(text="a", spans=[]) + line(text=3, spans=[]), 2, "expected a string in text, found '3'"),
        (line(text="a", spans=[]) + line(text="a", spans="x"), 2, "expected a list in spans"),
        (line(text="a", spans=[]) + "{\n", 2, "is not JSON"),
        (line(text="a", spans=[]) + "3\n", 2, "is not a record"),
        (line(text="a"), 1, "no field for"),
        (line(sentence="a"), 1, "found: 'sentence'"),
        ('{"text": "\\ud800", "spans": []}', 1, "surrogate"),
        ("[" * 100_000, 1, "nested too deeply"),
        ('[{"text": "a", "spans": []},\n', 2, "truncated"),
        (line(text="a b", spans=[], tokens=[{"start": 0, "end": 1}]), 1, "tokens end before"),
        (line(text="a b", spans=[], tokens=[{"start": 2, "end": 3}]), 1, "doesn't match the text"),
        (line(text="a", spans=[], sents=[{"start": 9}]), 1, "with a start within the text"),
        (line(tokens=["a"], ner_tags=["O", "O"]), 1, "1 tokens, but 2 ner_tags"),
        (line(tokens=["a"], ner_tags=["X-Y"]), 1, "not a tag"),
        (line(tokens=["a", 3], ner_tags=["O", "O"]), 1, "expected strings in tokens"),
        (line(tokens=["a"], ner_tags=["O"]) + line(tokens=["a"], ner_tags=[0]), 2, "expected strings in ner_tags"),
        (line(tokens=["a"], ner_tags=["O"]) + line(tokens=["a"]), 2, "expected a list in ner_tags, found nothing"),
        (line(tokens=[], ner_tags=[]), None, "no tagged words"),
        (PAIR, 1, "--labels"),
    ],
)  # fmt: skip
def test_errors_have_the_line(tmp_path, text, at, message):
    with pytest.raises(InputError, match="file.jsonl") as error:
        read(tmp_path, text)
    assert message in str(error.value) and error.value.line == at


@pytest.mark.parametrize(
    "text",
    [
        PAIR + PAIR,
        f"[{PAIR},{PAIR}]",
        json.dumps({"data": [json.loads(PAIR)] * 2}, indent=2),
        json.dumps([json.loads(PAIR)] * 2, indent=4),
        "\n\n" + PAIR + "\r\n" + PAIR,
        "\ufeff" + PAIR + PAIR,
        (PAIR + PAIR).replace(",", "\n,\n"),
    ],
)
def test_json_in_every_shape(tmp_path, text):
    _, docs = read(tmp_path, text, labels=("O", "B-PER"))
    assert entities(docs) == [("Ann", "PER")] * 2


def test_records_larger_than_a_chunk(tmp_path):
    record = {"tokens": ["Ann"] * 50_000, "ner_tags": ["B-X"] * 50_000}
    _, docs = read(tmp_path, json.dumps([record, record], indent=1))
    assert [len(doc) for doc in docs] == [50_000, 50_000]


@pytest.mark.parametrize(
    "name, content",
    [
        ("labels.json", ["O", "B-PER"]),
        ("label.json", {"O": 0, "B-PER": 1}),
        ("labels.json", {"id2label": {"0": "O", "1": "B-PER"}}),
        ("labels.txt", "O\nB-PER\n"),
        ("dataset_info.json", {"features": {"ner_tags": {"feature": {"names": ["O", "B-PER"]}}}}),
        ("dataset_infos.json", {"x": {"features": {"ner_tags": [{"names": ["O", "B-PER"]}]}}}),
    ],
)
def test_names_of_numbered_tags_in_the_folder(tmp_path, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / name).write_text(text)
    assert entities(read(tmp_path, PAIR)[1]) == [("Ann", "PER")]


def test_numbered_tags_without_prefix(tmp_path):
    reader, docs = read(tmp_path, PAIR, labels=("O", "PER", "LOC"))
    assert entities(docs) == [("Ann", "PER")] and reader.tags.scheme == "bare"


def test_numbered_tags_without_names(tmp_path):
    with pytest.raises(InputError, match="the tag 1 has no name. The list has 1 tags"):
        read(tmp_path, PAIR, labels=("O",))


def test_fields_can_be_set(tmp_path):
    text = line(word=["Ann"], tags_a=["O"], tags_b=["B-X"])
    assert entities(read(tmp_path, text, word_column="word", tag_column="tags_b")[1]) == [
        ("Ann", "X")
    ]


def test_records_of_one_document(tmp_path):
    text = "".join(line(tokens=["a"], ner_tags=["O"], document_id=i) for i in (1, 1, 2, 1))
    assert [len(doc) for doc in read(tmp_path, text)[1]] == [2, 1, 1]


def test_empty_words_are_skipped(tmp_path):
    reader, docs = read(tmp_path, line(tokens=["a", " ", ""], ner_tags=["B-X", "I-X", "O"]))
    assert [token.text for token in docs[0]] == ["a"] and reader.notes()[0].count == 2
