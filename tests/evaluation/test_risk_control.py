"""Thresholds with a promise."""

import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.risk_control import (
    LOWEST,
    Spans,
    documents_needed,
    find_promise,
    p_value,
    scored_spans,
)
from spacy_transformer_ner.evaluation.thresholds import find_threshold

from ..conftest import SENTENCES, ner


def corpus_of(seed, n, difficulty=1.0):
    """Documents whose entities are found with scores that are calibrated."""
    chance = numpy.random.default_rng(seed)
    gold = chance.integers(1, 12, n)
    documents = numpy.repeat(numpy.arange(n), gold)
    # The entities of a document are similarly difficult.
    scores = chance.beta(9, difficulty, n)[documents] * chance.beta(30, 1, len(documents))
    right = chance.random(len(documents)) < scores
    return Spans(documents, scores, right, gold)


@pytest.mark.parametrize("risk, share", [("missed", 0.3), ("wrong", 0.1), ("wrong", 0.15)])
def test_promises_are_kept(risk, share):
    """Of 40 corpora, at most a tenth may lead to a threshold that breaks the promise."""
    truth = corpus_of(0, 5_000)
    broken = promised = 0
    for seed in range(1, 41):
        try:
            point, promise = find_promise(corpus_of(seed, 150), risk, share, 0.9)
        except InputError:
            continue
        promised += 1
        assert promise.share <= share and promise.mean_share <= share
        bad, of = truth.counts(risk, point.threshold)
        broken += bad.sum() / of.sum() > share or (bad / of).mean() > share
    assert promised > 20 and broken <= 4


def test_higher_thresholds_miss_more_and_report_less():
    spans = corpus_of(1, 300)
    missed = [find_promise(spans, "missed", share, 0.9)[0] for share in (0.3, 0.4)]
    assert missed[0].threshold < missed[1].threshold and missed[0].recall > missed[1].recall
    wrong = [find_promise(spans, "wrong", share, 0.9)[0] for share in (0.12, 0.16)]
    assert wrong[0].threshold > wrong[1].threshold and wrong[0].precision > wrong[1].precision
    # A higher level costs something.
    assert find_promise(spans, "wrong", 0.16, 0.99)[0].threshold > wrong[1].threshold


def test_the_test_is_not_fooled_by_few_documents():
    right, of = numpy.zeros(44), numpy.full(44, 100)
    # Without a single mistake, .95 ** 44 is more than .1.
    assert p_value(right, of, 0.05, 0.9) > 0.1
    needed = documents_needed(0.05, 0.9)
    assert 45 <= needed < 90
    assert p_value(numpy.zeros(needed), numpy.ones(needed), 0.05, 0.9) <= 0.1
    assert p_value(numpy.zeros(1), numpy.ones(1), 0.5, 0.5) == 1.0


def test_one_large_document_counts():
    """The mean over documents is low, but most of the entities are in one that is missed."""
    bad, of = numpy.zeros(200), numpy.ones(200)
    assert p_value(bad, of, 0.05, 0.9) < 0.1
    bad[0] = of[0] = 1000
    assert p_value(bad, of, 0.05, 0.9) > 0.5


def test_selected_documents():
    spans = corpus_of(2, 50)
    chosen = numpy.arange(50) % 2 == 1
    half = spans.select(chosen)
    assert half.gold.tolist() == spans.gold[1::2].tolist()
    assert set(half.documents.tolist()) <= set(range(25))
    for a, b in zip(half.counts("missed", 0.8), spans.counts("missed", 0.8)):
        assert a.tolist() == b[1::2].tolist()


def test_promises_that_cannot_be_made():
    with pytest.raises(InputError, match="too small .* are in 20 documents, and even .* it takes"):
        find_promise(corpus_of(0, 20), "missed", 0.05, 0.9)
    with pytest.raises(InputError, match=r"even the least likely candidates miss \d.*Allow a high"):
        find_promise(corpus_of(0, 300), "missed", 0.05, 0.9)
    overconfident = corpus_of(0, 300, difficulty=3.0)
    sure = Spans(overconfident.documents, numpy.ones(len(overconfident.scores)),
        overconfident.right, overconfident.gold,
    )  # fmt: skip
    with pytest.raises(InputError, match="spacy ner calibrate"):
        find_promise(sure, "wrong", 0.05, 0.9)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A hundred documents that the pipeline was trained on."""
    nlp = spacy.blank("en")
    docs = []
    for text, entities in SENTENCES * 20:
        doc = nlp.make_doc(text)
        doc.set_ents([doc.char_span(*entity) for entity in entities])
        docs.append(doc)
    path = tmp_path_factory.mktemp("corpus") / "dev.spacy"
    DocBin(docs=docs).to_disk(path)
    return path


def test_spans_are_those_that_the_settings_give(trained, corpus):
    recogniser = trained.get_pipe("transformer_ner")
    spans = scored_spans(trained, corpus)
    assert recogniser.candidates is None and recogniser.max_candidates == 100
    texts = [text for text, _ in SENTENCES]
    for threshold in (LOWEST, 0.05, 0.5):
        with recogniser.unlimited(threshold):
            found = [doc.spans["transformer_ner_candidates"] for doc in trained.pipe(texts)]
        kept = (spans["missed"].scores >= threshold) & (spans["missed"].documents < len(texts))
        assert kept.sum() == sum(map(len, found))
    entities = sum(len(doc.ents) for doc in trained.pipe(texts))
    assert (spans["wrong"].documents < len(texts)).sum() == entities


def test_command(trained, corpus, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    call = ("tune-threshold", tmp_path / "pipeline", corpus)
    done = ner(*call, "--at-most-missed", "0.1", "--write", "--output", tmp_path / "x.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at most 10.0% of the entities are missed in text like this" in " ".join(
        done.stdout.split()
    )
    recogniser = spacy.load(tmp_path / "pipeline").get_pipe("transformer_ner")
    assert recogniser.candidates >= LOWEST and recogniser.max_candidates is None
    assert recogniser.threshold == 0.0
    figures = json.loads((tmp_path / "x.json").read_text())
    assert figures["settings"]["candidates"] == recogniser.candidates
    # A fifth of the documents has no entities.
    assert figures["promise"]["share"] == 0.0 and figures["promise"]["documents"] == 80
    done = ner(*call, "--at-most-wrong", "0.1", "--level", "0.95", "--write")
    assert done.returncode == 0, done.stdout + done.stderr
    assert spacy.load(tmp_path / "pipeline").get_pipe("transformer_ner").threshold > 0
    done = ner(*call, "--at-most-missed", "0.001")
    assert done.returncode == 1 and "is too small to promise" in " ".join(done.stdout.split())
    done = ner(*call, "--at-most-missed", "5")
    assert done.returncode == 2 and "5.0 is not between 0 and 1" in done.stdout


def test_arguments_that_exclude_each_other(trained, corpus):
    with pytest.raises(InputError, match="only one of"):
        find_threshold(trained, corpus, precision=0.9, at_most_wrong=0.1)
    with pytest.raises(InputError, match="leave out per_type"):
        find_threshold(trained, corpus, at_most_missed=0.1, per_type=True)
    with pytest.raises(ValueError, match="at_most_missed must be between 0 and 1, not 5"):
        find_threshold(trained, corpus, at_most_missed=5)
