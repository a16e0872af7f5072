"""The five texts of `exports` in columns as people have them: other headers, identifiers, tag
spellings, separators and document marks. Each file is read right, or refused with a remedy that
works."""

import re

import pytest

from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import DocMaker, to_doc
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.columns import ColumnFile
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.errors import InputError

from .exports import ENTITIES, TEXTS, entities

MAKER = DocMaker("en")


def tokenized(text):
    return re.findall(r"\w+|[^\w\s]", text)


def tagged(text, entities):
    words = tokenized(text)
    tags = ["O"] * len(words)
    for entity, label in entities:
        inside = tokenized(entity)
        n = len(inside)
        start = next(i for i in range(len(words)) if words[i : i + n] == inside)
        tags[start : start + n] = [f"B-{label}", *[f"I-{label}"] * (n - 1)]
    return words, tags


SENTENCES = [tagged(*text) for text in TEXTS]
WORDS = [words for words, _ in SENTENCES]
POS = {"left": "VBD", "The": "DT", "the": "DT", "It": "PRP", ".": "."}


def rows(row, head="", between="\n", before=lambda n: ""):
    """row (Callable): Makes a line of word, tag, number of the word in its sentence, number of the
    sentence, number of the word, and part of speech."""
    text, number = head, 0
    for n, (words, tags) in enumerate(SENTENCES, start=1):
        text += before(n)
        for i, (word, tag) in enumerate(zip(words, tags), start=1):
            number += 1
            pos = POS.get(word, "NNP" if word[0].isupper() else "NN")
            text += row(w=word, t=tag, i=i, n=n, row=number, pos=pos) + "\n"
        text += between
    return text


def spelled(tag, begin="B", inside="I", mark="-", outside="O"):
    return outside if tag == "O" else f"{begin if tag[0] == 'B' else inside}{mark}{tag[2:]}"


def bare(tag):
    return tag[2:] or "O"


def read(tmp_path, text, **options):
    path = tmp_path / "file.tsv"
    path.write_bytes(text.encode())
    reader = ColumnFile(Source.at(path), ReadOptions(**options))
    documents = list(reader)
    return reader, documents, [to_doc(document, MAKER) for document in documents]


def sentences(documents):
    return [list(s.words) for document in documents for s in document.sentences]


def messages(reader):
    return " / ".join(note.message for note in reader.notes())


two = lambda w, t, **_: f"{w}\t{t}"  # noqa: E731
HIPE = "TOKEN NE-COARSE-LIT NE-COARSE-METO NE-FINE-LIT NE-NESTED NEL-LIT MISC"


def hipe(end, spaces=True):
    def row(w, t, i, n, **_):
        flags = ["NoSpaceAfter"] * (WORDS[n - 1][i : i + 1] == ["."])
        flags += [end] * (i == len(WORDS[n - 1])) + ["EndOfLine"] * (i % 4 == 0)
        metonymy = "B-org" if w == "Nice" else "O"
        return (
            f"{w}\t{t}\t{metonymy}\t{t}\tO\t{'_' if t == 'O' else 'NIL'}\t{'|'.join(flags) or '_'}"
        )

    return row


HIPE_2022 = "TOKEN NE-COARSE-LIT NE-COARSE-METO NE-FINE-LIT NE-NESTED NEL-LIT SEG OCR MISC"


def hipe_2022(end, **word):
    """The end of a sentence in a column of its own."""
    *cells, flags = hipe(end)(**word).split("\t")
    others = "|".join(flag for flag in flags.split("|") if flag != end) or "_"
    return "\t".join((*cells, end if end in flags else "_", "_", others))


def hipe_comments(n):
    return f"# document_id = d{n // 3}\n" * (n in (1, 3)) + "# segment_iiif_link = _\n"


# name: file, and a part of the note that it gives, or "" for none
READ = {
    "header": (rows(two, "Word\tTag\n"), ""),
    "header after a byte order mark": (rows(two, "\ufeffWord\tTag\n").replace("\n", "\r\n"), ""),
    "header of bare labels": (rows(lambda w, t, **_: f"{w}\t{bare(t)}", "token\tlabel\n"), ""),
    "header with spaces": (rows(two, "Word Tag\n"), ""),
    "header in a comment": (rows(lambda w, t, pos, **_: f"{w}\t{t}\t{pos}", "# form\tner\tpos\n"), ""),
    "half a header": (rows(two, "mots\tetq\n"), "line was read as the names of the columns"),
    "header in another language": (rows(lambda w, t, pos, **_: f"{w};{pos};{t}", "mot;x;étiquette\n"), ""),
    "header repeated": (rows(two, "Word\tTag\n", before=lambda n: "Word\tTag\n"), ""),
    "table in Markdown": (rows(lambda w, t, n, **_: f"| {n} | {w} | {t} |", "| Sentence | Word | Tag |\n|---|---|---|\n", ""), ""),
    "header names the tag": (rows(lambda w, t, **_: f"{w}\t{t}\tO\tB-X", "word\ttag\tx\ty\n"), "--tag-column 4"),
    "index of pandas": (rows(lambda w, t, n, row, **_: f"{row}\t{n}\t{w}\t{t}", "\tsentence_id\tword\ttag\n", ""), ""),
    "row names of R": (rows(lambda w, t, n, row, **_: f"{row}\t{n}\t{w}\t{t}", "sentence\tword\ttag\n", ""), ""),
    "Kaggle": (rows(lambda w, t, i, n, pos, **_: f"{f'Sentence: {n}' if i == 1 else ''}\t{w}\t{pos}\t{t}", "Sentence #\tWord\tPOS\tTag\n", ""), ""),
    "Kaggle without header": (rows(lambda w, t, i, n, **_: f"{f'Sentence: {n}' if i == 1 else ''}\t{w}\t{t}", between=""), "identifier of the sentence"),
    "Kaggle from pandas": (rows(lambda w, t, i, n, **_: f"{f'Sentence: {n}' if i == 1 else 'NaN'}\t{w}\t{t}", "Sentence #\tWord\tTag\n", ""), ""),
    "tabs to align": (rows(lambda w, t, **_: f"{w}{chr(9) * (2 if len(w) < 4 else 1)}{t}"), ""),
    "tabs and spaces": (rows(lambda w, t, i, **_: f"{w}{chr(9) if i % 3 else '  '}{t}"), ""),
    "sentence identifiers": (rows(lambda w, t, n, **_: f"S{n}\t{w}\t{t}", between=""), "identifier of the sentence"),
    "sentence numbers": (rows(lambda w, t, n, pos, **_: f"{n} {w} {pos} {t}", between=""), "identifier of the sentence"),
    "sentence identifiers and blank lines": (rows(lambda w, t, n, **_: f"sent_{n}\t{w}\t{t}"), "column 1 has identifiers"),
    "token identifiers": (rows(lambda w, t, n, i, **_: f"{n}-{i}\t{w}\t{t}"), "column 1 has identifiers"),
    "UUIDs": (rows(lambda w, t, row, **_: f"{row * 7919:032x}\t{w}\t{t}"), "column 1 has identifiers"),
    "offsets before": (rows(lambda w, t, row, **_: f"{7 * row}\t{7 * row + 5}\t{w}\t{t}"), "column 1 has numbers"),
    "offsets after": (rows(lambda w, t, row, **_: f"{w} {7 * row} {7 * row + 5} {t}"), ""),
    "tag POS word": (rows(lambda w, t, pos, **_: f"{t}\t{pos}\t{w}"), "column 2 has parts of speech"),
    "POS word tag": (rows(lambda w, t, pos, **_: f"{pos}\t{w}\t{t}"), "column 1 has parts of speech"),
    "word label POS": (rows(lambda w, t, pos, **_: f"{w}\t{bare(t)}\t{pos}"), ""),
    "tag offsets word": (rows(lambda w, t, row, **_: f"{t}\t{7 * row}\t{7 * row + 5}\t{w}"), "column 2 has numbers"),
    "CoreNLP": (rows(lambda w, t, i, pos, **_: f"{i}\t{w}\t{w.lower()}\t{pos}\t{bare(t)}\t{i - 1}\tdep"), ""),
    "gold and predictions": (rows(lambda w, t, **_: f"{w}\t{t}\t{t if w != 'Nice' else 'O'}", "word\tgold\tpredicted\n"), "--tag-column 3"),
    "predictions and gold": (rows(lambda w, t, **_: f"{w}\t{t if w != 'Nice' else 'O'}\t{t}", "word\ty_pred\tlabel\n"), "--tag-column 2"),
    "conlleval": (rows(lambda w, t, **_: f"{w} {t} {t if w != 'Nice' else 'O'}"), "--tag-column 3"),
    "predictions only": (rows(two, "word\tpred\n"), "named like predictions ('pred')"),
    "last with fewer entities": (rows(lambda w, t, **_: f"{w} {t} {'B-X' if w == 'Nice' else 'O'}"), "--tag-column 3"),
    "clauses of LST20": (rows(lambda w, t, i, **_: f"{w}\tNN\t{spelled(t, mark='_')}\t{'B_CLS' if i == 1 else 'I_CLS'}"), "B_PER"),
    "prefix and label in two columns": (rows(lambda w, t, **_: f"{w}\t{t[0]}\t{t[2:] or '_'}"), ""),
    "tags in capitals and small letters": (rows(lambda w, t, **_: f"{w}\t{spelled(t, 'b', 'i', outside='o')}"), "tags like 'b-PER', which were read as 'B-PER'"),
    **{
        f"B{mark}PER": (rows(lambda w, t, mark=mark, **_: f"{w}\t{spelled(t, mark=mark)}"), f"tags like 'B{mark}PER'")
        for mark in ("_", ".", ":", "/", "|", "--", "__", " ", " - ")
    },
    **{f"dash {ord(mark):x}": (rows(lambda w, t, mark=mark, **_: f"{w}\t{spelled(t, mark=mark)}"), "") for mark in "\u2011\u2013\u2212"},
    "BEGIN-PER": (rows(lambda w, t, **_: f"{w} {spelled(t, 'BEGIN', 'INSIDE', '-', 'OUT')}"), "'BEGIN-PER'"),
    "BEGINNING_PER": (rows(lambda w, t, **_: f"{w} {spelled(t, 'Beginning', 'In', '_')}"), "'Beginning_PER'"),
    "PER-B": (rows(lambda w, t, **_: f"{w} {t if t == 'O' else f'{t[2:]}-{t[0]}'}"), "'PER-B'"),
    "PER_I": (rows(lambda w, t, **_: f"{w} {t if t == 'O' else f'{t[2:]}_I'}"), "'PER_I'"),
    "BPER": (rows(lambda w, t, **_: f"{w} {spelled(t, mark='')}"), "'BPER'"),
    "IPER": (rows(lambda w, t, **_: f"{w} {t if t == 'O' else f'I{t[2:]}'}"), "'IPER'"),
    "FIRST-PER": (rows(lambda w, t, **_: f"{w} {spelled(t, 'FIRST', 'NEXT')}"), "'FIRST-PER'"),
    **{
        f"{a}B-PER{b}": (rows(lambda w, t, a=a, b=b, **_: f"{w}\t{t if t == 'O' else a + t + b}"), f"{a}B-PER{b}")
        for a, b in ("<>", "[]", "()", "{}", "''", ("#", ""))
    },
    "<B-PER> and <O>": (rows(lambda w, t, **_: f"{w}\t<{t}>"), "'<O>', which was read as O"),
    **{
        f"{outside} for O of tags": (rows(lambda w, t, outside=outside, **_: f"{w}\t{spelled(t, outside=outside)}"), f"27 words have the tag {outside!r}")
        for outside in ("X", "N/A", "[]", "I-O", "NoEntity", "#")
    },
    "lemmas before words": (rows(lambda w, t, **_: f"{w.lower()}\t{w}\t{t}"), "column 1 has the words in small letters"),
    "numbers without blank lines": (rows(lambda w, t, i, pos, **_: f"{w}\t{pos}\t{i}\t{t}", between=""), ""),
    "numbers first without blank lines": (rows(lambda w, t, i, **_: f"{i},{w},{t}", "id,word,tag\n", ""), ""),
    "fewer entities in another column of labels": (rows(lambda w, t, **_: f"{w}\t{bare(t)}\t{'GPE' if w == 'Nice' else 'O'}"), ""),
    **{
        f"{outside} for O": (rows(lambda w, t, outside=outside, **_: f"{w}\t{spelled(t, outside=outside)}"), f"27 words have the tag {outside!r}")
        for outside in ("0", "_", "-", "OUT", "None", "o", "OTHER", "null", "NaN", "*", "О", "")
    },
    **{
        f"{outside} for O of labels": (rows(lambda w, t, outside=outside, **_: f"{w}\t{outside if t == 'O' else t[2:]}"), f"27 words have the tag {outside!r}")
        for outside in ("0", "_", "-", "OUT", "None", "o", "Other", "")
    },
    "some O in other signs": (rows(lambda w, t, **_: f"{w}\t{ {'in': '_', 'day': '', 'It': '0'}.get(w, t) }"), "2 words have the tag '_'"),
    "comma and blank": (rows(lambda w, t, **_: f"{w}, {t}"), "cells end with ','"),
    "comma and tab": (rows(lambda w, t, **_: f"{w},\t{t}"), "cells end with ','"),
    "comma after the tag": (rows(lambda w, t, **_: f"{w} {t},"), "cells end with ','"),
    "commas": (rows(lambda w, t, **_: f"{w},{t}"), ""),
    "quoted commas": (rows(lambda w, t, **_: f'"{w}","{t}"'), ""),
    "semicolons": (rows(lambda w, t, pos, **_: f"{w};{pos};{t}"), ""),
    "pipes": (rows(lambda w, t, **_: f"{w}|{t}"), ""),
    "slashes": (rows(lambda w, t, **_: f"{w}/{t}"), ""),
    "no-break spaces as separators": (rows(lambda w, t, **_: f"{w}\u00a0{t}"), ""),
    "quoted tabs": (rows(lambda w, t, **_: f'"{w}"\t"{t}"'), ""),
    **{
        f"quoted empty cells, {name}": (rows(lambda w, t, s=s, **_: f'"{w}"{s}"{t}"', head, f'""{s}""\n'), "")
        for name, s, head in (("tabs", "\t", ""), ("commas", ",", "Token,Label\n"), ("comma and space", ", ", ""), ("semicolons", ";", '"Token";"Label"\n'))
    },
    "aligned": (rows(lambda w, t, pos, **_: f"{w:<20}{pos:<8}{t}"), ""),
    "form feeds between": (rows(two, between="\f\n"), ""),
    "no-break spaces between": (rows(two, between="\u00a0\n"), ""),
    "form feeds in words": (rows(lambda w, t, i, **_: f"\f{w[:1]}\f{w[1:]}\t{t}" if i == 1 else f"{w}\t{t}"), "5 words were read without"),
    "no-break spaces after words": (rows(lambda w, t, i, **_: f"{w}\u00a0\t{t}" if i == 1 else f"{w}\t{t}"), "5 words were read without"),
    "EOS": (rows(two, between="EOS\n"), ""),
    "empty words": (rows(lambda w, t, **_: f"{w}\t{t}").replace("left\tO\n", "left\tO\n\tO\n"), "1 empty words were skipped"),
    "HIPE": (rows(hipe("EndOfSentence"), HIPE.replace(" ", "\t") + "\n", "", hipe_comments), ""),
    "HIPE-2020 without EndOfSentence": (rows(hipe("EndOfLine"), HIPE.replace(" ", "\t") + "\n", "", hipe_comments), "5 sentences were ended"),
    "HIPE with global.columns": (rows(hipe("EndOfSentence"), f"# global.columns = {HIPE}\n", "", hipe_comments), ""),
    **{
        f"HIPE-2022 with {end} in SEG": (rows(lambda end=end, **k: hipe_2022(end, **k), HIPE_2022.replace(" ", "\t") + "\n", "", hipe_comments), "")
        for end in ("EndOfSentence", "PySBDSegment")
    },
    "HIPE-2022 without header": (rows(lambda **k: hipe_2022("EndOfSentence", **k), between="", before=hipe_comments), ""),
    "HIPE without header": (rows(hipe("EndOfSentence"), between="", before=hipe_comments), ""),
    "FiNER": (rows(lambda w, t, **_: f"{w}\t{t}\t{'B-LOC' if w == 'Port' else 'O'}\t\t"), "--tag-column 3"),
    "I-CAB": (rows(lambda w, t, pos, n, **_: f"{w} {pos} adige2004_id4139{n // 3} {t}"), "identifier of the document"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_form_is_read(tmp_path, name):
    text, note = READ[name]
    reader, documents, docs = read(tmp_path, text)
    assert entities(docs) == ENTITIES
    assert sentences(documents) == WORDS
    found = " / ".join(f"{note.count} {note.message}" for note in reader.notes())
    assert note in found and bool(note) == bool(found), found


CONLL_2012 = {"PER": "PERSON", "LOC": "GPE", "ORG": "ORG", "MISC": "WORK_OF_ART"}


def brackets(t, i, n, **_):
    following = SENTENCES[n - 1][1][i : i + 1]
    ends = following != [f"I-{t[2:]}"]
    if t == "O":
        return "*"
    if t[0] == "B":
        return f"({CONLL_2012[t[2:]]}{')' if ends else '*'}"
    return "*)" if ends else "*"


@pytest.mark.parametrize(
    "text",
    [
        rows(
            lambda w, i, n, **k: f"nw/x/00/x_0001 0 {i - 1} {w} NN (NP*) - - - - "
            + brackets(i=i, n=n, **k) + " (ARG0*)" * (n % 3) + " -",
            "#begin document (nw/x/00/x_0001); part 000\n",
        ) + "#end document\n",
        rows(lambda w, **k: f"{w} {brackets(**k)}"),
        rows(lambda w, pos, **k: f"{w} {pos} (NP*) {brackets(**k)}"),
    ],
)  # fmt: skip
def test_brackets_of_ontonotes(tmp_path, text):
    _, documents, docs = read(tmp_path, text)
    assert entities(docs) == [(entity, CONLL_2012[label]) for entity, label in ENTITIES]
    assert sentences(documents) == WORDS


def test_nested_and_wrong_brackets(tmp_path):
    text = "Bank (ORG*\nof *\nEngland (GPE))\nfell *\n"
    with pytest.raises(InputError, match="tsv:3: .*GPE is within ORG.*--overlaps longest"):
        read(tmp_path, text)
    reader, _, docs = read(tmp_path, text, overlaps="longest")
    assert entities(docs) == [("Bank of England", "ORG")]
    assert [note.count for note in reader.notes()] == [1]
    for wrong in ("Ann (PER*\nLee *\n", "Ann *)\nLee (PER)\n"):
        with pytest.raises(InputError, match="not closed|not open"):
            read(tmp_path, wrong)


@pytest.mark.parametrize(
    "mark",
    ["-DOCSTART- -X- O", "#DOCSTART", "--DOCSTART--", "-DOCSTART", "-docstart-", "DOCSTART\tO",
     "<DOCSTART>", "–DOCSTART–", "# newdoc", "# doc_id = {n}", "# document_id = {n}", "###MEDLINE:{n}"],
)  # fmt: skip
def test_document_marks(tmp_path, mark):
    starts = lambda n: f"{mark}\n\n".replace("{n}", str(n)) if n in (1, 3, 5) else ""  # noqa: E731
    reader, documents, docs = read(tmp_path, rows(two, before=starts))
    assert [len(document.sentences) for document in documents] == [2, 2, 1]
    assert entities(docs) == ENTITIES and reader.marks_documents and not reader.notes()


def test_marks_between_documents(tmp_path):
    text = rows(two, before=lambda n: "-DOCSTART-\tO\n\n" * (n == 4))
    _, documents, _ = read(tmp_path, text)
    assert [len(document.sentences) for document in documents] == [3, 2]


def test_repeated_document_ids_start_one_document(tmp_path):
    text = rows(two, before=lambda n: f"# doc_id = {n // 3}\n")
    _, documents, _ = read(tmp_path, text)
    assert [len(document.sentences) for document in documents] == [2, 3]


def test_columns_identify_documents(tmp_path):
    row = lambda w, t, n, **_: f"{(n + 1) // 2}.txt\t{(n - 1) % 2}\t{w}\t{t}"  # noqa: E731
    _, documents, docs = read(tmp_path, rows(row, "file\tsent\ttoken\ttag\n", ""))
    assert [len(document.sentences) for document in documents] == [2, 2, 1]
    row = lambda w, t, n, **_: f"{(n + 1) // 2}.txt\t{w}\t{t}"  # noqa: E731
    reader, documents, docs = read(tmp_path, rows(row))
    assert [len(document.sentences) for document in documents] == [2, 2, 1]
    assert "identifier of the document" in messages(reader) and entities(docs) == ENTITIES


def test_one_docstart_for_a_project_marks_no_documents(tmp_path):
    text = rows(lambda w, t, **_: f"{w} -X- _ {t}", "-DOCSTART- -X- O\n")
    reader, documents, docs = read(tmp_path, text)
    assert len(documents) == 5 and not reader.marks_documents and entities(docs) == ENTITIES
    assert [(n.count, "--n-sents" in n.message) for n in reader.notes()] == [(5, True)]
    assert len(read(tmp_path, text, sentences_per_document=5)[1]) == 1
    results = convert([tmp_path / "file.tsv"], tmp_path / "out", shares=(0.6, 0.4))
    assert [result.documents for result in results] == [3, 2]


def test_late_first_mark(tmp_path):
    text = "a B-X\n\n" * 50_000 + "-DOCSTART- O\n\nb O\n\nc O\n"
    reader, documents, _ = read(tmp_path, text)
    assert len(documents) == 50_001 and len(documents[-1].sentences) == 2
    assert "document mark is the first one" in messages(reader)


@pytest.mark.parametrize(
    "text, message",
    [
        ("我昨天去了北京看望我的老朋友\tO\n\n他住在上海市浦东新区世纪大道\tB-LOC\n", "2 words have more than 12 characters of a script without spaces"),
        ("I do not like it at all\tO\n\nIt was really rather bad\tB-X\n", "2 words have spaces, like whole sentences"),
        ("a\tB-X\n\n" * 12, "12 sentences have one word"),
        (rows(lambda w, t, **_: f"{w}\t{t[0]}"), "'B', which were read as 'B-ENTITY'"),
        ("doc\ttoken\ttag\n" + "".join(f"{n // 300}\ta\tO\n" for n in range(900)), "3 sentences have 300 words on average"),
        ("He B-NP\nruns B-VP\n", "syntactic chunks"),
        ("北0\tB-LOC\n京1\tI-LOC\n很0\tO\n", "3 words end with a digit"),
        ("EU O B-ORG\nis B-LOC O\n", "2 words have other tags in column 2 than in column 3"),
        ("Ann B-PER\nLee B-PER\nis O\n", "1 words with B- follow a word with the same tag, and no tag has I-"),
        ("[CLS] O\nAnn B-PER\n[SEP] O\n", "2 marks like [CLS]"),
        ("Ann B-PER\nis O\n\n===== O\n\nLee B-PER\nis O\n</s> O\n", "2 marks like [CLS]"),
    ],
)  # fmt: skip
def test_doubtful_files_have_a_note(tmp_path, text, message):
    reader, _, _ = read(tmp_path, text)
    assert message in " / ".join(f"{note.count} {note.message}" for note in reader.notes())


NUMBERS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
many = {
    # Name: file, message, and the file or the options of the remedy
    "numbers": (rows(lambda w, t, **_: f"{w}\t{NUMBERS.index(t)}"), "pass their names in order with --labels", {"labels": NUMBERS}),
    "unknown header": (rows(two, "xyz\tabc\n"), "file.tsv:1: 'abc' is not a tag.*If this row is a header, remove it", lambda text: text.partition("\n")[2]),
    "predictions before parts of speech": (rows(lambda w, t, pos, **_: f"{w}\t{t if w != 'Nice' else 'O'}\t{pos}\t{t}"), "columns 2 and 4 both have tags.*--tag-column 2 or --tag-column 4", {"tag_column": "4"}),
    "another sign than O for labels": (rows(lambda w, t, **_: f"{w}\t{'X' if t == 'O' else t[2:]}"), "--scheme bare", {"scheme": "bare"}),
    "text": ("".join(f"{' '.join(w)}\n" for w in WORDS), "looks like text without annotation", lambda text: rows(two)),
    "standoff without header": ("".join(f"{n} {n + 3} B{n} PER\n" for n in range(5)), "offsets in columns 1 and 2, but without a header", None),
    "tags of a sentence in a line": ("".join(f"{' '.join(w)}\t{' '.join(t)}\n" for w, t in SENTENCES), "Write one word and its tag per line", lambda text: rows(two)),
    "dense labels": (rows(lambda w, t, **_: f"{w}\t{bare(t)}") .replace("\tO", "\tX"), "--scheme bare", None),
    "no words": (rows(lambda w, t, row, **_: f"{row / 2}\t{row * 9 % 7}\t{w}\t{t}").replace("\tO", "\tO\tx"), "Fix this line", None),
}  # fmt: skip


@pytest.mark.parametrize("name", many)
def test_remedy_of_a_refusal_works(tmp_path, name):
    text, message, remedy = many[name]
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, text)
    if isinstance(remedy, dict):
        assert entities(read(tmp_path, text, **remedy)[2]) == ENTITIES
    elif remedy is not None:
        assert entities(read(tmp_path, remedy(text))[2]) == ENTITIES


def test_columns_are_named_by_options(tmp_path):
    text = rows(lambda w, t, **_: f"{w.lower()}\t{w}\t{t}\t{t}", "norm\tToken\tA\tB\n")
    _, documents, _ = read(tmp_path, text, word_column="token", tag_column="A")
    assert sentences(documents) == WORDS
    with pytest.raises(
        InputError, match="--tag-column C: expected a number, or one of norm, Token"
    ):
        read(tmp_path, text, word_column="Token", tag_column="C")


def test_dense_labels_named_by_the_header(tmp_path):
    text = "token\tlabel\nAnn\tPER\nLee\tPER\n,\tO\nOslo\tLOC\n"
    assert entities(read(tmp_path, text)[2]) == [("Ann Lee", "PER"), ("Oslo", "LOC")]


def test_tag_first_and_words_like_tags(tmp_path):
    _, _, docs = read(tmp_path, "B-CHEM\tB-7\nB-ROAD\tI-5\nO\tO\n\nO\tB-2\nB-GUN\tS-40\n")
    assert entities(docs) == [("B-7", "CHEM"), ("I-5", "ROAD"), ("S-40", "GUN")]


def test_words_with_the_separator(tmp_path):
    text = 'Oslo,B-LOC\n,,O\n"""",O\n",",O\n1,000,O\n",O\n.,O\n\n,\nAnn,B-PER\n'
    _, documents, docs = read(tmp_path, text)
    assert sentences(documents) == [["Oslo", ",", '"', ",", "1,000", '"', "."], ["Ann"]]
    assert entities(docs) == [("Oslo", "LOC"), ("Ann", "PER")]


def test_quotation_marks_of_spreadsheets(tmp_path):
    _, documents, _ = read(tmp_path, 'Oslo\tB-LOC\n""""\tO\n')
    assert sentences(documents) == [["Oslo", '"']]
    _, documents, _ = read(tmp_path, 'Oslo\tB-LOC\n"\tO\n')
    assert sentences(documents) == [["Oslo", '"']]


@pytest.mark.parametrize("name", ["HIPE", "HIPE-2022 with EndOfSentence in SEG"])
def test_spaces_of_hipe(tmp_path, name):
    _, _, docs = read(tmp_path, READ[name][0])
    assert docs[0].text.startswith("Ingrid Solberg left Hafenbank for Tromsø in June. The train")
    assert len(docs) == 2


def test_header_above_words_without_entities(tmp_path):
    _, documents, docs = read(tmp_path, "word ner\nIt O\nrained O\n\nAll O\nday O\n")
    assert sentences(documents) == [["It", "rained"], ["All", "day"]] and not entities(docs)
