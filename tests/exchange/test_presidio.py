import pytest

pytest.importorskip("presidio_analyzer", reason="needs the extra presidio")

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.presidio import OTHER_SCORE, TransformerNerRecognizer

TEXT = "Marit Solheim leads Fjordverk in Oslo."


@pytest.fixture
def analyze(monkeypatch):
    """Analyzes the text with one recognizer, without the network."""

    def refuse(*args, **kwargs):
        raise AssertionError("tried to connect")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("spacy.cli.download", refuse)

    def run(recognizer, text=TEXT, predefined=False, **options):
        registry = RecognizerRegistry([recognizer])
        if predefined:
            registry.load_predefined_recognizers()
            registry.remove_recognizer("SpacyRecognizer")
        engine = AnalyzerEngine(
            registry, NoOpNlpEngine([{"lang_code": "en", "model_name": "none"}])
        )
        found = engine.analyze(text, language="en", **options)
        return sorted(found, key=lambda result: result.start)

    return run


def test_names_and_scores(analyze, trained):
    found = analyze(TransformerNerRecognizer(trained))
    expected = [ent._.score for ent in trained(TEXT).ents]
    assert [(TEXT[r.start : r.end], r.entity_type) for r in found] == [
        ("Marit Solheim", "PERSON"), ("Fjordverk", "ORGANIZATION"), ("Oslo", "LOCATION"),
    ]  # fmt: skip
    assert [r.score for r in found] == pytest.approx(expected, abs=1e-3)
    assert OTHER_SCORE not in [r.score for r in found]
    # A threshold of Presidio applies to the scores of the pipeline.
    least = sum(sorted(expected)[:2]) / 2
    assert len(analyze(TransformerNerRecognizer(trained), score_threshold=least)) == 2
    assert [
        r.entity_type for r in analyze(TransformerNerRecognizer(trained), entities=["PERSON"])
    ] == ["PERSON"]


def test_beside_presidios_own(analyze, trained):
    text = f"{TEXT} The server is 192.168.0.1."
    found = analyze(TransformerNerRecognizer(trained), text, predefined=True)
    assert [(r.entity_type, text[r.start : r.end]) for r in found if r.score > 0.5] == [
        ("PERSON", "Marit Solheim"), ("ORGANIZATION", "Fjordverk"), ("LOCATION", "Oslo"),
        ("IP_ADDRESS", "192.168.0.1"),
    ]  # fmt: skip


def test_own_names(analyze, trained, tmp_path):
    trained.to_disk(tmp_path)
    recognizer = TransformerNerRecognizer(tmp_path, names={"ORG": "COMPANY", "LOC": None})
    assert recognizer.get_supported_entities() == ["COMPANY", "PERSON"]
    assert recognizer.supported_language == "en"
    assert [r.entity_type for r in analyze(recognizer)] == ["PERSON", "COMPANY"]
    with pytest.raises(InputError, match="label 'PERS', which the pipeline lacks"):
        TransformerNerRecognizer(trained, names={"PERS": "PERSON"})


def test_entities_of_other_components(analyze, trained, tmp_path):
    import spacy

    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "VERB", "pattern": "leads"}])
    found = analyze(TransformerNerRecognizer(nlp))
    scores = {r.entity_type: r.score for r in found}
    assert scores["VERB"] == OTHER_SCORE and len(scores) == 4


def test_pipeline_without_scores(trained, monkeypatch):
    monkeypatch.setattr(trained.get_pipe("transformer_ner"), "spans_key", None)
    with pytest.raises(InputError, match="spans_key of transformer_ner is null"):
        TransformerNerRecognizer(trained)
