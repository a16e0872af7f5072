import pickle

import numpy
import pytest
import spacy
from spacy.kb import InMemoryLookupKB
from spacy.tokens import Doc, DocBin

from spacy_transformer_ner.encoder.batch import register_trf_data

from ..conftest import SENTENCES, blank_pipeline, entities, make_examples

TEXTS = [text for text, _ in SENTENCES]


def cleaner_of(nlp):
    return nlp.get_pipe("doc_cleaner").cfg["attrs"]


@pytest.fixture(params=["default", "explicit attrs"])
def cleaned(request, trained, tmp_path):
    """A saved and loaded pipeline with doc_cleaner."""
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    attrs = {} if request.param == "default" else {"attrs": {"tensor": None, "_.trf_data": None}}
    nlp.add_pipe("doc_cleaner", config=attrs)
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert cleaner_of(nlp) == {"tensor": None, "_.trf_data": None}
    return nlp


@pytest.mark.filterwarnings("error", "ignore:.*W00[78]")
def test_vectors_equal_those_of_a_blank_pipeline(cleaned):
    plain = spacy.blank("en")
    ours, theirs = list(cleaned.pipe(TEXTS)), list(plain.pipe(TEXTS))
    assert any(doc.ents for doc in ours)
    for doc, other in zip(ours, theirs):
        assert doc._.trf_data is None
        assert doc.tensor.shape == other.tensor.shape and doc.tensor.dtype == other.tensor.dtype
        assert doc.has_vector == other.has_vector and doc[0].has_vector == other[0].has_vector
        numpy.testing.assert_array_equal(doc.vector, other.vector)
        numpy.testing.assert_array_equal(doc[0].vector, other[0].vector)
        numpy.testing.assert_array_equal(doc[:2].vector, other[:2].vector)
        assert doc.similarity(ours[0]) == other.similarity(theirs[0])
        assert doc[0].similarity(doc[1]) == other[0].similarity(other[1])
        assert doc[1:].as_doc().vector.shape == other[1:].as_doc().vector.shape
    one, other = Doc.from_docs(ours), Doc.from_docs(theirs)
    assert entities(one)
    numpy.testing.assert_array_equal(one[0].vector, other[0].vector)
    assert one.tensor.shape == other.tensor.shape
    stored = DocBin(store_user_data=True, docs=ours).to_bytes()
    for doc in DocBin().from_bytes(stored).get_docs(cleaned.vocab):
        assert not doc.has_vector


def test_tensors_of_other_components_are_kept(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    doc = nlp("Oslo is far.")
    doc.tensor = numpy.ones((4, 3), dtype="float32")
    doc._.trf_data = None
    assert doc.tensor.shape == (4, 3)


def test_entity_linker_after_doc_cleaner(cleaned):
    cleaned.add_pipe("sentencizer")
    linker = cleaned.add_pipe("entity_linker")

    def knowledge(vocab):
        kb = InMemoryLookupKB(vocab, entity_vector_length=4)
        kb.add_entity(entity="Q585", freq=9, entity_vector=[1, 0, 0, 1])
        kb.add_alias(alias="Oslo", entities=["Q585"], probabilities=[1.0])
        return kb

    linker.set_kb(knowledge)
    linker.initialize(lambda: make_examples(cleaned), nlp=cleaned)
    (found,) = (ent for ent in cleaned("It rained in Oslo.").ents if ent.text == "Oslo")
    assert found.kb_id_ == "Q585"


def test_trf_data_attributes(trained):
    doc = trained("Oslo is far.")
    data = doc._.trf_data
    assert data.tensors[0].shape == data.model_output.last_hidden_state.shape == (1, 4, data.width)
    assert data.align.lengths.tolist() == [1] * 4
    for name in ("attentions", "pooler_output", "hidden_states"):
        assert not hasattr(data.model_output, name)
        with pytest.raises(AttributeError, match=f"no '{name}'.*keeps one vector"):
            getattr(data.model_output, name)
    for read in (
        lambda: data.wordpieces.strings,
        lambda: data.wordpieces.input_ids,
        lambda: len(data.wordpieces),
        lambda: data.wordpieces[0],
        lambda: data.tokens,
        lambda: data.attentions,
    ):
        with pytest.raises(AttributeError, match=r"keeps one vector.*model\.tokenizer"):
            read()
    assert "NoWordpieces" in repr(data)


def test_trf_data_is_copied_and_saved(trained):
    doc = trained("Oslo is far.")
    expected = doc._.trf_data.tensors[0]
    copies = [
        doc.copy(),
        pickle.loads(pickle.dumps(doc)),
        Doc(trained.vocab).from_bytes(doc.to_bytes()),
        *trained.pipe(["Oslo is far.", "Oslo"], n_process=1),
    ]
    for copied in copies[:4]:
        numpy.testing.assert_array_equal(copied._.trf_data.tensors[0], expected)


def test_registering_the_extension_keeps_values(trained):
    """spacy-transformers may have registered it for another pipeline."""
    Doc.set_extension("trf_data", default=None, force=True)
    doc = trained("Oslo is far.")
    data = doc._.trf_data
    register_trf_data()
    assert doc._.trf_data is data and data is not None
    assert trained.make_doc("Oslo")._.trf_data is None


def test_tokenizer_and_transformer_of_the_model(encoders, trained):
    model = trained.get_pipe("transformer").model
    encoder = model.shims[0].encoder
    assert model.tokenizer is encoder.wordpieces.tokenizer
    assert model.transformer is encoder.transformer
    assert model.tokenizer("Oslo")["input_ids"] and model.transformer.config.hidden_size == 32
    blank = blank_pipeline(encoders["wordpiece"]).get_pipe("transformer").model
    assert blank.tokenizer is None and blank.transformer is None
