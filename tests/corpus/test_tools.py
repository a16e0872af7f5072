"""Exports of tools: each form is read, or refused with an option that reads it."""

import json

import pytest
import spacy
from spacy.util import registry

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.labels import read_labels
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.reader import create_corpus_reader, read_corpus
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.readers.offsets import LEFT_OUT
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.corpus.splits import data_files, without_sides
from spacy_transformer_ner.errors import InputError

from .exports import ENTITIES, TEXTS, entities
from .tools import (
    TOOLS,
    azure,
    dump,
    each,
    labelbox,
    lines,
    listed,
    luis,
    objects,
    pieces,
    spans,
    tags,
    task,
    triples,
    words,
)

MAKER = DocMaker("en")


def located(text, found):
    """The entities of TEXTS with offsets."""
    placed, position = [], 0
    for said, label in found:
        position = text.index(said, position)
        placed.append((position, position + len(said), label))
    return text, placed


SAMPLE = [located(*text) for text in TEXTS]


def read(folder, content, name="x.jsonl", **options):
    (folder / name).write_text(content, encoding="utf-8", newline="")
    reader = open_corpus(Source.at(folder / name), ReadOptions(**options))
    return reader, [to_doc(document, MAKER) for document in reader]


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_is_read(tmp_path, tool):
    name, write = TOOLS[tool]
    assert entities(read(tmp_path, write(SAMPLE), name)[1]) == ENTITIES


def moved(by, units=len):
    """Records whose offsets are counted in other units, after a start of the text."""
    found = []
    for text, placed in SAMPLE:
        text = by + text
        shift = len(by)
        found.append(
            {
                "text": text,
                "label": [
                    [units(text[: s + shift]), units(text[: e + shift]), label]
                    for s, e, label in placed
                ],
            }
        )
    return lines(found)


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def utf8(text):
    return len(text.encode())


INCLUSIVE = lines([{"text": t, "label": [[s, e - 1, n] for s, e, n in ss]} for t, ss in SAMPLE])
SHIFTED = lines([{"text": t, "label": [[s + 1, e, n] for s, e, n in ss]} for t, ss in SAMPLE])
DIFFER = lines(
    [
        {"text": t[0], "ents": objects(t), "spans": [{"start": 0, "end": 2, "label": "X"}]}
        for t in SAMPLE
    ]
)
NUMBERS = {"PER": 3, "ORG": 9, "LOC": 4, "MISC": 11}
NUMBERED = lines(
    [
        {
            "text": t[0],
            "annotations": spans(
                t,
                lambda s, e, n, _: {"label": NUMBERS[n], "start_offset": s, "end_offset": e},
            ),
        }
        for t in SAMPLE
    ]
)
FROM_1 = {"PER": 1, "ORG": 2, "LOC": 3, "MISC": 4}
COUNTED = lines([{"text": t[0], "label": [[s, e, FROM_1[n]] for s, e, n in t[1]]} for t in SAMPLE])
TWO_TEXTS = lines([{"raw": t[0].lower(), "final": t[0], "marks": triples(t)} for t in SAMPLE])
TWO_LABELS = lines(
    [
        {
            "text": t[0],
            "marks": spans(
                t, lambda s, e, n, _: {"start": s, "end": e, "type": n, "category": f"c{n}"}
            ),
        }
        for t in SAMPLE
    ]
)
ANNOTATORS = lines(
    [
        {
            "text": t[0],
            "annotations": [
                {"annotator": "a", "entities": triples(t)},
                {"annotator": "b", "entities": [[0, 2, "X"]]},
            ],
        }
        for t in SAMPLE
    ]
)
TASKS = dump([task(t) | {"data": {"first": t[0], "second": t[0].upper()}} for t in SAMPLE]).replace(
    '"text": "', '"was": "'
)


@pytest.mark.parametrize(
    "content, message, options",
    [
        (INCLUSIVE, "with an inclusive end: .* 11 of 11 entities", {"offsets": "inclusive"}),
        (SHIFTED, "from 1, with an inclusive end: .* --offsets from-1", {"offsets": "from-1"}),
        (each(luis)(SAMPLE), "--offsets inclusive", {"offsets": "inclusive"}),
        (
            each(lambda t: labelbox((t[0], [(s, e - 1, n) for s, e, n in t[1]])))(SAMPLE),
            "--offsets inclusive",
            {"offsets": "inclusive"},
        ),
        (moved("\U0001f600 ", utf16), "UTF-16 units", {"offsets": "utf-16"}),
        (moved("Für ", utf8), "UTF-8 bytes", {"offsets": "bytes"}),
        (DIFFER, "spans and in ents.*--spans-field ents", {"spans_field": "ents"}),
        (
            DIFFER.replace('"ents"', '"model_predictions"').replace('"spans"', '"sents"'),
            "only in model_predictions.*--spans-field model_predictions",
            {"spans_field": "model_predictions"},
        ),
        (TWO_TEXTS, "--text-field raw or --text-field final", {"text_field": "final"}),
        (TWO_LABELS, "--label-field category or --label-field type", {"label_field": "type"}),
        (
            ANNOTATORS,
            "several annotators.*--spans-field annotations.0.entities",
            {"spans_field": "annotations.0.entities"},
        ),
        (TASKS, "--text-field first or --text-field second", {"text_field": "first"}),
    ],
)
def test_following_the_message_reads_the_file(tmp_path, content, message, options):
    with pytest.raises(InputError, match=f"(?s)x.jsonl:1: .*{message}"):
        read(tmp_path, content)
    assert entities(read(tmp_path, content, **options)[1]) == ENTITIES


@pytest.mark.parametrize(
    "content, message, instead",
    [
        (
            dump({"train": [*map(list, SAMPLE)], "test": [*map(list, SAMPLE)]}),
            "several lists of records .train, test.*in a file of its own",
            dump([*map(list, SAMPLE)]),
        ),
        (
            f"TRAIN = {SAMPLE!r}\nTEST = {SAMPLE!r}\n",
            "several lists .TRAIN, TEST.*in a file of its own",
            f"TRAIN = {SAMPLE!r}\n",
        ),
        (
            f"TRAIN = [(open('x').read(), {{'entities': [(0, 1, 'PER')]}})] + {SAMPLE!r}\n"
            .replace("] + [", ", "),
            "computed, and code is not run.*Save it as JSON",
            dump([[t, {"entities": s}] for t, s in SAMPLE]),
        ),
        (
            dump([pieces(t)["entities"] for t in SAMPLE if t[1]]),
            'pipeline without its text. Save each text with its entities: {"text": text, "entities"',
            each(pieces)(SAMPLE),
        ),
        (
            dump({"annotatable": {"parts": ["s1p1"]}, "anncomplete": True, "entities": []}),
            "tagtog.*Export EntitiesTsv",
            "".join(
                "".join(f"{w}\t{g}\n" for w, g in zip(words(t), tags(t))) + "\n" for t in SAMPLE
            ),
        ),
        (
            lines([{"text": t, "label": [[s + 1, e + 1, n] for s, e, n in ss]} for t, ss in SAMPLE]),
            "11 of 11 entities start after the first letter.*Subtract 1 from each start and end",
            lines([{"text": t, "label": ss} for t, ss in SAMPLE]),
        ),
        (
            dump({"text": [t for t, _ in SAMPLE], "label": [s for _, s in SAMPLE][1:]}),
            "different lengths: 5 in text, 4 in label",
            dump({"text": [t for t, _ in SAMPLE], "label": [s for _, s in SAMPLE]}),
        ),
        (
            lines([{"text": t, "entities": s} for t, s in SAMPLE[:2]])
            + lines([{"text": t, "spans": s} for t, s in SAMPLE[3:]]),
            "x.jsonl:3: entities are in spans here, but in entities in earlier records",
            lines([{"text": t, "entities": s} for t, s in SAMPLE]),
        ),
    ],
)  # fmt: skip
def test_following_the_message_by_hand_reads_the_file(tmp_path, content, message, instead):
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, content)
    assert entities(read(tmp_path, instead)[1]) == ENTITIES


@pytest.mark.parametrize(
    "content, message",
    [
        (dump({"%TYPES": {}, "%FEATURE_STRUCTURES": []}), "INCEpTION exports it.*WebAnno TSV"),
        (dump({"cells": [], "nbformat": 4}), "Jupyter notebook"),
        (lines([{"messages": [{"role": "user", "content": "x"}]}]), "language model"),
        (lines([{"context": "a b", "query": "q", "start_position": [0]}]), "reading comprehension"),
        (lines([{"File": "a", "Line": 1, "Entities": []}]), "Amazon Comprehend without its text"),
        (listed(lambda t: task(t) | {"annotations": []})(SAMPLE), "5 texts without annotation"),
        (
            listed(lambda t: task(t) | {"data": {"text": "https://example.com/1.txt"}})(SAMPLE),
            "the address of a text",
        ),
        (lines([{"text": "a b", "label": [[7, 0, 1, "X"]]}]), "expected an entity"),
        (lines([{"text": "a b", "label": [["B", 0, 1, "X"]]}]), "expected an entity"),
        (lines([{"text": "a b", "label": [{"type": "X", "offsets": [[0, 1], [2, 3]]}]}]), "--overlaps longest"),
        (lines([{"text": "Ann is", "spans": [{"start": 0, "end": 3, "labels": ["A", "B"]}]}]), "overlap"),
        (lines([{"tokens": ["Ann", "is"], "entities": [[0, 3, "X"], [4, 6, "Y"]]}]), "no text for"),
        (
            lines([{"tokens": ["a", "b"], "entities": [[0, 0, "X"]]}] + [{"tokens": ["a", "b"], "entities": [[0, 2, "X"]]}]),
            "--offsets inclusive if they are the last word",
        ),
        (
            lines([{"tokenized_text": ["Ann", "Lee", "is", "in", "Oslo"], "ner": [[0, 2, "X"], [4, 5, "Y"]]}] * 3 + [{"tokenized_text": ["a", "Oslo", "b"], "ner": [[1, 2, "Y"]]}] * 3).replace("Oslo\"], ", "Oslo\", \".\"], "),
            "--offsets inclusive if it is the last word, or --offsets characters",
        ),
        (
            lines([{"tokens": ["In", "Oslo", "it", "rains", "."], "entities": [[2, 2, "X"]]}] * 6),
            "6 of 6 entities start after a word with a capital letter.*from 1, set --offsets from-1",
        ),
        ("D = [('Oslo', {'entities': [(0, 4, 'LOC')]}\n", "is not valid Python"),
        ("D = [('Oslo', {'entities': [(0, 4, 'LOC')]}), (x, {})]\n", "this record is computed"),
        (lines([{"text": "Ann is", "entities": ["Ann"]}]), "no field for entities"),
    ],
)  # fmt: skip
def test_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=f"(?s)x.jsonl.*{message}"):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "content, expected",
    [
        (dump([task(t) for t in SAMPLE]), "5 texts with several annotations were read with the newest"),
        (
            dump([*(task(t) for t in SAMPLE), {"data": {"text": "x"}, "annotations": []}]),
            "1 texts without annotation were skipped",
        ),
        (each(pieces)(SAMPLE), "29 pieces labelled with tags like B-PER were merged"),
        (TOOLS["dataturks"][1](SAMPLE), "11 entities have offsets with an inclusive end, as their texts"),
        (lines([{"text": t, "label": [[s, e, "7"] for s, e, _ in ss]} for t, ss in SAMPLE]), "11 entities have a number as their label"),
        (lines([{"text": t, "label": ss or None} for t, ss in SAMPLE]), "1 records without label were read as having no"),
        (lines([{"text": "Annabel", "label": [[0, 3, "X"], [3, 7, "Y"]]}]), "2 of 2 entities start or end within a word"),
        (lines([{"text": t, "label": ss, "status": "Discarded" if t[:2] == "It" else "Validated"} for t, ss in SAMPLE]), "1 records with the status Discarded were skipped"),
        (lines([{"text": "\r\n" + t, "label": [[s + 1, e + 1, n] for s, e, n in ss]} for t, ss in SAMPLE]), "Windows line ends"),
        (dump({"annotations": [None, *([t, {"entities": s}] for t, s in SAMPLE)]}), "1 records that are null"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_a_note(tmp_path, content, expected):
    reader, docs = read(tmp_path, content)
    notes = [f"{note.count} {note.message}" for note in reader.notes()]
    assert any(note.startswith(expected) or expected in note for note in notes), notes
    assert all(note.places for note in reader.notes())


def test_offsets_are_told_from_the_texts_of_entities(tmp_path):
    """Label Studio counts UTF-16 units, so entities after an emoji are late."""
    texts = [(f"\U0001f600 {t}", [(s + 2, e + 2, n) for s, e, n in ss]) for t, ss in SAMPLE]
    content = dump(
        [
            {
                "data": {"text": t[0]},
                "annotations": [
                    {
                        "result": spans(
                            t,
                            lambda s, e, n, said: {
                                "value": {"start": s + 1, "end": e + 1, "text": said, "labels": [n]}
                            },
                        )
                    }
                ],
            }
            for t in texts
        ]
    )
    reader, docs = read(tmp_path, content)
    assert entities(docs) == ENTITIES and reader.offsets == "utf-16"
    assert "UTF-16 units" in reader.format


def test_offsets_that_are_set_are_not_judged(tmp_path):
    reader, docs = read(tmp_path, INCLUSIVE, offsets="characters")
    assert entities(docs)[0] == ("Ingrid Solber", "PER") and not reader.notes()


def test_offsets_are_judged_after_the_first_records(tmp_path):
    """The first thousand records have no emoji."""
    before = [{"text": "Ann is in Oslo.", "label": [[10, 14, "LOC"]]}] * 1100
    after = [{"text": "\U0001f600 Ann is in Oslo.", "label": [[13, 17, "LOC"]]}]
    with pytest.raises(InputError, match="x.jsonl:1101: .*--offsets utf-16"):
        read(tmp_path, lines(before + after))


def test_entities_in_scripts_without_spaces_are_not_judged(tmp_path):
    text = lines([{"text": "王小明住在台北市中心", "label": [[0, 3, "PER"], [5, 8, "LOC"]]}] * 3)
    reader, docs = read(tmp_path, text)
    assert entities(docs)[:2] == [("王小明", "PER"), ("台北市", "LOC")] and not reader.notes()


def test_newest_annotation_of_json_min(tmp_path):
    fields = {"id": 1, "text": "Ann is.", "annotator": 1}
    old = {"label": [{"start": 0, "end": 3, "text": "Ann", "labels": ["OLD"]}]}
    new = {"label": [{"start": 0, "end": 3, "text": "Ann", "labels": ["NEW"]}]}
    content = dump(
        [
            {**fields, **new, "annotation_id": 2, "updated_at": "2024-02"},
            {**fields, **old, "annotation_id": 1, "updated_at": "2024-01"},
        ]
    )
    reader, docs = read(tmp_path, content)
    assert entities(docs) == [("Ann", "NEW")]
    assert reader.notes()[0].message.startswith("older annotations")


@pytest.mark.parametrize(
    "content, given, labels",
    [
        (NUMBERED, "3", "3=PER,9=ORG,4=LOC,11=MISC"),
        (COUNTED, "1", "1=PER,2=ORG,3=LOC,4=MISC"),
        (COUNTED, "1", "PER,ORG,LOC,MISC"),
        (COUNTED.replace(", 1]", ', "1"]').replace(", 2]", ', "2"]'), "1", "PER,ORG,LOC,MISC"),
    ],
)
def test_numbered_labels(tmp_path, content, given, labels):
    """Numbers are labels, with a note whose option gives them names."""
    reader, docs = read(tmp_path, content)
    assert entities(docs)[0] == ("Ingrid Solberg", given)
    (note,) = reader.notes()
    assert note.count == 11 and "--labels 1=PER,2=LOC" in note.message
    reader, docs = read(tmp_path, content, labels=read_labels(labels))
    assert entities(docs) == ENTITIES and not reader.notes()


@pytest.mark.parametrize(
    "content, labels, message",
    [
        (NUMBERED, ("PER", "ORG", "LOC", "MISC"), "not certain which of the 4.*--labels 3=PER"),
        (COUNTED, ("1=PER", "2=ORG"), "the label 3 has no name.*--labels 3=PER"),
    ],
)
def test_numbered_labels_without_certain_names(tmp_path, content, labels, message):
    with pytest.raises(InputError, match=f"x.jsonl:.*{message}"):
        read(tmp_path, content, labels=labels)


@pytest.mark.parametrize(
    "name, content",
    [
        ("label_config.json", [{"id": n, "text": label} for label, n in NUMBERS.items()]),
        ("labels.json", FROM_1),
        ("labels.json", list(FROM_1)),
        ("labels.txt", "\n".join(f"{n}={label}" for label, n in NUMBERS.items())),
    ],
)
def test_names_of_numbered_labels_in_the_folder(tmp_path, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / name).write_text(text)
    numbered = NUMBERED if "id" in text or "=" in text else COUNTED
    if isinstance(content, dict):  # {"PER": 1, …} does not count from 0
        with pytest.raises(InputError, match="counted from 0"):
            read(tmp_path, numbered)
        return
    assert entities(read(tmp_path, numbered)[1]) == ENTITIES


README = """---
license: mit
dataset_info:
- config_name: a
  features:
  - name: tokens
    sequence: string
  - name: ner_tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-PER
---
# Data
"""
TAGGED = lines([{"tokens": ["Ann", "is"], "ner_tags": [1, 0]}])


def test_names_of_numbered_tags_in_a_readme(tmp_path):
    (tmp_path / "README.md").write_text(README)
    assert entities(read(tmp_path, TAGGED)[1]) == [("Ann", "PER")]
    assert read_labels(str(tmp_path / "README.md")) == ("O", "B-PER")
    other = README.replace("B-PER", "B-LOC").replace("name: a", "name: b").split("dataset_info:")
    (tmp_path / "README.md").write_text(
        README.replace("---\n# Data", other[1].replace("---\n# Data\n", "---\n# Data"))
    )
    with pytest.raises(InputError, match="different tags of ner_tags"):
        read(tmp_path, TAGGED)
    (tmp_path / "README.md").write_text(README.replace("names:", "names: ]"))
    with pytest.raises(InputError, match="README.md: the metadata is not valid YAML"):
        read(tmp_path, TAGGED)
    (tmp_path / "README.md").write_text("# No metadata\n")
    with pytest.raises(InputError, match="--labels"):
        read(tmp_path, TAGGED)


def test_texts_in_files_beside_the_records(tmp_path):
    """Azure exports the names of the text files."""
    documents = []
    for i, text in enumerate(SAMPLE):
        (tmp_path / f"{i}.txt").write_text(text[0], encoding="utf-8")
        documents.append(azure(text) | {"location": f"{i}.txt"})
    content = dump({"projectFileVersion": "1", "assets": {"documents": documents}})
    assert entities(read(tmp_path, content, "x.json")[1]) == ENTITIES
    for i in range(len(SAMPLE)):
        (tmp_path / f"{i}.txt").unlink()
    (tmp_path / "inner").mkdir()
    (tmp_path / "0.txt").write_text("A text that is not in the folder of the records.")
    content = content.replace('"0.txt"', '"../0.txt"')
    with pytest.raises(InputError, match="put it beside this file"):
        read(tmp_path / "inner", content, "x.json")


def test_code_is_not_run(tmp_path):
    target = tmp_path / "made"
    content = f"import os\nos.mkdir({str(target)!r})\nD = {SAMPLE!r}\n"
    assert entities(read(tmp_path, content)[1]) == ENTITIES
    assert not target.exists()


def test_two_kinds_of_ends_of_words(tmp_path):
    """Without an entity of one word, or at the end, the format decides, or the option."""
    record = {
        "tokens": ["In", "New", "York", "now"],
        "entities": [{"type": "X", "start": 1, "end": 2}],
    }
    assert entities(read(tmp_path, lines([record]))[1]) == [("New", "X")]
    assert entities(read(tmp_path, lines([record]), offsets="inclusive")[1]) == [("New York", "X")]
    record = {"tokenized_text": record["tokens"], "ner": [[1, 2, "X"]]}
    assert entities(read(tmp_path, lines([record]))[1]) == [("New York", "X")]
    assert entities(read(tmp_path, lines([record]), offsets="characters")[1]) == [("New", "X")]


def test_overlaps_of_token_spans_are_counted(tmp_path):
    record = {"tokens": ["Bank", "of", "Oslo"], "entities": [[0, 3, "ORG"], [2, 3, "LOC"]]}
    with pytest.raises(InputError, match="LOC 'Oslo' and ORG 'Bank of Oslo'"):
        read(tmp_path, lines([record]))
    reader, docs = read(tmp_path, lines([record]), overlaps="longest")
    assert entities(docs) == [("Bank of Oslo", "ORG")]
    assert [(note.count, note.places) for note in reader.notes()] == [
        (1, (f"{tmp_path}/x.jsonl:1",))
    ]


def test_html_tags_of_label_studio_are_removed(tmp_path):
    reader, docs = read(tmp_path, TOOLS["label-studio-html-tags"][1](SAMPLE), "x.json")
    assert [doc.text for doc in docs] == [f"Note\n{text}" for text, _ in SAMPLE]
    assert [(note.count, note.message) for note in reader.notes()] == [
        (5, "texts had HTML tags, which were removed")
    ]


def test_text_and_sentences_of_spacy_2_are_kept(tmp_path):
    _, docs = read(tmp_path, TOOLS["spacy-2"][1](SAMPLE), "x.json")
    assert [doc.text for doc in docs] == [text for text, _ in SAMPLE]


def test_tokens_of_argilla_are_kept(tmp_path):
    record = {
        "text": "ex-Nazi, Oslo",
        "tokens": ["ex-Nazi", ",", "Oslo"],
        "annotation": [["X", 9, 13]],
    }
    _, docs = read(tmp_path, lines([record]))
    assert [token.text for token in docs[0]] == ["ex-Nazi", ",", "Oslo"]


DISCONTINUOUS = {"type": "X", "offsets": [[0, 4], [15, 19]]}
PARTS = {
    "text": "left and right lung",
    "entities": [{"type": "Y", "offsets": [[9, 14]]}, DISCONTINUOUS],
}
W2NER = {
    "sentence": ["left", "and", "right", "lung"],
    "ner": [{"index": [2], "type": "Y"}, {"index": [0, 3], "type": "X"}],
}
PASSAGE = {
    "offset": 0,
    "text": PARTS["text"],
    "annotations": [
        {"infons": {"type": "Y"}, "locations": [{"offset": 9, "length": 5}]},
        {"infons": {"type": "X"}, "locations": [{"offset": 0, "length": 4}, {"offset": 15, "length": 4}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("record", [PARTS, W2NER, {"passages": [PASSAGE]}])
def test_discontinuous_entities_are_counted(tmp_path, record):
    first = {"sentence": ["a", "b"], "ner": [{"index": [0, 1], "type": "X"}]}
    content = lines([*([first] if record is W2NER else []), record])
    with pytest.raises(InputError, match="discontinuous.*--overlaps longest"):
        read(tmp_path, content)
    reader, docs = read(tmp_path, content, overlaps="longest")
    assert entities(docs)[-1] == ("right", "Y")
    assert [note.message for note in reader.notes()] == [LEFT_OUT]


def test_list_of_records_with_unknown_fields(tmp_path):
    content = dump({"version": 1, "data": [{"w": ["Ann", "is"], "t": ["PER", "O"]}]})
    _, docs = read(tmp_path, content, word_column="w", tag_column="t")
    assert entities(docs) == [("Ann", "PER")]


def test_options_of_read_corpus_and_the_corpus_reader(tmp_path):
    (tmp_path / "x.jsonl").write_text(INCLUSIVE, encoding="utf-8")
    options = ReadOptions(offsets="inclusive")
    assert entities(read_corpus(tmp_path / "x.jsonl", options=options)) == ENTITIES
    config = {
        "reader": {
            "@readers": "spacy-transformer-ner.Corpus.v1",
            "path": str(tmp_path / "x.jsonl"),
            "lang": "en",
            "gold_preproc": False,
            "max_length": 0,
            "limit": 0,
            "augmenter": None,
        }
    }
    nlp = spacy.blank("en")
    with pytest.raises(InputError, match="--offsets inclusive"):
        list(registry.resolve(config)["reader"](nlp))
    config["reader"]["options"] = {"offsets": "inclusive", "labels": None}
    examples = list(registry.resolve(config)["reader"](nlp))
    assert entities(example.reference for example in examples) == ENTITIES
    for wrong, message in (
        ({"offset": "inclusive"}, "unknown option 'offset'.*offsets"),
        ({"offsets": "inklusive"}, "offsets = 'inklusive'.*inclusive"),
    ):
        with pytest.raises(InputError, match=message):
            create_corpus_reader(tmp_path / "x.jsonl", options=wrong)


def columns_of(text):
    s, e, label = [list(x) for x in zip(*text[1])] or [[], [], []]
    return {"starts": s, "ends": e, "labels": label}


def named(text):
    return spans(text, lambda s, e, label, said: {"text": said, "label": label})


def parts(text):
    found, position = [], 0
    for start, end, label in text[1]:
        found += [{"text": text[0][position:start], "userDefined": False}] * (start > position)
        found += [{"text": text[0][start:end], "alias": "x", "meta": f"@{label}"}]
        position = end
    return [*found, {"text": text[0][position:]}]


OTHER_FORMS = {
    "parallel lists": lambda t: {"text": t[0], **columns_of(t)},
    "parallel lists within": lambda t: {"id": 7, "sentence": t[0], "entities": columns_of(t)},
    "French": lambda t: {"texte": t[0], "entites": spans(t, lambda s, e, label, _: {"debut": s, "fin": e, "etiquette": label})},
    "Spanish, end first": lambda t: {"id": 3, "texto": t[0], "entidades": spans(t, lambda s, e, label, said: {"fin": e, "inicio": s, "clase": label, "texto": said})},
    "names only": lambda t: {"text": t[0], "entities": named(t)},
    "names only, other fields": lambda t: {"input": t[0], "ner": spans(t, lambda s, e, label, said: {"span": said, "type": label})},
    "names in pairs": lambda t: {"text": t[0], "entities": spans(t, lambda s, e, label, said: [said, label])},
    "label in pairs first": lambda t: {"text": t[0], "entities": spans(t, lambda s, e, label, said: [label, said])},
    "names by label": lambda t: {"text": t[0], "entities": {label: [t[0][s:e] for s, e, other in t[1] if other == label] for _, _, label in t[1]}},
    "labels by name": lambda t: {"text": t[0], "labels": {t[0][s:e]: label for s, e, label in t[1]}},
    "names in a cell": lambda t: {"text": t[0], "entities": dump(named(t))},
    "Dialogflow": lambda t: {"id": "u", "data": parts(t), "isTemplate": False},
    "Dialogflow CX": lambda t: {"parts": [{"text": p["text"]} | ({"entityType": p["meta"]} if "meta" in p else {}) for p in parts(t)]},
    "tokens as objects in a sentence": lambda t: {"id": 0, "sentence": [{"word": w, "label": tag} for w, tag in zip(words(t), tags(t))]},
}  # fmt: skip


@pytest.mark.parametrize("form", OTHER_FORMS)
@pytest.mark.parametrize("write", [each, listed])
def test_entities_in_other_forms(tmp_path, form, write):
    reader, docs = read(tmp_path, write(OTHER_FORMS[form])(SAMPLE), "x.json")
    assert entities(docs) == ENTITIES and len(docs) == len(TEXTS) and not reader.notes()


def test_label_field_of_parts(tmp_path):
    content = each(OTHER_FORMS["Dialogflow"])(SAMPLE)
    _, docs = read(tmp_path, content, label_field="alias")
    assert entities(docs) == [(said, "x") for said, _ in ENTITIES]
    with pytest.raises(InputError, match="x.jsonl:1: no part of these texts is an entity"):
        read(tmp_path, lines([{"data": [{"text": "Hi"}, {"text": " you"}], "isTemplate": False}]))


@pytest.mark.parametrize(
    "wrong, message, remedy",
    [
        ([{"text": "Nice", "label": "LOC"}], "x.jsonl:2: the entity 'Nice' is in the text 2 times", [{"start": 3, "end": 7, "label": "LOC"}]),
        ([{"text": "Nic", "label": "LOC"}], "x.jsonl:2: the entity 'Nic' is not in the text as a word", [{"text": "In", "label": "LOC"}]),
        ([{"text": "Oslo", "label": "LOC"}], "x.jsonl:2: the entity 'Oslo' is not in the text|expected entities", []),
        ([{"text": "Nice", "label": "LOC"}, {"text": "Nice", "label": "ORG"}], "x.jsonl:2: the entity 'Nice' has several labels", [{"start": 3, "end": 7, "label": "LOC"}, {"start": 15, "end": 19, "label": "ORG"}]),
    ],
)  # fmt: skip
def test_names_that_are_not_certain(tmp_path, wrong, message, remedy):
    first = {"text": "Ann left Oslo.", "entities": [{"text": "Oslo", "label": "LOC"}]}
    record = {"text": "In Nice it was Nice.", "entities": wrong}
    with pytest.raises(InputError, match=message):
        read(tmp_path, lines([first, record]))
    found = entities(read(tmp_path, lines([first, {**record, "entities": remedy}]))[1])
    assert len(found) == 1 + len(remedy) and found[0] == ("Oslo", "LOC")
    # as many places as entities
    both = {**record, "entities": [{"text": "Nice", "label": "LOC"}] * 2}
    assert len(entities(read(tmp_path, lines([first, both]))[1])) == 3


def test_records_in_other_forms_are_checked(tmp_path):
    good = [OTHER_FORMS["French"](SAMPLE[0])]
    with pytest.raises(InputError, match="x.jsonl:2: expected a list of entities with debut and"):
        read(tmp_path, lines([*good, {"texte": "Oslo is far.", "entites": [{"x": 1}]}]))
    good = [OTHER_FORMS["parallel lists"](SAMPLE[0])]
    with pytest.raises(InputError, match="x.jsonl:2: expected lists of starts, ends and labels"):
        read(tmp_path, lines([*good, {**good[0], "starts": [0]}]))
    good = [OTHER_FORMS["tokens as objects in a sentence"](SAMPLE[0])]
    with pytest.raises(InputError, match="x.jsonl:2: expected a list of tokens"):
        read(tmp_path, lines([*good, {"id": 1, "sentence": ["Oslo", "is"]}]))


def test_folder_of_records_and_their_texts(tmp_path):
    """Azure's labels.json is data, and the texts that it names are not."""
    documents = []
    for number, text in enumerate(SAMPLE):
        (tmp_path / f"doc{number}.txt").write_text(text[0], encoding="utf-8")
        documents.append(azure(text) | {"location": f"doc{number}.txt"})
    content = dump({"metadata": {}, "assets": {"documents": documents}})
    (tmp_path / "labels.json").write_text(content, encoding="utf-8")
    assert entities(read_corpus(tmp_path)) == ENTITIES
    assert without_sides(tmp_path.iterdir()) == [tmp_path / "labels.json"]
    # Column files are data, whatever names them.
    (tmp_path / "labels.json").write_text('["doc0.txt"]')
    (tmp_path / "doc0.txt").write_text("Oslo B-LOC\nis O\n")
    assert tmp_path / "doc0.txt" in [source.path for source in data_files(tmp_path)]


def test_one_text_does_not_decide(tmp_path):
    """Entities that cover all of a text are not tokens, and the word O is not a tag."""
    entity = {"text": "Oslo", "start": 0, "end": 4, "entityLabel": "LOC"}
    covered = [entity, {**entity, "text": "Ann", "start": 5, "end": 8, "entityLabel": "PER"}]
    records = [
        {"document": "Oslo Ann", "tokens": covered},
        {"document": "Oslo is far.", "tokens": [entity]},
    ]
    docs = read(tmp_path, dump(records), "x.json")[1]
    assert entities(docs) == [("Oslo", "LOC"), ("Ann", "PER"), ("Oslo", "LOC")]
    records = [
        {"text": text, "tokens": [{"text": text, "start": 0, "end": len(text)}], "spans": spans}
        for text, spans in (("Ann", [{"start": 0, "end": 3, "label": "PER"}]), ("O", []))
    ]
    assert entities(read(tmp_path, lines(records))[1]) == [("Ann", "PER")]
    table = 'text,spans\n"Ann Lee left.","[[0, 7, ""PER""]]"\n-,[]\n'
    assert entities(read(tmp_path, table, "x.csv")[1]) == [("Ann Lee", "PER")]
