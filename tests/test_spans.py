"""Entities that overlap, from the corpus to the report: the recipe `spans`."""

import shutil
import subprocess

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab
from weasel.cli.run import project_run

from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.corpus.overlapping import SPANS_KEY, set_entities
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.error_types import match_entities
from spacy_transformer_ner.evaluation.slices import slices
from spacy_transformer_ner.evaluation.units import align, compares_spans
from spacy_transformer_ner.exchange.card import Card, CommandRecords, card_meta
from spacy_transformer_ner.training import preflight
from spacy_transformer_ner.training.preflight import check_training

from .conftest import ROOT, ner

RUN = "nested-spans-my encoder-0"
VARS = {
    "vars.dataset": "nested",
    "vars.config": "spans",
    "vars.encoder": "my encoder",
    "vars.convert_options": " --overlaps spans",
}
# What makes the recipe train a tiny encoder quickly.
TINY = """[recipe]
extends = "spans"

[components.transformer.model]
window = 64
context = 8
freeze_embeddings = false
word_dropout = 0.0
augment = null

[training]
max_epochs = 0
max_steps = 80
eval_frequency = 40

[training.optimizer]
rate_width = null
head_factor = 3.0
use_averages = false

[training.optimizer.learn_rate]
initial_rate = 3e-3
"""


@pytest.fixture(scope="module")
def project(encoders, tmp_path_factory):
    """The project after `spacy project run all` on the nested sample, without the wheels."""
    folder = tmp_path_factory.mktemp("spans")
    yml = (ROOT / "project.yml").read_text()
    (folder / "project.yml").write_text(yml.replace(', "package", "verify"]', "]"))
    for name in ("scripts", "spacy_transformer_ner", "assets/nested"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / "configs").mkdir()
    (folder / "configs" / "spans.cfg").write_text(TINY)
    shutil.copytree(encoders["wordpiece"], folder / "my encoder")

    def run_command(command, **_):
        if command[1:4] != ["-m", "spacy", "ner"]:
            subprocess.run(command, check=True)
            return
        done = ner(*command[4:])
        assert done.returncode == 0, done.stdout

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("weasel.cli.run.run_command", run_command)
        project_run(folder, "all", overrides=VARS)
    return folder


@pytest.fixture(scope="module")
def best(project):
    return project / "training" / RUN / "model-best"


@pytest.fixture(scope="module")
def metrics(project):
    return srsly.read_json(project / "metrics" / f"{RUN}.json")


@pytest.mark.slow
def test_whole_project_with_spans(project, best, metrics):
    text = metrics["text"]
    assert text["spans_sc_f"] > 0.15 and "ents_f" not in text
    # spaCy's scorer and ours count the same.
    assert text["entities"]["f"] == pytest.approx(text["spans_sc_f"], abs=1e-6)
    assert {"1", "2"} <= set(text["slices"]["depth of nesting"])
    assert (
        text["confidence"]["after"]["entities"] == text["entities"]["tp"] + text["entities"]["fp"]
    )
    config = spacy.util.load_config(best / "config.cfg")
    lengths = sorted(
        len(span)
        for doc in read_docbin(project / "corpus" / "nested" / "train.spacy", Vocab())
        for span in doc.spans[SPANS_KEY]
    )
    largest = config["components"]["spancat"]["suggester"]["max_size"]
    assert sum(n <= largest for n in lengths) >= 0.99 * len(lengths)
    assert sum(n <= largest - 1 for n in lengths) < 0.99 * len(lengths)
    page = (project / "report" / RUN / "index.html").read_text("utf-8")
    assert "spans_sc_f" in page and "depth of nesting" in page


@pytest.mark.slow
def test_annotate_writes_spans_with_scores(best, tmp_path):
    # Texts that it was trained on: the training is short.
    path = best.parents[2] / "corpus" / "nested" / "train.spacy"
    texts = [doc.text for doc in read_docbin(path, Vocab())]
    srsly.write_jsonl(tmp_path / "x.jsonl", [{"text": text} for text in texts])
    done = ner("annotate", best, tmp_path / "x.jsonl", tmp_path / "out", "--format", "jsonl")
    assert done.returncode == 0, done.stdout
    records = [r for f in sorted(tmp_path.glob("out/part-*")) for r in srsly.read_jsonl(f)]
    found = [[(e["start"], e["end"], e["label"]) for e in r["entities"]] for r in records]
    scores = [e["score"] for r in records for e in r["entities"]]
    docs = list(spacy.load(best).pipe(texts))
    groups = [doc.spans[SPANS_KEY] for doc in docs]
    expected = [[(s.start_char, s.end_char, s.label_) for s in group] for group in groups]
    assert [sorted(of) for of in found] == [sorted(of) for of in expected] and any(found)
    of_pipeline = [score for group in groups for score in group.attrs["scores"]]
    assert sorted(scores) == pytest.approx(sorted(of_pipeline), abs=1e-3)


@pytest.mark.slow
def test_compare_with_predictions_in_a_file(project, best, metrics, tmp_path):
    test = project / "corpus" / "nested" / "test.spacy"
    nlp = spacy.load(best)
    docs = nlp.pipe([doc.text for doc in read_docbin(test, nlp.vocab)])
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "found.spacy")
    done = ner("compare", best, tmp_path / "found.spacy", test, "--output", tmp_path / "x.json")
    assert done.returncode == 0, done.stdout
    result = srsly.read_json(tmp_path / "x.json")
    assert result["difference"]["changed"] == 0
    assert result["first"][0]["all"]["f"] == pytest.approx(metrics["text"]["entities"]["f"])


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["calibrate", "tune-threshold", "suspects"])
def test_what_needs_calibrated_scores_or_flat_entities_is_refused(project, best, tmp_path, verb):
    corpus = project / "corpus" / "nested"
    suspects = corpus, tmp_path / "x.jsonl"
    done = ner(verb, *(suspects if verb == "suspects" else (best, corpus / "dev.spacy")))
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert ("entities that overlap" if verb == "suspects" else "find-threshold") in said
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.slow
def test_card(best, metrics):
    meta = srsly.read_json(best / "meta.json")
    made = card_meta(meta, Card("x", "1", "data", "minilm"), CommandRecords(metrics=metrics))
    assert made["performance"]["spans_sc_f"] == metrics["text"]["spans_sc_f"]
    assert 'doc.spans["sc"]' in made["notes"] and "Entities can overlap" in made["notes"]
    assert "not calibrated" in made["notes"] and "ent._.score" not in made["notes"]


def make_doc(words, spans):
    doc = Doc(spacy.blank("en").vocab, words=words)
    set_entities(doc, [Span(doc, a, b, label=label) for a, b, label in spans], overlaps=True)
    return doc


WORDS = "University of Oslo Library opened in Oslo".split()
GOLD = [(0, 4, "FAC"), (0, 3, "ORG"), (2, 3, "LOC"), (6, 7, "LOC")]


def test_nested_entities_are_matched_and_counted_by_depth():
    gold = make_doc(WORDS, GOLD)
    found = make_doc(WORDS, [(0, 4, "FAC"), (2, 3, "LOC"), (1, 3, "ORG"), (6, 7, "PER")])
    units = align(Example(found, gold))
    assert units.gold == tuple(sorted(GOLD))
    matches = match_entities([units])
    assert [(m.kind, m.gold) for m in sorted(matches, key=lambda m: m.gold)] == [
        ("boundary", (0, 3, "ORG")), ("right", (0, 4, "FAC")), ("right", (2, 3, "LOC")),
        ("type", (6, 7, "LOC")),
    ]  # fmt: skip
    depth = slices(matches, [units], [gold])["depth of nesting"]
    assert {name: (c.tp, c.fp, c.fn) for name, c in depth.items()} == {
        "1": (1, 1, 1), "2": (0, 1, 1), "3 or more": (1, 0, 0),
    }  # fmt: skip
    assert units.gold_tags() == ["B-FAC", "I-FAC", "I-FAC", "I-FAC", "O", "O", "B-LOC"]


def test_a_flat_pipeline_is_compared_with_the_longest_entities():
    found = Doc(spacy.blank("en").vocab, words=WORDS)
    found.set_ents([Span(found, 0, 4, label="FAC")], default="outside")
    units = align(Example(found, make_doc(WORDS, GOLD)))
    assert units.gold == ((0, 4, "FAC"), (6, 7, "LOC"))


def test_spans_beside_entities_are_compared_with_spans_only():
    found = make_doc(WORDS, [(0, 4, "FAC")])
    flat = Doc(found.vocab, words=WORDS)
    flat.set_ents([Span(flat, 6, 7, label="LOC")])
    assert compares_spans(Example(found, make_doc(WORDS, GOLD)))
    assert not compares_spans(Example(found, flat))
    only_spans = Doc(found.vocab, words=WORDS)
    only_spans.spans[SPANS_KEY] = []
    assert compares_spans(Example(only_spans, flat))


@pytest.fixture
def overrides(encoders, tmp_path):
    docs = [make_doc(WORDS, GOLD) for _ in range(3)]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "train.spacy")
    return {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "train.spacy"),
        "paths.encoder": str(encoders["wordpiece"]),
        "components.transformer.model.window": 64,
        "components.transformer.model.context": 8,
    }


def test_the_suggester_fits_the_corpus(overrides):
    config = check_training("spans", overrides)
    assert config["components"]["spancat"]["suggester"]["max_size"] == 4
    given = {**overrides, "components.spancat.suggester.max_size": 6}
    config = check_training("spans", given)
    assert config["components"]["spancat"]["suggester"]["max_size"] == 6


def test_files_are_read_without_converting(overrides, tmp_path):
    text = " ".join(WORDS)
    spans = [{"start": 0, "end": 26, "label": "FAC"}, {"start": 14, "end": 18, "label": "LOC"}]
    srsly.write_jsonl(tmp_path / "train.jsonl", [{"text": text, "spans": spans}])
    reader = {f"corpora.train.{name}": value for name, value in (
        ("@readers", "spacy-transformer-ner.Corpus.v1"), ("options", {"overlaps": "spans"}),
    )}  # fmt: skip
    train = {"paths.train": str(tmp_path / "train.jsonl")}
    config = check_training("spans", {**overrides, **reader, **train})
    assert config["components"]["spancat"]["suggester"]["max_size"] == 4


def test_a_corpus_without_spans_is_refused(overrides, tmp_path):
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    doc.set_ents([Span(doc, 6, 7, label="LOC")])
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    with pytest.raises(InputError, match="no spans for 'spancat'.*--overlaps spans"):
        check_training("spans", overrides)


def test_long_entities_are_suggested_by_the_span_finder(overrides, tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "LONGEST", 3)
    arguments = [part for name, value in overrides.items() for part in (f"--{name}", value)]
    arguments += ["--training.max_steps", 4, "--training.eval_frequency", 2]
    done = ner("train", "spans", "--output", tmp_path / "out", *arguments)
    assert done.returncode == 0, done.stdout
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert nlp.pipe_names == ["transformer", "span_finder", "spancat", "doc_cleaner"]
    assert SPANS_KEY in nlp(" ".join(WORDS)).spans
