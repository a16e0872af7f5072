"""The JSON formats of tools, written from texts with entities."""

import json
import re
from collections.abc import Callable, Sequence

# A text, and start, end and label of its entities.
Text = tuple[str, Sequence[tuple[int, int, str]]]
Texts = Sequence[Text]


def dump(value: object, **settings) -> str:
    return json.dumps(value, ensure_ascii=False, **settings)


def lines(records: Sequence[object]) -> str:
    return "".join(dump(record) + "\n" for record in records)


def spans(text: Text, make: Callable) -> list:
    """text (Text): A text.
    make (Callable): Gets start, end and label of an entity, and its text.
    RETURNS (list): What was made of its entities."""
    return [make(start, end, label, text[0][start:end]) for start, end, label in text[1]]


def objects(text: Text) -> list[dict]:
    return spans(text, lambda s, e, label, _: {"start": s, "end": e, "label": label})


def triples(text: Text) -> list[list]:
    return spans(text, lambda s, e, label, _: [s, e, label])


def tokens(text: Text) -> list[tuple[str, int, int]]:
    return [(m.group(), m.start(), m.end()) for m in re.finditer(r"\w+|[^\w\s]", text[0])]


def words(text: Text) -> list[str]:
    return [word for word, _, _ in tokens(text)]


def word_spans(text: Text) -> list[tuple[int, int, str]]:
    """RETURNS (list): The entities, with indices of words."""
    starts = {start: i for i, (_, start, _) in enumerate(tokens(text))}
    ends = {end: i + 1 for i, (_, _, end) in enumerate(tokens(text))}
    return [(starts[s], ends[e], label) for s, e, label in text[1]]


def tags(text: Text) -> list[str]:
    found = ["O"] * len(words(text))
    for start, end, label in word_spans(text):
        found[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return found


def biluo(text: Text) -> list[str]:
    found = ["O"] * len(words(text))
    for start, end, label in word_spans(text):
        inside = [f"B-{label}", *[f"I-{label}"] * (end - start - 2), f"L-{label}"]
        found[start:end] = [f"U-{label}"] if end - start == 1 else inside
    return found


def each(make: Callable[[Text], object]) -> Callable[[Texts], str]:
    """Writes one record per line."""
    return lambda texts: lines([make(text) for text in texts])


def listed(make: Callable[[Text], object]) -> Callable[[Texts], str]:
    """Writes an array of records."""
    return lambda texts: dump([make(text) for text in texts], indent=1)


def within(*fields: str, **others) -> Callable:
    """Writes an array in fields of an object."""

    def wrap(make: Callable[[Text], object]) -> Callable[[Texts], str]:
        def write(texts: Texts) -> str:
            value: object = [make(text) for text in texts]
            for field in reversed(fields):
                value = {**others, field: value}
            return dump(value)

        return write

    return wrap


# Label Studio
def region(start: int, end: int, label: str, said: str, kind: str = "labels") -> dict:
    value = {"start": start, "end": end, "text": said, kind: [label]}
    return {"value": value, "id": "r", "from_name": "label", "to_name": "text", "type": kind}


def task(text: Text, **annotation) -> dict:
    result = [
        {"value": {"choices": ["news"]}, "type": "choices", "from_name": "c", "to_name": "text"},
        *spans(text, region),
        {"from_id": "r", "to_id": "r", "type": "relation", "direction": "right"},
    ]
    wrong = [region(0, 2, "WRONG", text[0][:2])]
    return {
        "id": 1,
        "data": {"text": text[0]},
        "annotations": [
            {"id": 1, "result": wrong, "updated_at": "2024-01-01", "was_cancelled": False},
            {"id": 2, "result": result, "updated_at": "2024-02-01", "was_cancelled": False}
            | annotation,
            {"id": 3, "result": wrong, "updated_at": "2024-03-01", "was_cancelled": True},
        ],
        "drafts": [{"result": wrong}],
        "predictions": [{"result": wrong, "score": 0.9}],
    }


def short_task(text: Text) -> dict:
    found = spans(text, lambda s, e, label, said: region(s, e, label, said)["value"])
    # A task without entities has no field for them.
    return {"text": text[0], "id": hash(text[0]), "annotation_id": 1, "annotator": 1} | (
        {"label": found} if found else {}
    )


def dialogue(text: Text) -> dict:
    def turn(start, end, label, said):
        value = {"start": "1", "end": "1", "startOffset": start, "endOffset": end, "text": said}
        return {"value": value | {"paragraphlabels": [label]}, "type": "paragraphlabels"}

    turns = [{"author": "a", "text": "Hello."}, {"author": "b", "text": text[0]}]
    return {"id": 1, "data": {"talk": turns}, "annotations": [{"result": spans(text, turn)}]}


def html(text: Text) -> dict:
    def within_html(start, end, label, said):
        value = {"start": "/text()[1]", "end": "/text()[1]", "text": said}
        offsets = {"globalOffsets": {"start": start, "end": end}, "hypertextlabels": [label]}
        return {"value": value | offsets, "type": "hypertextlabels"}

    return {"data": {"page": text[0]}, "annotations": [{"result": spans(text, within_html)}]}


# Others
def kili(text: Text) -> dict:
    def annotation(start, end, label, said):
        return {"beginOffset": start, "content": said, "categories": [{"name": label}]}

    def label(kind, annotations):
        response = {"JOB_0": {"annotations": annotations}}
        return {"labelType": kind, "createdAt": "2024", "jsonResponse": response}

    wrong = [annotation(0, 2, "WRONG", text[0][:2])]
    labels = [label("PREDICTION", wrong), label("DEFAULT", spans(text, annotation))]
    return {"id": "a", "content": text[0], "labels": labels}


def labelbox(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"name": n, "location": {"start": s, "end": e}})
    label = {"label_kind": "Default", "annotations": {"objects": found, "classifications": []}}
    row = {"id": "1", "row_data": text[0]}
    return {"data_row": row, "projects": {"p": {"name": "x", "labels": [label]}}}


def labelbox_1(text: Text) -> dict:
    found = spans(
        text, lambda s, e, n, _: {"title": n, "data": {"location": {"start": s, "end": e}}}
    )
    return {"ID": "1", "Labeled Data": text[0], "Label": {"objects": found}}


def sagemaker(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"startOffset": s, "endOffset": e, "label": n})
    job = {"annotations": {"entities": found, "labels": [{"label": "PER"}]}}
    more = {"entities": [{"confidence": 0.0}], "job-name": "labeling-job/" + 80 * "x"}
    return {"source": text[0], "my-job": job, "my-job-metadata": more | {"human-annotated": "yes"}}


def automl(text: Text) -> dict:
    found = spans(
        text,
        lambda s, e, n, _: {
            # Zeros are left out.
            "textExtraction": {"textSegment": ({"startOffset": s} if s else {}) | {"endOffset": e}},
            "displayName": n,
        },
    )
    return {"annotations": found, "textSnippet": {"content": text[0]}}


def vertex(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"startOffset": s, "endOffset": e, "displayName": n})
    resource = {"aiplatform.googleapis.com/ml_use": "training"}
    return {
        "textSegmentAnnotations": found,
        "textContent": text[0],
        "dataItemResourceLabels": resource,
    }


def ubiai(text: Text) -> dict:
    found = spans(
        text, lambda s, e, n, said: {"text": said, "start": s, "end": e, "entityLabel": n}
    )
    return {"documentName": "a.txt", "document": text[0], "tokens": found, "relations": []}


def lighttag(text: Text) -> dict:
    found = spans(
        text,
        lambda s, e, n, said: {
            "start": s,
            "end": e,
            "value": said,
            "tag": n,
            "tag_id": "4f",
            "annotated_by": [{"annotator": "ann", "annotator_id": 1}],
        },
    )
    return {"example_id": "1", "content": text[0], "annotations": found, "classifications": []}


def dataturks(text: Text) -> dict:
    def annotation(start, end, label, said):
        return {"label": [label], "points": [{"start": start, "end": end - 1, "text": said}]}

    return {"content": text[0], "annotation": spans(text, annotation) or None, "extras": None}


def azure(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"category": n, "offset": s, "length": e - s})
    region = {"regionOffset": 0, "regionLength": len(text[0]), "labels": found}
    return {"location": "file.txt", "language": "en", "dataset": "Train", "entities": [region]}


def rasa(text: Text) -> dict:
    found = spans(text, lambda s, e, n, said: {"start": s, "end": e, "value": said, "entity": n})
    return {"text": text[0], "intent": "inform", "entities": found}


def luis(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"entity": n, "startPos": s, "endPos": e - 1})
    return {"text": text[0], "intent": "None", "entities": found}


def cluener(text: Text) -> dict:
    found: dict = {}
    for start, end, label in text[1]:
        places = found.setdefault(label, {}).setdefault(text[0][start:end], [])
        places.append([start, end - 1])
    return {"text": text[0], "label": found}


def by_label(text: Text) -> dict:
    found: dict = {}
    for start, end, label in text[1]:
        found.setdefault(label, []).append({"indices": [start, end]})
    return {"text": text[0], "entities": found}


def pubannotation(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"id": "T1", "span": {"begin": s, "end": e}, "obj": n})
    return {"text": text[0], "sourcedb": "PMC", "denotations": found}


def bioc(texts: Texts) -> str:
    passages, offset = [], 3
    for text in texts:
        found = spans(
            text,
            lambda s, e, n, said: {
                "infons": {"type": n, "identifier": "MESH:1"},
                "text": said,
                "locations": [{"offset": offset + s, "length": e - s}],  # noqa: B023
            },
        )
        passages.append({"offset": offset, "infons": {}, "text": text[0], "annotations": found})
        offset += len(text[0]) + 1
    return dump({"source": "x", "documents": [{"id": "1", "passages": passages}]})


def flair(text: Text) -> dict:
    found = spans(
        text,
        lambda s, e, n, said: {
            "text": said,
            "start_pos": s,
            "end_pos": e,
            "labels": [{"value": n, "confidence": 0.9}],
        },
    )
    return {"text": text[0], "labels": [], "entities": found}


def argilla_1(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: [n, s, e])
    return {
        "text": text[0],
        "tokens": words(text),
        "prediction": [["WRONG", 0, 2, 0.4]],
        "annotation": found,
        "status": "Validated",
    }


def argilla_2(text: Text) -> dict:
    wrong = [{"start": 0, "end": 2, "label": "WRONG"}]
    return {"text": text[0], "ner.responses": [objects(text)], "ner.suggestion": wrong}


def bigbio(text: Text) -> dict:
    found = spans(text, lambda s, e, n, said: {"type": n, "text": [said], "offsets": [[s, e]]})
    return {"document_id": text[0], "text": text[0], "entities": found}


def superannotate(text: Text) -> dict:
    found = spans(
        text,
        lambda s, e, n, _: {"type": "entity", "start": s, "end": e, "classId": 3, "className": n},
    )
    return {"metadata": {"name": "a"}, "text": text[0], "instances": found, "tags": []}


def gate(text: Text) -> dict:
    found = spans(text, lambda s, e, n, _: {"type": n, "start": s, "end": e, "features": {}})
    sets = {"": {"name": "", "annotations": found, "next_annid": 9}}
    return {"annotation_sets": sets, "text": text[0], "offset_type": "p"}


def pieces(text: Text) -> dict:
    """The output of transformers' pipeline: wordpieces with tags."""
    found = []
    for start, end, label in text[1]:
        for match in re.finditer(r"\w{1,4}", text[0][start:end]):
            prefix = "I" if match.start() else "B"
            found.append(
                {
                    "entity": f"{prefix}-{label}",
                    "score": 0.9,
                    "word": match.group(),
                    "start": start + match.start(),
                    "end": start + match.end(),
                }
            )
    return {"text": text[0], "entities": found}


def token_objects(text: Text) -> list[dict]:
    """A sentence of Stanza."""
    return [
        {"id": i, "text": word, "upos": "X", "start_char": start, "end_char": end, "ner": tag}
        for i, ((word, start, end), tag) in enumerate(zip(tokens(text), biluo(text)), start=1)
    ]


def spacy_2(texts: Texts) -> str:
    paragraphs = [
        {
            "raw": text[0],
            "sentences": [
                {
                    "tokens": [
                        {"id": i, "orth": word, "tag": "-", "head": 0, "dep": "", "ner": tag}
                        for i, (word, tag) in enumerate(zip(words(text), biluo(text)))
                    ],
                    "brackets": [],
                }
            ],
            "cats": [],
        }
        for text in texts
    ]
    return dump([{"id": 0, "paragraphs": paragraphs}], indent=1)


def train_data(texts: Texts) -> str:
    pairs = [(text, {"entities": [tuple(span) for span in found]}) for text, found in texts]
    return f"import spacy\n\nLABELS = ['PER']\nTRAIN_DATA = {pairs!r}\n"


def dygie(texts: Texts) -> str:
    found, offset = [], 0
    for text in texts:
        found.append([[offset + s, offset + e - 1, label] for s, e, label in word_spans(text)])
        offset += len(words(text))
    return lines([{"doc_key": "a", "sentences": [words(text) for text in texts], "ner": found}])


def docred(texts: Texts) -> str:
    vertices = [
        [{"name": "x", "sent_id": i, "pos": [s, e], "type": label}]
        for i, text in enumerate(texts)
        for s, e, label in word_spans(text)
    ]
    return dump([{"title": "a", "sents": [words(text) for text in texts], "vertexSet": vertices}])


# name: the name of the file, and the function that writes it
TOOLS: dict[str, tuple[str, Callable[[Texts], str]]] = {
    "label-studio": ("x.json", listed(task)),
    "label-studio-completions": (
        "x.json",
        listed(lambda t: {"data": {"text": t[0]}, "completions": task(t)["annotations"]}),
    ),
    "label-studio-min": ("x.json", listed(short_task)),
    "label-studio-dialogue": ("x.json", listed(dialogue)),
    "label-studio-html": ("x.json", listed(html)),
    "label-studio-other-field": (
        "x.json",
        listed(lambda t: task(t) | {"data": {"title": 90 * "some title ", "body": t[0]}}),
    ),
    "ner-annotator": (
        "x.json",
        lambda texts: dump(
            {
                "classes": ["PER"],
                "annotations": [None, *([t[0], {"entities": triples(t)}] for t in texts), None],
            }
        ),
    ),
    "doccano-old": ("x.json1", each(lambda t: {"text": t[0], "labels": triples(t)})),
    "doccano-relations": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "entities": spans(
                    t, lambda s, e, n, _: {"id": 1, "label": n, "start_offset": s, "end_offset": e}
                ),
                "relations": [],
            }
        ),
    ),
    "vertex": ("x.jsonl", each(vertex)),
    "automl": ("x.jsonl", each(automl)),
    "ubiai": ("x.json", listed(ubiai)),
    "lighttag": ("x.json", within("examples", relations=[], schema={"tags": []})(lighttag)),
    "sagemaker": ("output.manifest", each(sagemaker)),
    "dataturks": ("x.json", each(dataturks)),
    "kili": ("x.json", listed(kili)),
    "labelbox": ("x.ndjson", each(labelbox)),
    "labelbox-1": ("x.json", listed(labelbox_1)),
    "rasa": ("x.json", within("rasa_nlu_data", "common_examples", regex_features=[])(rasa)),
    "cluener": ("x.json", each(cluener)),
    "by-label": ("x.jsonl", each(by_label)),
    "pubannotation": ("x.json", listed(pubannotation)),
    "bioc": ("x.json", bioc),
    "flair": ("x.json", listed(flair)),
    "argilla-1": ("x.jsonl", each(argilla_1)),
    "argilla-2": ("x.jsonl", each(argilla_2)),
    "brat-json": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "entities": spans(t, lambda s, e, n, _: ["T1", n, [[s, e]]]),
            }
        ),
    ),
    "bigbio": ("x.jsonl", each(bigbio)),
    "superannotate": ("x.json", listed(superannotate)),
    "gate": ("x.json", listed(gate)),
    "pipeline": ("x.jsonl", each(pieces)),
    "spacy-2": ("x.json", spacy_2),
    "python": ("x.py", train_data),
    "python-tuples": ("x.txt", lambda texts: repr([(t, list(map(tuple, s))) for t, s in texts])),
    "python-pairs": (
        "x.txt",
        lambda texts: "".join(f"({t!r}, {{'entities': {list(s)!r}}}),\n" for t, s in texts),
    ),
    "python-dicts": (
        "x.jsonl",
        lambda texts: "".join(f"{ {'text': t[0], 'spans': objects(t)}!r}\n" for t in texts),
    ),
    "python-append": (
        "x.py",
        lambda texts: "D = []\n"
        + "".join(f"D += [({t!r}, {{'entities': {list(s)!r}}})]\n" for t, s in texts),
    ),
    "python-sets": (
        "x.py",
        lambda texts: "D = ["
        + ",".join(f"({t!r}, {{'entities': {set(map(tuple, s)) or []!r}}})" for t, s in texts)
        + "]",
    ),
    "columns": (
        "x.json",
        lambda texts: dump(
            {"tokens": [words(t) for t in texts], "ner_tags": [tags(t) for t in texts]}
        ),
    ),
    "columns-of-text": (
        "x.json",
        lambda texts: dump({"text": [t[0] for t in texts], "entities": [triples(t) for t in texts]}),
    ),
    "columns-numbered": (
        "x.json",
        lambda texts: dump(
            {
                "text": {str(i): t[0] for i, t in enumerate(texts)},
                "label": {str(i): triples(t) for i, t in enumerate(texts)},
            }
        ),
    ),
    "pandas-split": (
        "x.json",
        lambda texts: dump(
            {"columns": ["text", "label"], "index": [0], "data": [[t[0], triples(t)] for t in texts]}
        ),
    ),
    "dataset-viewer": (
        "x.json",
        within("rows", features=[])(
            lambda t: {"row_idx": 0, "row": {"tokens": words(t), "ner_tags": tags(t)}}
        ),
    ),
    "gliner": (
        "x.json",
        listed(
            lambda t: {
                "tokenized_text": words(t),
                "ner": [[s, e - 1, label] for s, e, label in word_spans(t)],
            }
        ),
    ),
    "spert": (
        "x.json",
        listed(
            lambda t: {
                "tokens": words(t),
                "entities": [{"type": n, "start": s, "end": e} for s, e, n in word_spans(t)],
                "relations": [],
            }
        ),
    ),
    "spert-with-text": (
        "x.json",
        listed(
            lambda t: {
                "text": t[0],
                "tokens": words(t),
                "entities": [{"type": n, "start": s, "end": e} for s, e, n in word_spans(t)],
            }
        ),
    ),
    "dygie": ("x.jsonl", dygie),
    "docred": ("x.json", docred),
    "w2ner": (
        "x.json",
        listed(
            lambda t: {
                "sentence": words(t),
                "ner": [{"index": [*range(s, e)], "type": n} for s, e, n in word_spans(t)],
            }
        ),
    ),
    "stanza": ("x.json", listed(token_objects)),
    "pairs": ("x.json", listed(lambda t: [[*pair] for pair in zip(words(t), tags(t))])),
    "two-lists": ("x.json", listed(lambda t: [words(t), tags(t)])),
    "lists-as-text": (
        "x.jsonl",
        each(lambda t: {"tokens": " ".join(words(t)), "ner_tags": " ".join(tags(t))}),
    ),
    "other-fields-of-tokens": (
        "x.jsonl",
        each(lambda t: {"sentence": words(t), "pos": ["X"] * len(words(t)), "bio": tags(t)}),
    ),
    "tags-of-words-first": (
        "x.jsonl",
        each(lambda t: {"tokens": words(t), "tags": ["NN"] * len(words(t)), "ner": tags(t)}),
    ),
    "records-by-name": (
        "x.json",
        lambda texts: dump(
            {f"d{i}": {"text": t[0], "label": triples(t)} for i, t in enumerate(texts)}
        ),
    ),
    "nested": (
        "x.jsonl",
        each(lambda t: {"doc": {"id": 1, "text": t[0]}, "annotations": {"ner": triples(t)}}),
    ),
    "sentences-of-documents": (
        "x.json",
        lambda texts: dump(
            [
                {"id": i, "sentences": [{"text": t[0], "entities": objects(t)} for t in part]}
                for i, part in enumerate((texts[:2], texts[2:]))
            ]
        ),
    ),
    "other-names": (
        "x.jsonl",
        each(
            lambda t: {
                "inhalt": t[0],
                "einträge": spans(t, lambda s, e, n, _: {"start": s, "end": e, "typ": n}),
            }
        ),
    ),
    "first-without-entities": (
        "x.jsonl",
        lambda texts: lines(
            [{"body": t[0], "marks": objects(t)} for t in sorted(texts, key=lambda t: bool(t[1]))]
        ),
    ),
    "offsets-as-text": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "label": spans(t, lambda s, e, n, _: {"start": str(s), "end": f"{e}", "label": n}),
            }
        ),
    ),
    "offsets-as-fractions": (
        "x.jsonl",
        each(lambda t: {"text": t[0], "label": [[float(s), float(e), n] for s, e, n in t[1]]}),
    ),
    "lists-in-text": ("x.jsonl", each(lambda t: {"text": t[0], "label": dump(objects(t))})),
    "nulls": ("x.jsonl", each(lambda t: {"text": t[0], "label": [*triples(t), None]})),
    "label-objects": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "entities": spans(
                    t, lambda s, e, n, _: {"start": s, "end": e, "label": {"id": 3, "name": n}}
                ),
            }
        ),
    ),
    "label-lists": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "spans": spans(t, lambda s, e, n, _: {"start": s, "end": e, "labels": [n]}),
            }
        ),
    ),
    "lengths": (
        "x.jsonl",
        each(
            lambda t: {
                "text": t[0],
                "entities": spans(
                    t,
                    lambda s, e, n, said: {
                        "offset": s, "length": e - s, "category": n, "text": said
                    },
                ),
            }
        ),
    ),
    **{
        f"list-{'-'.join(order)}": (
            "x.jsonl",
            each(
                lambda t, order=order: {
                    "text": t[0],
                    "entities": spans(
                        t,
                        lambda s, e, n, said: [
                            {"start": s, "end": e, "label": n, "said": said}[part] for part in order
                        ],
                    ),
                }
            ),
        )
        for order in (
            ("label", "start", "end"),
            ("said", "start", "end", "label"),
            ("start", "end", "said", "label"),
            ("said", "label", "start", "end"),
            ("label", "start", "end", "said"),
        )
    },
    "both-equal": (
        "x.jsonl",
        each(lambda t: {"text": t[0], "ents": objects(t), "spans": objects(t)}),
    ),
}  # fmt: skip
