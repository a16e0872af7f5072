import errno
import json
import os
import random
import resource
import shutil

import pytest
import spacy
from spacy.training import Corpus

from spacy_transformer_ner.corpus import docbin
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.origin import place_of
from spacy_transformer_ner.corpus.splits import (
    data_files,
    find_splits,
    output_name,
    parse_shares,
    split_of,
)
from spacy_transformer_ner.errors import InputError

from ..conftest import ROOT, SAMPLE, ner
from .corpora import FORMATS, example_corpus

# documents, sentences, tokens, entities; as in the README of the sample
SAMPLE_COUNTS = {
    "train": (49, 403, 6053, 684),
    "dev": (13, 102, 1570, 170),
    "test": (18, 154, 2418, 286),
}


@pytest.mark.parametrize(
    "name, split",
    [
        ("eng.train", "train"),
        ("eng.testa", "dev"),
        ("eng.testb", "test"),
        ("esp.testa", "dev"),
        ("wnut17train.conll", "train"),
        ("emerging.dev.conll", "dev"),
        ("emerging.test.annotated", "test"),
        ("valid.txt", "dev"),
        ("val.txt", "dev"),
        ("medieval.txt", None),
        ("notes.txt", None),
    ],
)
def test_split_of_file_names(tmp_path, name, split):
    assert split_of(tmp_path / name) == split


@pytest.mark.parametrize(
    "name, output",
    [("train.conll", "train.spacy"), ("eng.testa", "eng.testa.spacy"), ("a.jsonl.gz", "a.spacy")],
)
def test_output_names_do_not_collide(tmp_path, name, output):
    assert output_name(tmp_path / name) == output


def test_sample(tmp_path):
    results = convert([SAMPLE], tmp_path)
    vocab = spacy.blank("en").vocab
    for result, (split, counts) in zip(results, SAMPLE_COUNTS.items()):
        assert (result.documents, result.sentences, result.words, result.entities) == counts
        (file,) = result.files
        assert (file.scheme, file.encoding) == ("IOB1", "utf-8")
        assert file.format == "4 columns (word in 1, tag in 4)"
        docs = list(read_docbin(tmp_path / f"{split}.spacy", vocab))
        assert (
            len(docs),
            sum(len(list(doc.sents)) for doc in docs),
            sum(map(len, docs)),
            sum(len(doc.ents) for doc in docs),
        ) == counts
        assert not any(doc.has_unknown_spaces for doc in docs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "convert.json", "dev.spacy", "test.spacy", "train.spacy"
    ]  # fmt: skip


def test_test_entities_are_mostly_unseen(tmp_path):
    convert([SAMPLE], tmp_path)
    vocab = spacy.blank("en").vocab
    forms = {
        split: {e.text for doc in read_docbin(tmp_path / f"{split}.spacy", vocab) for e in doc.ents}
        for split in SAMPLE_COUNTS
    }
    assert len(forms["test"] - forms["train"]) / len(forms["test"]) > 0.6


def test_nothing_is_written_if_a_file_is_invalid(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "train.conll").write_text("a O\n")
    (source / "dev.conll").write_text("a O\nb\n")
    with pytest.raises(InputError, match="dev.conll:2"):
        convert([source], output)
    assert list(output.iterdir()) == []


def test_a_failed_conversion_keeps_the_previous_one(tmp_path):
    source, output = tmp_path / "in.conll", tmp_path / "out"
    source.write_text("a O\n")
    convert([source], output)
    before = (output / "in.spacy").read_bytes()
    source.write_text("a O\nb\n")
    with pytest.raises(InputError):
        convert([source], output)
    assert (output / "in.spacy").read_bytes() == before


def test_missing_data_says_where_to_get_it():
    folder = ROOT / "assets" / "conll2003"
    if (folder / "eng.train").exists():
        pytest.skip("CoNLL-2003 is available")
    with pytest.raises(InputError, match="assets/conll2003/eng.train"):
        find_splits(folder)


def test_two_files_for_one_split(tmp_path):
    for name in ("train.conll", "train2.conll", "dev.conll"):
        (tmp_path / name).write_text("a O\n")
    with pytest.raises(InputError, match="both train.conll and train2.conll"):
        find_splits(tmp_path)


def test_old_splits_are_removed(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for split in ("train", "dev", "test"):
        (source / f"{split}.conll").write_text("a O\n")
    convert([source], output)
    (source / "test.conll").unlink()
    convert([source], output)
    assert sorted(path.name for path in output.iterdir()) == [
        "convert.json", "dev.spacy", "train.spacy"
    ]  # fmt: skip


def test_unknown_language(tmp_path):
    with pytest.raises(InputError, match="no language 'klingon'"):
        convert([SAMPLE], tmp_path, lang="klingon")


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        convert([tmp_path / "nothing"], tmp_path)


def folder_of(tmp_path, **files):
    folder = tmp_path / "source"
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def texts(path):
    return [doc.text for doc in read_docbin(path, spacy.blank("en").vocab)]


def test_files_that_differ_in_numbers_are_one_split(tmp_path):
    folder = folder_of(
        tmp_path, **{"train-0_conll": "a O\n", "train-1_conll": "b O\n", "dev_conll": "c O\n"}
    )
    result, _ = convert([folder], tmp_path / "out")
    assert texts(tmp_path / "out" / "train.spacy") == ["a", "b"]
    assert [file.source.rsplit("/", 1)[1] for file in result.files] == [
        "train-0.conll",
        "train-1.conll",
    ]


def test_splits_can_be_folders(tmp_path):
    folder = folder_of(
        tmp_path, train__a_txt="Ann", train__a_ann="T1\tPER 0 3\tAnn\n", train__b_txt="Lee",
        train__b_ann="", dev__c_txt="Oslo", dev__c_ann="", README_md="no data", train__annotation_conf="x",
    )  # fmt: skip
    convert([folder], tmp_path / "out")
    assert texts(tmp_path / "out" / "train.spacy") == ["Ann", "Lee"]
    assert texts(tmp_path / "out" / "dev.spacy") == ["Oslo"]


def test_all_inputs_to_one_file(tmp_path):
    folder = folder_of(tmp_path, a_conll="a O\n", b_jsonl='{"text": "b", "spans": []}')
    (result,) = convert([folder / "b.jsonl", folder / "a.conll"], tmp_path / "out" / "all.spacy")
    assert texts(tmp_path / "out" / "all.spacy") == ["b", "a"]
    assert result.documents == 2 and len(result.files) == 2


def test_inputs_with_the_same_output(tmp_path):
    folder = folder_of(tmp_path, a_conll="a O\n", a_jsonl='{"text": "b", "spans": []}')
    with pytest.raises(InputError, match="both .* would become a.spacy"):
        convert([folder / "a.conll", folder / "a.jsonl"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def hundred(tmp_path):
    sentences = [f"word{i} O\nOslo B-LOC\n\n" for i in range(90)] + ["twice O\n\n"] * 10
    return folder_of(tmp_path, all_conll="".join(sentences)) / "all.conll"


def test_random_splits(tmp_path, hundred):
    out = tmp_path / "out"
    results = convert([hundred], out, shares=parse_shares("80,10,10"), seed=1)
    found = {split: texts(out / f"{split}.spacy") for split in ("train", "dev", "test")}
    assert sum(map(len, found.values())) == 100 == sum(result.documents for result in results)
    # Equal texts are in one split, and count as one.
    assert sum("twice" in split for split in found.values()) == 1
    assert sorted(len(set(split)) for split in found.values()) == [9, 9, 73]
    before = {split: (out / f"{split}.spacy").read_bytes() for split in found}
    convert([hundred], out, shares=(0.8, 0.1, 0.1), seed=1)
    assert before == {split: (out / f"{split}.spacy").read_bytes() for split in found}
    convert([hundred], out, shares=(0.8, 0.1, 0.1), seed=2)
    assert set(texts(out / "test.spacy")) != set(found["test"])


def test_random_splits_do_not_depend_on_order(tmp_path, hundred):
    convert([hundred], tmp_path / "one", shares=(0.5, 0.5))
    sentences = hundred.read_text().split("\n\n")
    random.Random(0).shuffle(sentences)
    hundred.write_text("\n\n".join(sentences))
    convert([hundred], tmp_path / "two", shares=(0.5, 0.5))
    for split in ("train", "dev"):
        assert sorted(texts(tmp_path / "one" / f"{split}.spacy")) == sorted(
            texts(tmp_path / "two" / f"{split}.spacy")
        )
    assert not (tmp_path / "one" / "test.spacy").exists()


def test_no_split_is_empty(tmp_path):
    source = folder_of(tmp_path, x_conll="a O\n\nb O\n\nc O\n") / "x.conll"
    results = convert([source], tmp_path / "out", shares=parse_shares("98,1,1"))
    assert [result.documents for result in results] == [1, 1, 1]
    source.write_text("a O\n\na O\n\nb O\n")
    with pytest.raises(InputError, match="cannot split 2 distinct documents into 3 splits"):
        convert([source], tmp_path / "out", shares=parse_shares("80/10/10"))


@pytest.mark.parametrize("text", ["80", "a,b", "80,-10", "1,2,3,4", "nan,1", "inf,1", ""])
def test_invalid_shares(text):
    with pytest.raises(InputError, match="80,10,10"):
        parse_shares(text)


def test_large_corpora_become_folders(tmp_path, hundred, monkeypatch):
    convert([hundred], tmp_path / "whole")
    monkeypatch.setattr(docbin, "SHARD_WORDS", 50)
    monkeypatch.setattr(docbin.DocBinWriter.__init__, "__defaults__", (docbin.ATTRS, 50))
    convert([hundred], tmp_path / "out")
    target = tmp_path / "out" / "all.spacy"
    assert [path.name for path in sorted(target.iterdir())] == [f"{i:05}.spacy" for i in range(4)]
    assert texts(target) == texts(tmp_path / "whole" / "all.spacy")
    nlp = spacy.blank("en")
    assert len(list(Corpus(target)(nlp))) == 100
    # A folder replaces a file, and a file replaces a folder.
    convert([hundred], tmp_path / "whole")
    assert (tmp_path / "whole" / "all.spacy").is_dir()
    monkeypatch.undo()
    convert([hundred], tmp_path / "whole")
    assert (tmp_path / "whole" / "all.spacy").is_file()


def test_origin_of_tokens(tmp_path):
    folder = folder_of(
        tmp_path,
        a_conll="-DOCSTART- O\n\na O\nb O\n\n\nc O\n\n-DOCSTART- O\n\nd O\n",
        b_jsonl='\n{"text": "a b", "spans": []}\n{"text": "c", "spans": []}\n',
        c_txt="a\n\nb c\n",
        c_ann="",
    )
    convert([folder], tmp_path / "all.spacy")
    docs = read_docbin(tmp_path / "all.spacy", spacy.blank("en").vocab)
    places = [
        [place_of(t.doc, t.i).rsplit("/", 1)[1] for t in doc if t.text.strip()] for doc in docs
    ]
    assert places == [
        ["a.conll:3", "a.conll:4", "a.conll:7"],
        ["a.conll:11"],
        ["b.jsonl:2", "b.jsonl:2"],
        ["b.jsonl:3"],
        ["c.txt:1", "c.txt:3", "c.txt:3"],
    ]


def test_report(tmp_path):
    folder = folder_of(tmp_path, a_conll="a B-X\n\nb O\nc I-X\n\nd B-X\n", b_conll="a O\n")
    for name in ("a.conll", "b.conll"):
        convert([folder / name], tmp_path / "out")
    report = json.loads((tmp_path / "out" / "convert.json").read_text())
    assert set(report) == {"a.spacy", "b.spacy"}
    (file,) = report["a.spacy"]["files"]
    assert file["notes"] == [
        {
            "message": "entities whose tags break IOB2 were read like conlleval",
            "count": 1,
            "places": [f"{folder}/a.conll:4"],
        }
    ]


def test_repair(tmp_path):
    source = folder_of(tmp_path, a_conll="a B-X\n\nb O\nc I-X\n\nd B-X\n") / "a.conll"
    (result,) = convert([source], tmp_path, options=ReadOptions(repair="discard"))
    assert result.entities == 2 and "dropped" in result.files[0].notes[0].message
    with pytest.raises(InputError, match="a.conll:4"):
        convert([source], tmp_path, options=ReadOptions(repair="none"))


def test_annotation_of_docbins_is_kept(tmp_path):
    nlp = spacy.blank("en")
    doc = nlp("Ann left.")
    doc[1].lemma_ = "leave"
    docbin.DocBin(docs=[doc]).to_disk(tmp_path / "in.spacy")
    convert([tmp_path / "in.spacy"], tmp_path / "out.spacy")
    (found,) = read_docbin(tmp_path / "out.spacy", nlp.vocab)
    assert found[1].lemma_ == "leave" and not found.has_annotation("ENT_IOB")


def test_one_saved_split(tmp_path):
    pytest.importorskip("pyarrow")
    folder = FORMATS["datasets"][1](example_corpus(0))(tmp_path_of(tmp_path, "mine"))
    (result,) = convert([folder], tmp_path / "out")
    assert result.target.endswith("out/mine.spacy") and result.documents == 4


def tmp_path_of(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_files_without_text(tmp_path):
    for name in ("a.txt", "a.ann"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="no text for all.spacy"):
        convert([tmp_path / "a.txt"], tmp_path / "out" / "all.spacy")
    assert not (tmp_path / "out" / "all.spacy").exists()


def _splits(folder, word):
    folder.mkdir(exist_ok=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.conll").write_text(f"{word} B-LOC\n\n")
    return folder


def _content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("fail_at", range(1, 9))
def test_all_splits_are_replaced_or_none(tmp_path, monkeypatch, fail_at):
    """A failed move never leaves a new train.spacy next to an old dev.spacy."""
    out = tmp_path / "out"
    convert([_splits(tmp_path / "in", "Oslo")], out)
    before = _content(out)
    _splits(tmp_path / "in", "Bergen")
    replace, calls = os.replace, []

    def failing(source, target):
        # The first call is for convert.json, in the temporary folder.
        calls.append(target)
        if len(calls) == 1 + fail_at:
            raise OSError(errno.EIO, "Input/output error", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises((OSError, InputError)):
        convert([tmp_path / "in"], out)
    assert _content(out) == before
    monkeypatch.setattr(os, "replace", replace)
    convert([tmp_path / "in"], out)
    after = _content(out)
    assert sorted(after) == ["convert.json", "dev.spacy", "test.spacy", "train.spacy"]
    assert all(after[name] != before[name] for name in after if name != "convert.json")


def test_a_full_disk_keeps_the_previous_conversion(tmp_path, monkeypatch):
    out = tmp_path / "out"
    convert([_splits(tmp_path / "in", "Oslo")], out)
    before = _content(out)
    (tmp_path / "in" / "dev.conll").write_text(
        "".join(f"{random.Random(i).random()} O\n\n" for i in range(3000))
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(InputError, match="out: cannot be written: File too large. Free some"):
            convert([tmp_path / "in"], out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _content(out) == before
    usage = shutil.disk_usage(out)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(InputError, match="out: the disk has 0.0 MiB left"):
        convert([tmp_path / "in"], out)


@pytest.mark.parametrize("name", ["my data", "it's", 'so "called"', "a|b", "$HOME `x`", "日本 *"])
def test_special_characters_in_folder_names(tmp_path, name):
    """Spaces, quotes and characters with a meaning in the shell."""
    out = tmp_path / "corpus" / name
    done = ner("convert", _splits(tmp_path / name, "Oslo"), out)
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in out.iterdir()) == [
        "convert.json", "dev.spacy", "test.spacy", "train.spacy",
    ]  # fmt: skip
    (doc,) = read_docbin(out / "train.spacy", spacy.blank("en").vocab)
    assert place_of(doc, 0) == f"{tmp_path / name / 'train.conll'}:1"
    assert ner("check", out).returncode == 0


def test_data_among_other_files(tmp_path):
    """Markdown and YAML are data if they are Rasa's, or named after a split."""
    data = {
        "nlu.md": "## intent:x\n- [Oslo](LOC)\n",
        "nlu.yml": "nlu:\n- intent: x\n  examples: |\n    - [Oslo](LOC)\n",
        "more.csv": "word,tag\nOslo,B-LOC\nis,O\n",
        "more.xml": "<LOC>Oslo</LOC> is far.\n",
        "text.txt": "Oslo is far.\n",
        "train.md": "[Oslo](LOC) is far.\n",
    }
    others = {
        "text.csv": "File,Line,Begin Offset,End Offset,Type\ntext.txt,0,0,4,LOC\n",
        "README.md": "[Oslo](LOC)",
        "guide.md": "[Oslo](LOC)",
        "domain.yml": "version: '3.1'\nentities:\n- LOC\n",
        "LICENSE": "MIT",
        "CHANGELOG.md": "## 1\n",
    }
    for name, text in {**data, **others}.items():
        (tmp_path / name).write_text(text)
    assert sorted(source.path.name for source in data_files(tmp_path)) == sorted(data)
    convert([tmp_path], tmp_path / "all.spacy")
    docs = list(read_docbin(tmp_path / "all.spacy", spacy.blank("en").vocab))
    assert [[ent.text for ent in doc.ents] for doc in docs] == [["Oslo"]] * len(data)


def test_splits_of_tables_and_markup(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.csv").write_text("word,tag\nOslo,B-LOC\nis,O\n")
    (tmp_path / "README.md").write_text("# Data\n")
    results = convert([tmp_path], tmp_path / "out")
    assert [result.entities for result in results] == [1, 1, 1]
    assert output_name(tmp_path / "a.csv") == output_name(tmp_path / "a.xml") == "a.spacy"
