import json

import numpy
import pytest
import spacy
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin, Span

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.recogniser import constraints
from spacy_transformer_ner.recogniser import scores as score_keeping
from spacy_transformer_ner.recogniser.calibration import (
    FEATURES,
    Calibration,
    CalibrationFeatures,
    design_matrix,
    log_odds,
)
from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.recogniser.known import NEW, OTHER, SAME, KnownEntities

from ..conftest import SENTENCES, make_examples

TEXTS = [text for text, _ in SENTENCES] + [
    "",
    "Oslo hired Bob and Ann",
    "Nobody left Fjordverk in Rome .",
]
CALIBRATION = Calibration(
    intercept=-0.5,
    weights={**dict.fromkeys(FEATURES, 0.1), "softmax": 0.3, "new_form": -1.0},
    label_weights={"PER": 0.4},
    usual_entropy=0.1,
)


def scores(doc):
    return [(ent.text, ent.label_, ent._.score) for ent in doc.ents]


@pytest.fixture
def nlp(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    return spacy.load(tmp_path / "pipeline")


@pytest.fixture
def path(nlp, tmp_path):
    return tmp_path / "pipeline"


def load(path, **settings):
    return spacy.load(path, config={"components": {"transformer_ner": settings}})


def test_every_entity_has_a_score(nlp):
    for doc in nlp.pipe(TEXTS):
        group = doc.spans["transformer_ner"] if len(doc) else []
        assert [span.text for span in group] == [ent.text for ent in doc.ents]
        for ent in doc.ents:
            assert isinstance(ent._.score, float) and 0.0 < ent._.score <= 1.0


def test_scores_are_marginals_until_calibrated(nlp):
    doc = nlp(TEXTS[0])
    group = doc.spans["transformer_ner"]
    assert numpy.array_equal(group.attrs["scores"], group.attrs["marginals"])
    nlp.get_pipe("transformer_ner").calibration = CALIBRATION
    other = nlp(TEXTS[0]).spans["transformer_ner"].attrs
    assert numpy.array_equal(other["marginals"], group.attrs["marginals"])
    assert not numpy.allclose(other["scores"], other["marginals"])


def test_scores_do_not_depend_on_the_batch(nlp):
    nlp.get_pipe("transformer_ner").calibration = CALIBRATION
    together = [scores(doc) for doc in nlp.pipe(TEXTS, batch_size=100)]
    for found, text in zip(together, TEXTS):
        for a, b in zip(found, scores(nlp(text)), strict=True):
            assert a[:2] == b[:2] and a[2] == pytest.approx(b[2], abs=1e-5)


def test_round_trips(nlp, tmp_path):
    nlp.get_pipe("transformer_ner").calibration = CALIBRATION
    expected = [scores(doc) for doc in nlp.pipe(TEXTS)]
    docs = list(nlp.pipe(TEXTS))
    assert [scores(Doc(nlp.vocab).from_bytes(doc.to_bytes())) for doc in docs] == expected
    DocBin(docs=docs).to_disk(tmp_path / "x.spacy")
    again = DocBin().from_disk(tmp_path / "x.spacy").get_docs(nlp.vocab)
    assert [scores(doc) for doc in again] == expected
    nlp.to_disk(tmp_path / "again")
    assert [scores(doc) for doc in spacy.load(tmp_path / "again").pipe(TEXTS)] == expected
    other = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [scores(doc) for doc in other.pipe(TEXTS)] == expected


@pytest.mark.slow
def test_several_processes(nlp):
    nlp.get_pipe("transformer_ner").calibration = CALIBRATION
    expected = [scores(doc) for doc in nlp.pipe(TEXTS, batch_size=2)]
    found = [scores(doc) for doc in nlp.pipe(TEXTS, batch_size=2, n_process=2)]
    for a, b in zip(found, expected, strict=True):
        assert [e[:2] for e in a] == [e[:2] for e in b]
        assert [e[2] for e in a] == pytest.approx([e[2] for e in b], abs=1e-5)


def test_entities_of_other_components_have_none(nlp):
    ruler = nlp.add_pipe("entity_ruler", before="transformer_ner")
    ruler.add_patterns([{"label": "CITY", "pattern": "Oslo"}])
    found = {ent.label_: ent._.score for ent in nlp(TEXTS[0]).ents}
    assert found["CITY"] is None and found["PER"] is not None
    assert nlp.make_doc("Oslo")[0:1]._.score is None


def test_no_score_is_stale(nlp):
    doc = nlp(TEXTS[0])
    first, *others = doc.ents
    doc.ents = [Span(doc, first.start, first.end, label="DOG"), *others]
    assert doc.ents[0]._.score is None and doc.ents[1]._.score is not None
    doc.ents = [Span(doc, first.start, first.end - 1, label=first.label_)]
    assert doc.ents[0]._.score is None


def test_tokens_may_be_merged(nlp):
    expected = [score for *_, score in scores(nlp(TEXTS[0]))]
    nlp.add_pipe("merge_entities")
    doc = nlp(TEXTS[0])
    assert [token.text for token in doc][0] == "Marit Solheim"
    assert [ent._.score for ent in doc.ents] == expected


def test_scores_turned_off(path):
    nlp = load(path, spans_key=None)
    doc = nlp(TEXTS[0])
    assert doc.ents and "transformer_ner" not in doc.spans
    assert all(ent._.score is None for ent in doc.ents)


def test_thresholds(path):
    def found(**settings):
        docs = load(path, **settings).pipe(TEXTS)
        return {(i, e.text): e._.score for i, doc in enumerate(docs) for e in doc.ents}

    every = found()
    middle = sorted(every.values())[len(every) // 2] - 1e-6
    assert set(found(threshold=middle)) == {e for e, score in every.items() if score >= middle}
    nlp = load(path, label_thresholds={"PER": 1.0})
    labels = {ent.label_ for doc in nlp.pipe(TEXTS) for ent in doc.ents}
    assert "PER" not in labels and "LOC" in labels
    assert not [
        e for doc in load(path, threshold=1.0, spans_key=None).pipe(TEXTS[:1]) for e in doc.ents
    ]


@pytest.mark.parametrize(
    "setting", [{"threshold": 2.0}, {"label_thresholds": {"PER": -1}}, {"candidates": 0.0}]
)
def test_invalid_settings(nlp, setting):
    with pytest.raises(ValueError, match="between 0 and 1|above 0"):
        TransformerNER(nlp.vocab, nlp.get_pipe("transformer_ner").model, **setting)


def test_candidates(path):
    nlp = load(path, candidates=0.001)
    for doc in nlp.pipe(TEXTS):
        if not len(doc):
            continue
        group = doc.spans["transformer_ner_candidates"]
        found = {(span.start, span.end, span.label_) for span in group}
        certain = {(e.start, e.end, e.label_) for e in doc.ents if e._.score >= 0.001}
        assert certain <= found and len(found) == len(group)
        order = group.attrs["scores"]
        assert list(order) == sorted(order, reverse=True) and (order >= 0.001).all()
        # Candidates do not set the score of entities.
        assert nlp.make_doc(doc.text)[0:1]._.score is None
    limited = load(path, candidates=1e-6, max_candidates=2)(TEXTS[0])
    assert len(limited.spans["transformer_ner_candidates"]) == 2


def test_spacys_find_threshold(trained, path, tmp_path):
    docs = [example.reference for example in make_examples(trained)]
    DocBin(docs=docs).to_disk(tmp_path / "x.spacy")
    best, score, all_scores = find_threshold(
        str(path), tmp_path / "x.spacy", pipe_name="transformer_ner", threshold_key="threshold",
        scores_key="ents_f", n_trials=3, silent=True,
    )  # fmt: skip
    assert score == 1.0 and best < 1.0 and all_scores[1.0] < 1.0


def test_uncertainty(nlp):
    docs = list(
        nlp.pipe(
            ["Ann Lee met Marit Solheim in Oslo.", "Oslo hired Bob or Rome in", ""],
        )
    )
    ner = nlp.get_pipe("transformer_ner")
    with nlp.select_pipes(disable=["transformer_ner"]):
        docs = list(nlp.pipe([doc.text for doc in docs]))
    confident, uncertain, empty = ner.uncertainty(docs)
    assert 0.0 <= confident < uncertain and empty == 0.0


def test_known_entities():
    known = KnownEntities.of({"Oslo": {"LOC": 3, "ORG": 1}, "Ann": {"PER": 1}})
    again = KnownEntities.from_dict(known.to_dict())
    forms, labels = ["Oslo", "Oslo", "Bob", "Ann"], ["LOC", "ORG", "PER", "PER"]
    assert again.novelty(forms, labels).tolist() == [SAME, OTHER, NEW, SAME]
    assert again.novelty([], []).tolist() == []


def test_known_entities_of_training(trained):
    known = trained.get_pipe("transformer_ner").known_entities
    assert known.novelty(["Oslo", "Rome"], ["LOC", "LOC"]).tolist() == [SAME, NEW]


def test_log_odds_are_finite():
    assert numpy.isfinite(log_odds(numpy.array([0.0, 0.5, 1.0]))).all()


def test_mean_softmax():
    generator = numpy.random.default_rng(0)
    emissions = generator.normal(size=(9, 9))
    softmax = numpy.exp(emissions) / numpy.exp(emissions).sum(1, keepdims=True)
    spans = numpy.array([[0, 1, 0], [1, 3, 1], [3, 9, 0]])
    expected = [
        softmax[0, 4],
        (softmax[1, 5] + softmax[2, 7]) / 2,
        (softmax[3, 1] + softmax[4:8, 2].sum() + softmax[8, 3]) / 6,
    ]
    assert constraints.mean_softmax(emissions, spans) == pytest.approx(expected)


def test_a_doc_that_is_run_again_keeps_its_scores(nlp):
    doc = nlp(TEXTS[0])
    expected = scores(doc)
    assert scores(nlp(doc)) == expected


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": {}},
        {"weights": 3},
        {"weights": dict.fromkeys(FEATURES, "0.5")},
        {"intercept": "x"},
        {"intercept": "0.5"},
        {"usual_entropy": None},
        {"usual_entropy": float("nan")},
        {"label_weights": [1]},
        {"label_weights": {"PER": "0.5"}},
        None,
    ],
)
def test_damaged_calibration(nlp, damage):
    ner = nlp.get_pipe("transformer_ner")
    content = {**CALIBRATION.to_dict(), **damage} if damage is not None else {}
    ner.cfg["calibration"] = content
    with pytest.raises(InputError, match="spacy ner calibrate"):
        ner.calibration
    if "weights" in content:
        with pytest.raises(InputError, match="damaged"):
            nlp(TEXTS[0])


def test_a_calibration_of_a_later_version_is_read(nlp):
    ner = nlp.get_pipe("transformer_ner")
    ner.cfg["calibration"] = {**CALIBRATION.to_dict(), "more": 1}
    assert ner.calibration == CALIBRATION


@pytest.mark.parametrize(
    "setting",
    [
        {"candidates": 0.1, "max_candidates": 0},
        {"candidates": 0.1, "spans_key": None},
        {"spans_key": "x_candidates"},
    ],
)
def test_incompatible_settings(nlp, setting):
    with pytest.raises(ValueError, match="candidates"):
        TransformerNER(nlp.vocab, nlp.get_pipe("transformer_ner").model, **setting)


def test_features_of_each_doc(nlp):
    """The features do not depend on the batch and use the Doc's own entropy and length."""
    ner = nlp.get_pipe("transformer_ner")
    with nlp.select_pipes(disable=["transformer_ner"]):
        docs = list(nlp.pipe(TEXTS))
    spans, together, entropies = ner.features(docs)
    assert [len(found) for found in spans] == [len(doc.ents) for doc in nlp.pipe(TEXTS)]
    owners = numpy.repeat(numpy.arange(len(docs)), [len(found) for found in spans])
    assert together.entropies == pytest.approx(entropies[owners])
    assert together.tokens.tolist() == [len(docs[i]) for i in owners]
    lengths = [max(len(doc), 1) for doc in docs]
    assert entropies / lengths == pytest.approx(ner.uncertainty(docs))
    assert len(set(entropies[owners].round(9).tolist())) > 2
    alone = CalibrationFeatures.join([ner.features([doc])[1] for doc in docs])
    for name in ("marginals", "softmaxes", "entropies", "tokens"):
        assert getattr(together, name) == pytest.approx(getattr(alone, name), abs=1e-5)
    assert together.novelty.tolist() == alone.novelty.tolist()
    assert together.labels.tolist() == alone.labels.tolist()
    first = numpy.arange(len(together.labels)) == 0
    assert together.select(first).labels.tolist() == [together.labels[0]]


def test_scores_survive_from_docs_and_json(nlp):
    nlp.get_pipe("transformer_ner").calibration = CALIBRATION
    docs = list(nlp.pipe(TEXTS))
    expected = [score for doc in docs for score in scores(doc)]
    merged = Doc.from_docs(docs)
    assert "scores" not in merged.spans["transformer_ner"].attrs
    assert scores(merged) == expected
    # A merged Doc can be merged and processed again.
    again = Doc.from_docs([merged, merged])
    assert scores(again) == expected * 2
    assert set(expected) <= set(scores(nlp(again)))
    for doc in docs:
        underscore = ["score_by_label"] if doc.ents else None
        content = json.loads(json.dumps(doc.to_json(underscore=underscore)))
        assert scores(Doc(nlp.vocab).from_json(content)) == scores(doc)
        # Without the attribute, the score is None.
        assert {s for *_, s in scores(Doc(nlp.vocab).from_json(doc.to_json()))} <= {None}
    first = docs[0].ents[0]
    part = docs[0][first.start : first.end + 1].as_doc(copy_user_data=True)
    assert scores(part)[0] == scores(docs[0])[0]


def test_a_merged_doc_has_no_stale_scores(nlp):
    doc = Doc.from_docs([nlp(TEXTS[0]), nlp(TEXTS[1])])
    first, second, *others = doc.ents
    doc.ents = [Span(doc, first.start, first.end, label="DOG"), second, *others]
    assert doc.ents[0]._.score is None and doc.ents[1]._.score is not None
    doc.ents = [Span(doc, first.start, first.end - 1, label=first.label_)]
    assert doc.ents[0]._.score is None


def test_groups_are_read_once(nlp, monkeypatch):
    """Not once per entity: that takes seconds for thousands of entities."""
    calls = []
    index = score_keeping._index
    monkeypatch.setattr(
        score_keeping, "_index", lambda doc, attrs: (calls.append(1), index(doc, attrs))
    )
    doc = nlp(TEXTS[0])
    assert len(calls) == 1
    (again,) = DocBin(docs=[doc]).get_docs(nlp.vocab)
    again.ents = [*again.ents, Span(again, 2, 3, label="VERB")]
    for _ in range(3):
        assert [ent._.score is None for ent in again.ents] == [False, True, False, False]
    assert len(calls) == 2


def test_extension_attribute_of_another_package(nlp):
    """Another package's `ent._.score` is kept."""
    old = Span.remove_extension("score")
    Span.set_extension("score", default="theirs")
    try:
        doc = nlp(TEXTS[0])
        assert [ent._.score for ent in doc.ents] == ["theirs"] * 3
        assert all(score_keeping.scores_of(doc))
    finally:
        Span.remove_extension("score")
        Span.set_extension("score", getter=old[2])


def test_calibration_features():
    """New forms and forms with another label are separate features, and the entropy of a
    text is averaged with that of a hundred tokens of usual text."""
    features = CalibrationFeatures(
        marginals=numpy.array([0.5, 0.9, 1.0]),
        softmaxes=numpy.array([0.5, 0.9, 0.0]),
        novelty=numpy.array([SAME, OTHER, NEW]),
        entropies=numpy.array([2.0, 0.0, 300.0]),
        tokens=numpy.array([1.0, 100.0, 900.0]),
        labels=numpy.array(["A", "B", "A"], dtype=object),
    )
    table = dict(zip(FEATURES, design_matrix(features, usual_entropy=0.1).T))
    assert table["other_label"].tolist() == [0, 1, 0]
    assert table["new_form"].tolist() == [0, 0, 1]
    mixed = [(2 + 10) / 101, (0 + 10) / 200, (300 + 10) / 1000]
    assert table["entropy"] == pytest.approx(numpy.sqrt(mixed))
    assert table["marginal"][:2] == pytest.approx([0, numpy.log(9)])
    assert table["softmax"][:2] == pytest.approx([0, numpy.log(9)])
    # Each feature has its own weight.
    weights = dict(zip(FEATURES, (1.0, 2.0, -3.0, -5.0, 7.0)))
    logits = sum(weights[name] * table[name] for name in FEATURES) + [0.5, 0, 0.5]
    found = Calibration(0.0, weights, {"A": 0.5}, usual_entropy=0.1).scores(features)
    assert found == pytest.approx(1 / (1 + numpy.exp(-logits)))


@pytest.mark.parametrize(
    "damage", [{}, {"forms": 3, "labelled": ""}, {"forms": "é", "labelled": ""}]
)
def test_damaged_known_entities(damage):
    with pytest.raises(InputError, match="known entities"):
        KnownEntities.from_dict(damage)
