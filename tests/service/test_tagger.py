import pytest
from spacy.language import Language

from spacy_transformer_ner.annotation.schema import arrow_schema
from spacy_transformer_ner.service.messages import Entity
from spacy_transformer_ner.service.tagger import Options, Tagger

from ..conftest import SENTENCES, blank_pipeline, make_examples
from .conftest import TEXT


@pytest.fixture(scope="module")
def tagger(trained):
    return Tagger(trained)


def found(nlp, text):
    return [(e.start_char, e.end_char, e.label_, pytest.approx(e._.score, abs=1e-3))
            for e in nlp(text).ents]  # fmt: skip


def shown(answer):
    return [(e["start"], e["end"], e["label"], e["score"]) for e in answer.entities]


def test_same_entities_as_the_pipeline(tagger, trained):
    texts = [text for text, _ in SENTENCES] + ["", " \n", "Ann Lee 😀 in Oslo 😀 "]
    answers = tagger.tag(texts)
    assert [shown(answer) for answer in answers] == [found(trained, text) for text in texts]
    assert all(answer.candidates is None and not answer.error for answer in answers)
    assert sum(len(answer.entities) for answer in answers) >= 12


def test_schema_is_that_of_annotate(tagger):
    pytest.importorskip("pyarrow")
    names = [field.name for field in arrow_schema({}).field("entities").type.value_type]
    assert sorted(Entity.model_fields) == sorted(names)
    (answer,) = tagger.tag([TEXT])
    assert list(answer.entities[0]) == names


@pytest.fixture
def thresholds(trained):
    """Sets the pipeline's own thresholds for a test."""
    recogniser = trained.get_pipe("transformer_ner")
    recogniser.threshold, recogniser.label_thresholds = 0.2, {"PER": 1.0}
    yield recogniser
    recogniser.threshold, recogniser.label_thresholds = 0.0, {}


def labels(answer):
    return sorted({e["label"] for e in answer.entities})


@pytest.mark.parametrize(
    "options, expected",
    [
        (Options(), ["LOC", "ORG"]),
        (Options(threshold=0.0), ["LOC", "ORG", "PER"]),
        (Options(threshold=1.0), []),
        (Options(threshold=1.0, label_thresholds=(("PER", 0.0),)), ["PER"]),
        (Options(label_thresholds=(("ORG", 1.0),)), ["LOC", "PER"]),
        (Options(label_thresholds=()), ["LOC", "ORG", "PER"]),
    ],
)
def test_thresholds_of_a_request(tagger, thresholds, options, expected):
    assert labels(tagger.tag([TEXT], options)[0]) == expected
    # The pipeline has its own again.
    assert (thresholds.threshold, thresholds.label_thresholds) == (0.2, {"PER": 1.0})
    assert labels(tagger.tag([TEXT])[0]) == ["LOC", "ORG"]


def test_candidates(tagger, trained):
    (answer,) = tagger.tag([TEXT], Options(candidates=0.01))
    scores = [c["score"] for c in answer.candidates]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0.5
    assert all(TEXT[c["start"] : c["end"]] == c["text"] for c in answer.candidates)
    assert trained.get_pipe("transformer_ner").candidates is None
    assert tagger.tag([""], Options(candidates=0.01))[0].candidates == ()
    assert tagger.tag([TEXT])[0].candidates is None


def test_one_bad_text_spoils_no_other(encoders):
    """A pipeline that fails on some texts."""
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))

    def fail(doc):
        if "bad" in doc.text:
            raise ValueError("a bad text")
        return doc

    Language.component("fails_in_tests", func=fail)
    nlp.add_pipe("fails_in_tests", first=True)
    tagger = Tagger(nlp)
    long = "x" * (nlp.max_length + 1)
    answers = tagger.tag(["good", "bad 1", "\ud800", "fine", long, "bad 2"], Options(threshold=0.5))
    assert [bool(answer.error) for answer in answers] == [False, True, True, False, True, True]
    assert [answer.entities is None for answer in answers] == [
        bool(answer.error) for answer in answers
    ]
    assert "ValueError: a bad text" in answers[1].error
    assert "lone surrogates" in answers[2].error and "max_length" in answers[4].error
    assert tagger.recogniser.threshold == 0.0
