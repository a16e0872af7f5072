import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation import gathered as gathering
from spacy_transformer_ner.evaluation.calibrate import cross_validated, fit
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.evaluation.gathered import (
    Gathered,
    NotCalibrated,
    gather,
    gather_with_copy,
    joined,
    lower_case,
)
from spacy_transformer_ner.evaluation.reliability import (
    Scored,
    curve,
    find_recogniser,
    reliability,
    threshold_for,
)
from spacy_transformer_ner.recogniser.calibration import CalibrationFeatures
from spacy_transformer_ner.recogniser.known import NEW, SAME

from ..conftest import SENTENCES, make_examples, ner

# Some gold entities differ from the training data.
OTHERS = [
    ("Marit Solheim leads Fjordverk in Oslo.", [(0, 13, "PER"), (33, 37, "LOC")]),
    ("Ann Lee met Marit Solheim in Oslo.", [(0, 7, "PER"), (12, 25, "ORG"), (29, 33, "LOC")]),
]


@pytest.fixture
def corpus(trained, tmp_path):
    nlp = spacy.blank("en")
    docs = []
    for text, entities in SENTENCES * 3 + OTHERS * 2:
        doc = nlp.make_doc(text)
        doc.set_ents([doc.char_span(*entity) for entity in entities])
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "dev.spacy"


@pytest.fixture
def pipeline(trained, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def features_of(generator, n, sharpness=3.0):
    """Predictions with overconfident marginals: their log-odds are scaled."""
    truth = generator.beta(4, 1, n)
    odds = numpy.log(truth / (1 - truth))
    sure = 1 / (1 + numpy.exp(-sharpness * odds))
    right = generator.random(n) < truth
    features = CalibrationFeatures(
        marginals=sure,
        softmaxes=numpy.clip(sure, 0.01, 0.99),
        novelty=numpy.where(generator.random(n) < 0.5, SAME, NEW),
        entropies=numpy.ones(n),
        tokens=numpy.full(n, 30.0),
        labels=numpy.where(generator.random(n) < 0.5, "A", "B").astype(object),
    )
    return features, right


def test_reliability_of_perfect_scores():
    generator = numpy.random.default_rng(0)
    scores = generator.random(50_000)
    found = reliability(scores, generator.random(50_000) < scores)
    assert found.ece < 0.01 and found.brier == pytest.approx(1 / 6, abs=0.01)
    assert len(found.bins) == 15 and sum(b.entities for b in found.bins) == 50_000
    assert [b.score for b in found.bins] == sorted(b.score for b in found.bins)


def test_reliability_of_known_values():
    found = reliability(numpy.array([0.9, 0.8, 0.3]), numpy.array([True, False, False]))
    assert found.ece == pytest.approx((0.1 + 0.8 + 0.3) / 3)
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.09) / 3)
    assert found.aurc == pytest.approx((0 + 1 / 2 + 2 / 3) / 3)
    assert reliability(numpy.zeros(0), numpy.zeros(0, dtype=bool)).entities == 0


def test_order_of_texts_is_irrelevant():
    """Ties are shared across bins and cutoffs."""
    generator = numpy.random.default_rng(5)
    scores = generator.integers(1, 5, 100) / 4
    right = generator.random(100) < scores
    expected = reliability(scores, right)
    for _ in range(5):
        order = generator.permutation(100)
        assert reliability(scores[order], right[order]) == expected
    # The mean over both orders: right first and wrong first.
    tied = reliability(numpy.array([0.5, 0.5]), numpy.array([True, False]))
    assert tied.aurc == pytest.approx((0 / 1 + 1 / 2 + 1 / 1 + 1 / 2) / 4)
    assert tied.ece == 0.0 and tied.brier == 0.25


def test_fit_corrects_overconfidence():
    generator = numpy.random.default_rng(1)
    calibration = fit(*features_of(generator, 4000), usual_entropy=0.05, corpus="dev")
    features, right = features_of(generator, 4000)
    before = reliability(features.marginals, right)
    after = reliability(calibration.scores(features), right)
    assert after.ece < 0.03 < before.ece and after.brier < before.brier
    assert set(calibration.label_weights) == {"A", "B"}
    assert calibration.entities == 4000 and calibration.corpus == "dev"


def test_labels_with_few_entities_have_no_weight():
    generator = numpy.random.default_rng(2)
    assert fit(*features_of(generator, 80), usual_entropy=0.05).label_weights == {}


def test_cross_validation_does_not_see_the_document():
    generator = numpy.random.default_rng(3)
    features, right = features_of(generator, 600)
    gathered = Gathered(features, right, numpy.arange(600) // 4, 0.05, {"A": 300, "B": 300})
    scored = cross_validated(gathered, gathered)
    everything = fit(features, right, 0.05).scores(features)
    assert not numpy.allclose(scored.scores, everything)
    assert numpy.abs(scored.scores - everything).mean() < 0.05


def test_fit_needs_right_and_wrong_entities():
    generator = numpy.random.default_rng(4)
    features, right = features_of(generator, 50)
    with pytest.raises(InputError, match="all 50 entities .* are right"):
        fit(features, numpy.ones(50, dtype=bool), 0.05)


def test_gathered_features_match_the_pipeline(trained, corpus):
    gathered = gather(trained, corpus)
    scored = evaluate(trained, corpus).scored
    assert gathered.right.tolist() == scored.right.tolist()
    assert gathered.features.labels.tolist() == scored.labels and gathered.gold == scored.gold
    assert gathered.features.marginals == pytest.approx(scored.marginals, abs=1e-4)
    assert 0 < gathered.right.mean() < 1
    assert trained.pipe_names == ["transformer", "transformer_ner"]


def test_copy_in_lower_case():
    doc = spacy.blank("en")("İzmir hired Ann Lee.")
    doc.set_ents([doc.char_span(0, 5, "LOC"), doc.char_span(12, 19, "PER")])
    copy = lower_case(doc)
    assert copy.text == doc.text.lower() and len(copy.text) == len(doc.text) + 1
    assert [(ent.text, ent.label_) for ent in copy.ents] == [
        (ent.text.lower(), ent.label_) for ent in doc.ents
    ]


def test_calibration_without_entities_in_lower_case(trained, corpus, monkeypatch):
    def gather_cased(nlp, references, progress):
        if all(doc.text == doc.text.lower() for doc in references):
            raise NotCalibrated("the pipeline finds no entities")
        return gather(nlp, references, progress)

    monkeypatch.setattr(gathering, "gather", gather_cased)
    gathered, copy = gather_with_copy(trained, corpus)
    assert copy is gathered


def test_calibration_data_with_a_copy(trained, corpus, monkeypatch):
    monkeypatch.setattr(gathering, "lower_case", lambda doc: doc)
    gathered, copy = gather_with_copy(trained, corpus)
    assert copy is not gathered and copy.right.tolist() == gathered.right.tolist()
    features, right = joined(gathered, copy)
    assert len(features.marginals) == len(right) == 2 * len(gathered.right)


def test_known_forms_have_no_weight():
    """They are right more often in development data than in other text."""
    generator = numpy.random.default_rng(6)
    features, right = features_of(generator, 2000)
    calibration = fit(features, right & (features.novelty == SAME), usual_entropy=0.05)
    assert calibration.weights["new_form"] == 0.0 and calibration.weights["softmax"] != 0.0


def test_evaluation_reports_confidence(trained, corpus):
    result = evaluate(trained, corpus)
    content = json.loads(json.dumps(result.to_dict()["confidence"]))
    assert content["after"]["entities"] == len(result.scored.right)
    assert set(content["per_type"]) == set(result.scored.labels)
    assert result.figures.all.tp == int(result.scored.right.sum())


def test_pipeline_without_transformer_ner():
    with pytest.raises(InputError, match="has no transformer_ner"):
        find_recogniser(spacy.blank("en"))


def scored(scores, right, gold=10):
    right = numpy.array(right, dtype=bool)
    return Scored(numpy.array(scores), numpy.array(scores), right, ["A"] * len(right), {"A": gold})


def test_precision_recall_curve():
    points = curve(scored([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]))
    assert [(p.threshold, p.kept) for p in points] == [(0.1, 4), (0.5, 3), (0.9, 1)]
    assert [p.precision for p in points] == pytest.approx([0.5, 2 / 3, 1.0])
    assert [p.recall for p in points] == pytest.approx([0.2, 0.2, 0.1])
    assert curve(scored([], [])) == []


def test_threshold_for_precision():
    found = threshold_for(scored([0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0]), 0.66)
    assert (found.threshold, found.kept) == (0.7, 3)
    with pytest.raises(InputError, match="the highest is 0.500"):
        threshold_for(scored([0.9, 0.8], [0, 1]), 0.9)


def test_calibrate_command(pipeline, corpus, tmp_path):
    before = sorted(p for p in pipeline.rglob("*") if p.is_file())
    done = ner("calibrate", pipeline, corpus, "--output", tmp_path / "x.json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "x.json").read_text())
    nlp = spacy.load(pipeline)
    calibration = nlp.get_pipe("transformer_ner").calibration
    assert calibration.weights == pytest.approx(figures["calibration"]["weights"])
    # The copy in lower case may have other entities.
    assert calibration.entities > figures["cross_validated"]["after"]["entities"]
    assert calibration.corpus == str(corpus)
    assert sorted(p for p in pipeline.rglob("*") if p.is_file()) == before
    doc = nlp(SENTENCES[0][0])
    assert all(0 < ent._.score < 1 for ent in doc.ents)


@pytest.mark.parametrize("optional, code", [(["--optional"], 0), ([], 1)])
def test_calibrate_command_with_too_little_data(pipeline, trained, tmp_path, optional, code):
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "x.spacy")
    done = ner("calibrate", pipeline, tmp_path / "x.spacy", *optional)
    assert done.returncode == code and "nothing to calibrate on" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stderr


def test_tune_threshold_command(pipeline, corpus, tmp_path):
    done = ner("tune-threshold", pipeline, corpus, "--precision", "0.5", "--write",
        "--output", tmp_path / "x.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "x.json").read_text())
    threshold = spacy.load(pipeline).get_pipe("transformer_ner").threshold
    assert 0 < threshold <= found["thresholds"]["all"]["threshold"]
    assert len(found["curve"]) > 3
    done = ner("tune-threshold", pipeline, corpus, "-p", "0.3", "--write", "--per-type")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(spacy.load(pipeline).get_pipe("transformer_ner").label_thresholds) == {
        "LOC",
        "ORG",
        "PER",
    }
    done = ner("tune-threshold", pipeline, corpus, "--precision", "1.0")
    assert "Traceback" not in done.stderr
