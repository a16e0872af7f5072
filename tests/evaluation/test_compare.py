import pytest
from spacy.tokens import DocBin

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.compare import compare, predictions

from ..conftest import make_examples, ner


@pytest.fixture
def gold(trained, tmp_path):
    path = tmp_path / "gold.spacy"
    DocBin(docs=[e.reference for e in make_examples(trained)] * 20).to_disk(path)
    return path


def without(gold, trained, tmp_path, label, every=1):
    """Predictions that miss some entities."""
    docs = list(DocBin().from_disk(gold).get_docs(trained.vocab))
    for doc in docs[::every]:
        doc.ents = [ent for ent in doc.ents if ent.label_ != label]
    path = tmp_path / "predictions.spacy"
    DocBin(docs=docs).to_disk(path)
    return path


def test_a_pipeline_and_predictions(trained, gold, tmp_path):
    trained.to_disk(tmp_path / "pipeline")
    references = list(DocBin().from_disk(gold).get_docs(trained.vocab))
    label = references[0].ents[0].label_
    worse = without(gold, trained, tmp_path, label)
    first, second = (predictions(source, gold) for source in (worse, tmp_path / "pipeline"))
    result = compare(first, second, references, permutations=999)
    missed = sum(ent.label_ == label for doc in references for ent in doc.ents)
    assert result.changes() == {
        "fixed": missed, "broken": 0, "no longer spurious": 0, "newly spurious": 0,
    }  # fmt: skip
    assert result.difference.is_significant and result.difference.f > 0
    assert result.first[label].r == 0.0 and result.second[None].f == 1.0
    other = next(name for name in result.per_type if name != label)
    assert result.per_type[other].f == 0.0 and not result.per_type[other].is_significant
    entity = result.changed[0].entity
    assert references[result.changed[0].document].text[entity.start : entity.end] == entity.text
    back = compare(second, first, references, permutations=999)
    assert back.changes()["broken"] == missed


def test_different_texts_raise_error(trained, gold, tmp_path):
    other = tmp_path / "other.spacy"
    docs = list(DocBin().from_disk(gold).get_docs(trained.vocab))
    DocBin(docs=docs[:-1]).to_disk(other)
    with pytest.raises(InputError, match="texts"):
        predictions(other, gold)
    DocBin(docs=[*docs[:-1], trained.make_doc("Something else")]).to_disk(other)
    with pytest.raises(InputError, match="does not have the same text"):
        predictions(other, gold)


def test_unannotated_predictions_raise_error(trained, gold, tmp_path):
    """No annotation is not the same as no entities."""
    docs = [trained.make_doc(doc.text) for doc in DocBin().from_disk(gold).get_docs(trained.vocab)]
    DocBin(docs=docs).to_disk(tmp_path / "raw.spacy")
    with pytest.raises(InputError, match="has no entity annotation"):
        predictions(tmp_path / "raw.spacy", gold)


@pytest.mark.parametrize("texts", [[], [""], ["Not annotated."]])
def test_corpus_without_entities(trained, tmp_path, texts):
    path = tmp_path / "gold.spacy"
    DocBin(docs=[trained.make_doc(text) for text in texts]).to_disk(path)
    with pytest.raises(InputError, match="no entities to compare with"):
        predictions(path, path)


def test_command_output(trained, gold, tmp_path):
    label = next(DocBin().from_disk(gold).get_docs(trained.vocab)).ents[0].label_
    worse = without(gold, trained, tmp_path, label)
    said = []
    for second in (gold, worse):
        done = ner("compare", gold, second, gold, "--permutations", 99)
        assert done.returncode == 0
        said.append(" ".join(done.stdout.split()))
    same, changed = said
    assert "No difference: both find the same entities" in same and "chance" not in same
    assert "The first is better" in changed and "document 0, character 0:" in changed
