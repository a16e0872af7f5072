"""Small corpora in every format, for the tests of the readers."""

import csv
import gzip
import html
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.documents import Document, Sentence, Span
from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.corpus.tags import write_tags

from .tools import TOOLS

# The first sentence is normal, so that formats can be detected. The other ones are odd.
OPENING = Sentence(
    ("Ann", "Lee", "said", "it", "had", "rained", "in", "Oslo", "all", "day", "."),
    (Span(0, 2, "PER"), Span(7, 8, "LOC")),
    range(1, 12),
)
WORDS = [
    "a", "Ann", "#", "#x", "1", "2.5", "-", "--", "O", "B-PER", "[", "{", '"', "'s", "n't", "É",
    "a\u00a0b", "\ufe0f", "\u200b", "x\u2028y", "_", "|", "=", "(", "...", "straße", "日本", "\U0001f600",
]  # fmt: skip
LABELS = ["PER", "LOC", "ORGpart", "a_b-c", "Ä"]


@st.composite
def sentences(draw) -> Sentence:
    words = tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)))
    spans, position = [], 0
    while position < len(words):
        end = draw(st.integers(position + 1, len(words)))
        if draw(st.booleans()):
            spans.append(Span(position, end, draw(st.sampled_from(LABELS))))
        position = end
    return Sentence(words, tuple(spans), range(1, len(words) + 1))


@st.composite
def corpora(draw) -> list[Document]:
    rest = draw(st.lists(st.lists(sentences(), min_size=1, max_size=3), max_size=3))
    return [Document((OPENING,), ""), *(Document(tuple(s), "") for s in rest)]


def tags(sentence: Sentence, scheme: str) -> list[str]:
    spans = [(s.start, s.end, s.label) for s in sentence.entities]
    return write_tags(len(sentence.words), spans, scheme)


def rows(
    documents, row: Callable[..., str], scheme="IOB2", mark="", before="", between="\n"
) -> str:
    text = ""
    for document in documents:
        text += mark
        for sentence in document.sentences:
            text += before
            for i, (word, tag) in enumerate(zip(sentence.words, tags(sentence, scheme))):
                text += row(i + 1, word, tag) + "\n"
            text += between
    return text


def doc_of(document: Document) -> Doc:
    return to_doc(document, DocMaker("en"))


def records(documents, make: Callable[[Doc], object]) -> str:
    return "".join(json.dumps(make(doc_of(d)), ensure_ascii=False) + "\n" for d in documents)


def offsets(doc: Doc) -> list[list]:
    return [[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents]


def token_records(documents, scheme="IOB2", names=None, **more) -> list[dict]:
    return [
        {
            "tokens": list(s.words),
            "ner_tags": [t if names is None else names.index(t) for t in tags(s, scheme)],
            "doc_id": i,
        }
        for i, d in enumerate(documents)
        for s in d.sentences
    ]


NAMES = ["O", *(f"{p}-{label}" for label in LABELS for p in "BI")]

# What a format keeps, in addition to entities: words, sentences and documents; words and
# sentences; or the text.
WHOLE, SENTENCES, TEXT = "documents", "sentences", "text"


def _text(name: str, text: str, encoding: str = "utf-8") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(text.encode(encoding))
        return folder / name

    return write


def _columns(row: Callable[..., str], scheme: str = "IOB2", **options):
    return lambda docs: _text("file.conll", rows(docs, row, scheme, **options))


def _headed(head: str, row: Callable[..., str], **options):
    """Columns with a header."""
    return lambda docs: _text("file.tsv", head + rows(docs, row, **options))


def _identified(once: bool):
    """Columns with sentence identifiers and no blank lines, as in Kaggle's ner_dataset."""

    def make(docs):
        text, sentences = "Sentence #\tWord\tTag\n", [s for d in docs for s in d.sentences]
        for n, sentence in enumerate(sentences):
            for i, (word, tag) in enumerate(zip(sentence.words, tags(sentence, "IOB2"))):
                text += f"{'' if once and i else f'Sentence: {n}'}\t{word}\t{tag}\n"
        return _text("file.tsv", text)

    return make


def _tool(name: str):
    def make(docs):
        found = [doc_of(d) for d in docs]
        file, write = TOOLS[name]
        return _text(file, write([(doc.text, [*map(tuple, offsets(doc))]) for doc in found]))

    return make


def _hipe(docs):
    text = "TOKEN\tNE-COARSE-LIT\tNE-FINE-LIT\tMISC\n"
    for n, document in enumerate(docs):
        text += f"# language = en\n# document_id = {n}\n"
        for sentence in document.sentences:
            last = len(sentence.words) - 1
            for i, (word, tag) in enumerate(zip(sentence.words, tags(sentence, "IOB2"))):
                text += f"{word}\t{tag}\tO\t{'EndOfSentence' if i == last else '_'}\n"
    return _text("file.tsv", text)


def _conll_2012(docs):
    text = ""
    for n, document in enumerate(docs):
        text += f"#begin document (x/{n}); part 000\n"
        for sentence in document.sentences:
            cells = ["*"] * len(sentence.words)
            for span in sentence.entities:
                cells[span.end - 1] += ")"
                cells[span.start] = f"({span.label}{cells[span.start]}"
            for i, (word, cell) in enumerate(zip(sentence.words, cells)):
                text += f"x/{n} 0 {i} {word} NN (NP*) - - - - {cell} {'* ' * (n % 2)}-\n"
            text += "\n"
        text += "#end document\n"
    return _text("file.gold_conll", text)


def _spans(sentence: Sentence, last: int) -> list[list]:
    return [[s.start, s.end - last, s.label] for s in sentence.entities]


# Records of words with their entities
TOKEN_TOOLS = {
    "gliner": lambda s: {"tokenized_text": s.words, "ner": _spans(s, 1)},
    "spert": lambda s: {"tokens": s.words, "entities": _spans(s, 0)},
    "stanza": lambda s: [{"text": w, "ner": t} for w, t in zip(s.words, tags(s, "BIOES"))],
    "pairs": lambda s: [[w, t] for w, t in zip(s.words, tags(s, "IOB2"))],
}


def _tokens_of_tool(make):
    return lambda docs: _text("x.json", json.dumps([make(s) for d in docs for s in d.sentences]))


def _brat(docs):
    def write(folder: Path) -> Path:
        for i, d in enumerate(docs):
            doc = doc_of(d)
            (folder / f"{i}.txt").write_text(doc.text, encoding="utf-8", newline="\n")
            lines = [
                f"T{j}\t{e.label_} {e.start_char} {e.end_char}\t{' '.join(e.text.split())}\n"
                for j, e in enumerate(doc.ents)
            ]
            (folder / f"{i}.ann").write_text("".join(lines) + "R1\tx Arg1:T0\n", encoding="utf-8")
        return folder

    return write


def _spacy(docs):
    def write(folder: Path) -> Path:
        DocBin(docs=[doc_of(d) for d in docs]).to_disk(folder / "file.spacy")
        return folder / "file.spacy"

    return write


def _exported(name: str, scheme: str = "IOB2"):
    def make(docs):
        def write(folder: Path) -> Path:
            export([doc_of(d) for d in docs], folder / name, scheme)
            return folder / name

        return write

    return make


def _gzipped(make):
    def zipped(docs):
        def write(folder: Path) -> Path:
            path = make(docs)(folder)
            path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            return path

        return write

    return zipped


def _with_labels(docs):
    def write(folder: Path) -> Path:
        (folder / "labels.json").write_text(json.dumps(NAMES), encoding="utf-8")
        path = folder / "file.json"
        path.write_text(json.dumps(token_records(docs, names=NAMES), indent=1), encoding="utf-8")
        return path

    return write


def arrow_table(docs):
    """A table as written by datasets, with the names of the tags in the metadata."""
    import pyarrow

    feature = {"feature": {"names": NAMES, "_type": "ClassLabel"}, "_type": "Sequence"}
    info = {"info": {"features": {"ner_tags": feature}}}
    table = pyarrow.Table.from_pylist(token_records(docs, names=NAMES))
    return table.replace_schema_metadata({"huggingface": json.dumps(info)}), feature


def _parquet(docs):
    def write(folder: Path) -> Path:
        import pyarrow.parquet

        pyarrow.parquet.write_table(arrow_table(docs)[0], folder / "file.parquet")
        return folder / "file.parquet"

    return write


def _datasets(docs):
    def write(folder: Path) -> Path:
        import pyarrow

        table, feature = arrow_table(docs)
        name = "data-00000-of-00001.arrow"
        with pyarrow.OSFile(str(folder / name), "wb") as file:
            with pyarrow.ipc.new_stream(file, table.schema) as stream:
                stream.write_table(table)
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        info = {"features": {"ner_tags": feature}}
        (folder / "dataset_info.json").write_text(json.dumps(info))
        return folder

    return write


def _csv(docs, titles, make: Callable[[int, Doc, Document], list], delimiter: str = ","):
    rows = [row for i, d in enumerate(docs) for row in make(i, doc_of(d), d)]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([titles, *rows])
    return _text("x.csv", file.getvalue())


def _text_rows(i, doc, document):
    return [(doc.text, json.dumps(offsets(doc)))]


def _entity_rows(i, doc, document):
    return [(i, doc.text, *span) for span in offsets(doc) or [("", "", "")]]


def _token_rows(i, doc, document):
    return [(json.dumps(s.words), json.dumps(tags(s, "IOB2")), i) for s in document.sentences]


def _comprehend(docs):
    def write(folder: Path) -> Path:
        made = [doc_of(d) for d in docs]
        (folder / "x.txt").write_text("".join(f"{d.text}\n" for d in made), encoding="utf-8")
        lines = ["File,Line,Begin Offset,End Offset,Type\n"]
        lines += [
            f"x.txt,{i},{start},{end},{label}\n"
            for i, d in enumerate(made)
            for start, end, label in offsets(d)
        ]
        (folder / "x.csv").write_text("".join(lines), encoding="utf-8")
        return folder

    return write


def _webanno(docs):
    lines = ["#FORMAT=WebAnno TSV 3.3", "#T_SP=x.NamedEntity|identifier|value", ""]
    offset = number = sentences = 0
    for document in docs:
        for sentence in document.sentences:
            sentences += 1
            cells = ["*\t_"] * len(sentence.words)
            for span in sentence.entities:
                number += 1
                label = re.sub(r"([\\\[\]|_*;])", r"\\\1", span.label)
                for i in range(span.start, span.end):
                    cells[i] = f"*[{number}]\t{label}[{number}]"
            for i, (word, cell) in enumerate(zip(sentence.words, cells), start=1):
                end = offset + len(word.encode("utf-16-le")) // 2
                lines.append(f"{sentences}-{i}\t{offset}-{end}\t{word}\t{cell}\t")
                offset = end + 1
            lines.append("")
    return _text("x.tsv", "\n".join(lines))


def _pubtator(numbered):
    i, document = numbered
    doc = doc_of(document)
    rows = [f"{i}\t{e.start_char}\t{e.end_char}\t{e.text}\t{e.label_}\n" for e in doc.ents]
    return f"{i}|t|{doc.text}\n{''.join(rows)}\n"


def _tagged_lines(document):
    lines = [
        " ".join(f"{word}|{tag}" for word, tag in zip(s.words, tags(s, "IOB2")))
        for s in document.sentences
    ]
    return "\n".join([*lines, ""])


def _opennlp(document):
    lines = []
    for sentence in document.sentences:
        words = list(sentence.words)
        for span in sentence.entities:
            words[span.start] = f"<START:{span.label}> {words[span.start]}"
            words[span.end - 1] += " <END>"
        lines.append(" ".join(words))
    return "\n".join([*lines, ""])


def _marked(document, mark: Callable[[str, str], str], escape=str) -> str:
    doc, text, last = doc_of(document), "", 0
    for ent in doc.ents:
        text += escape(doc.text[last : ent.start_char]) + mark(escape(ent.text), ent.label_)
        last = ent.end_char
    return f"{text}{escape(doc.text[last:])}\n"


def _xml(document):
    return _marked(document, lambda text, label: f"<{label}>{text}</{label}>", html.escape)


def _markdown(document):
    return _marked(document, lambda text, label: f"[{text}]({label})")


def _in_words(i, word, tag):
    return f"{word} {tag}"


def _in_tabs(i, word, tag):
    return f"{word}\t{tag}"


DOCSTART = "-DOCSTART- -X- O O\n\n"
MARK = "-DOCSTART-\tO\n\n"
QUOTE = '"'
UNDERSCORES = "\t".join("_" * 7)
# name: what the format keeps, and the function that writes it
FORMATS: dict[str, tuple[str, Callable]] = {
    **{
        f"columns-{scheme}": (WHOLE, _columns(_in_tabs, scheme, mark=MARK))
        for scheme in ("IOB1", "IOB2", "BIOES", "BILUO", "IOE1", "IOE2", "IO", "bare")
    },
    "columns-header": (WHOLE, _headed("Word\tTag\n", _in_tabs, mark=MARK)),
    "columns-pos": (SENTENCES, _headed("pos;tag;word\n", lambda i, w, t: f"NN;{t};{w}")),
    "columns-sentences": (SENTENCES, _identified(once=False)),
    "columns-kaggle": (SENTENCES, _identified(once=True)),
    "columns-commas": (
        WHOLE,
        _columns(lambda i, w, t: f'"{w.replace(QUOTE, 2 * QUOTE)}",{t}', mark="-DOCSTART-,O\n\n"),
    ),
    "columns-underscore": (
        WHOLE,
        _columns(lambda i, w, t: f"{w}\t{t.replace('-', '_', 1)}", mark=MARK),
    ),
    "columns-zero": (
        WHOLE,
        _columns(lambda i, w, t: f"{w} {'0' if t == 'O' else t}", mark="-DOCSTART-\n\n"),
    ),
    "hipe": (WHOLE, _hipe),
    "conll2012": (WHOLE, _conll_2012),
    "conll2003": (WHOLE, _columns(lambda i, w, t: f"{w} NNP I-NP {t}", "IOB1", mark=DOCSTART)),
    "conll2002": (SENTENCES, _columns(lambda i, w, t: f"{w} NP {t}", between=" \n\n\n")),
    "wnut17": (SENTENCES, _columns(_in_tabs, between="\t\n")),
    "germeval": (SENTENCES, _columns(lambda i, w, t: f"{i}\t{w}\t{t}\tO", before="#\tx [2009]\n")),
    "uner": (SENTENCES, _columns(lambda i, w, t: f"{i}\t{w}\t{t}\t-\t-", before="# sent_id = 1\n")),
    "multiconer": (
        SENTENCES,
        _columns(lambda i, w, t: f"{w} _ _ {t}", before="# id 1\tdomain=en\n"),
    ),
    "conllu": (
        WHOLE,
        _columns(lambda i, w, t: f"{i}\t{w}\t{UNDERSCORES}\tX=1|NE={t}", mark="# newdoc\n"),
    ),
    "conllu-column": (
        WHOLE,
        _columns(lambda i, w, t: f"{i}\t{w}\t{UNDERSCORES}\t_\t{t}", mark="# newdoc\n"),
    ),
    "conllu-plus": (WHOLE, _exported("file.conllup", "BIOES")),
    "exported": (WHOLE, _exported("file.iob", "IOB1")),
    "json": (WHOLE, _with_labels),
    "jsonl": (
        WHOLE,
        lambda docs: _text(
            "x.jsonl", "".join(json.dumps(r) + "\n" for r in token_records(docs, "BIOES"))
        ),
    ),
    "json-data": (
        WHOLE,
        lambda docs: _text("x.json", json.dumps({"version": "1", "data": token_records(docs)})),
    ),
    "spacy-jsonl": (
        TEXT,
        lambda docs: _text(
            "x.jsonl", records(docs, lambda d: {"text": d.text, "ents": d.to_json()["ents"]})
        ),
    ),
    "spacy-2": (
        TEXT,
        lambda docs: _text(
            "x.json", json.dumps([[d.text, {"entities": offsets(d)}] for d in map(doc_of, docs)])
        ),
    ),
    "doccano": (
        TEXT,
        lambda docs: _text(
            "x.jsonl", records(docs, lambda d: {"id": 1, "text": d.text, "label": offsets(d)})
        ),
    ),
    "prodigy": (WHOLE, _exported("file.jsonl")),
    # Formats of tools. Their texts are in tools.py, too.
    **{
        name: (TEXT, _tool(name))
        for name in (
            "label-studio",
            "label-studio-min",
            "vertex",
            "ubiai",
            "kili",
            "sagemaker",
            "lighttag",
            "pubannotation",
            "python",
            "columns-of-text",
            "by-label",
        )
    },
    **{name: (SENTENCES, _tokens_of_tool(make)) for name, make in TOKEN_TOOLS.items()},
    "brat": (TEXT, _brat),
    "spacy": (WHOLE, _spacy),
    "parquet": (WHOLE, _parquet),
    "datasets": (WHOLE, _datasets),
    "gzipped": (WHOLE, _gzipped(_columns(_in_tabs, mark=MARK))),
    "utf-16": (WHOLE, lambda docs: _text("x.tsv", rows(docs, _in_tabs, mark=MARK), "utf-16")),
    "bom": (WHOLE, lambda docs: _text("x.tsv", rows(docs, _in_tabs, mark=MARK), "utf-8-sig")),
    "crlf": (
        WHOLE,
        lambda docs: _text("x.tsv", rows(docs, _in_tabs, mark=MARK).replace("\n", "\r\n").rstrip()),
    ),
    "blanks": (WHOLE, lambda docs: _text("x.txt", rows(docs, _in_words, mark="-DOCSTART-\n"))),
}
# Tables, and formats of tools.
FORMATS |= {
    "csv-texts": (TEXT, lambda docs: _csv(docs, ("text", "spans"), _text_rows)),
    "csv-entities": (
        TEXT,
        lambda docs: _csv(docs, ("text_id", "text", "start", "end", "label"), _entity_rows, ";"),
    ),
    "csv-tokens": (WHOLE, lambda docs: _csv(docs, ("tokens", "tags", "document"), _token_rows)),
    "entity-table": (TEXT, _comprehend),
    "webanno": (SENTENCES, _webanno),
    "pubtator": (TEXT, lambda docs: _text("x.txt", "".join(map(_pubtator, enumerate(docs))))),
    "tagged-lines": (
        WHOLE,
        lambda docs: _text("x.iob", "\n".join(map(_tagged_lines, docs))),
    ),
    "opennlp": (WHOLE, lambda docs: _text("x.train", "\n".join(map(_opennlp, docs)))),
    "xml": (TEXT, lambda docs: _text("x.txt", "".join(map(_xml, docs)))),
}
# Formats that cannot have all words.
FUZZED = {
    "xml-documents": (
        TEXT,
        lambda docs: _text("x.xml", f"<x>\n{''.join(f'<doc>{_xml(d)}</doc>' for d in docs)}</x>"),
    ),
    "markdown": (TEXT, lambda docs: _text("x.txt", "".join(map(_markdown, docs)))),
    "rasa": (
        TEXT,
        lambda docs: _text("nlu.md", "## intent:x\n" + "".join(f"- {_markdown(d)}" for d in docs)),
    ),
    "rasa-yaml": (
        TEXT,
        lambda docs: _text(
            "nlu.yml",
            "nlu:\n- intent: x\n  examples: |\n" + "".join(f"    - {_markdown(d)}" for d in docs),
        ),
    ),
}
# These formats merge adjacent entities with the same label.
LOSSY = ("columns-IO", "columns-bare")


def example_corpus(seed: int) -> list[Document]:
    """A random corpus that only depends on the seed."""
    generator = random.Random(seed)
    documents = [Document((OPENING,), "")]
    for _ in range(3):
        found = []
        for _ in range(generator.randint(1, 3)):
            words = tuple(generator.choices(WORDS, k=generator.randint(1, 8)))
            end = generator.randint(1, len(words))
            found.append(
                Sentence(words, (Span(0, end, generator.choice(LABELS)),), range(len(words)))
            )
        documents.append(Document(tuple(found), ""))
    return documents
