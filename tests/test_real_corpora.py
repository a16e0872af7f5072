"""Public corpora have their published counts. They may not be redistributed: the tests are
skipped without the files in assets/."""

import numpy
import pytest

from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import unannotated
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.sources import Source

from .conftest import ROOT, blank_pipeline, make_examples

# file: documents, sentences, tokens, entities, scheme, encoding
COUNTS = {
    "conll2003/eng.train": (946, 14041, 203621, 23499, "IOB1", "utf-8-sig"),
    "conll2003/eng.testa": (216, 3250, 51362, 5942, "IOB1", "utf-8-sig"),
    "conll2003/eng.testb": (231, 3453, 46435, 5648, "IOB1", "utf-8-sig"),
    "conll2002-es/esp.train": (8323, 8323, 264715, 18798, "IOB2", "latin-1"),
    "conll2002-es/esp.testa": (1915, 1915, 52923, 4352, "IOB2", "latin-1"),
    "conll2002-es/esp.testb": (1517, 1517, 51533, 3559, "IOB2", "latin-1"),
    "conll2002-nl/ned.train": (287, 15806, 202644, 13344, "IOB2", "utf-8-sig"),
    "conll2002-nl/ned.testa": (74, 2895, 37687, 2616, "IOB2", "utf-8-sig"),
    "conll2002-nl/ned.testb": (119, 5195, 68875, 3941, "IOB2", "utf-8-sig"),
    "wnut17/wnut17train.conll": (3394, 3394, 62730, 1975, "IOB2", "utf-8-sig"),
    "wnut17/emerging.dev.conll": (1009, 1009, 15733, 836, "IOB2", "utf-8-sig"),
    "wnut17/emerging.test.annotated": (1287, 1287, 23394, 1079, "IOB2", "utf-8-sig"),
}
# Lines of entities with invalid tags. In eng.train, a B- tag does not follow an entity of its
# type.
ILLEGAL = {
    "conll2003/eng.train": [152428, 175436],
    "conll2002-es/esp.train": [221619],
    "conll2002-es/esp.testa": [30882],
    "conll2002-es/esp.testb": [9291],
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    path = ROOT / "assets" / name
    if not path.exists():
        pytest.skip(f"assets/{name} is not here")
    file = open_corpus(Source.at(path), ReadOptions())
    documents = list(file)
    sentences = [sentence for document in documents for sentence in document.sentences]
    assert (
        len(documents),
        len(sentences),
        sum(len(sentence.words) for sentence in sentences),
        sum(len(sentence.entities) for sentence in sentences),
        file.tags.scheme,
        file.encoding,
    ) == COUNTS[name]
    assert file.tags.illegal.lines == ILLEGAL.get(name, [])


def test_no_token_of_a_long_sentence_is_lost(encoders, tmp_path):
    """CoNLL-2002 Spanish, from its Latin-1 file to a prediction for each word, as in the recipe
    spanberta-faithful, with a window shorter than most sentences. Truncated words would have no
    prediction."""
    path = ROOT / "assets" / "conll2002-es" / "esp.testb"
    if not path.exists():
        pytest.skip("assets/conll2002-es/esp.testb is not here")
    convert([path], tmp_path / "test.spacy", lang="es")
    window = {"window": 24, "context": 0, "wordpiece_pooling": "first"}
    nlp = blank_pipeline(encoders["byte-bpe"], **window)
    nlp.initialize(lambda: make_examples(nlp))
    references = annotated_docs(tmp_path / "test.spacy", nlp.vocab)
    assert any("ñ" in doc.text for doc in references) and not any("�" in d.text for d in references)
    docs = [unannotated(doc, nlp.vocab, sentences=True) for doc in references]
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    assert sum(encoder.wordpieces([doc]).token_lengths.sum() > 24 for doc in docs) > 1000
    docs = list(nlp.get_pipe("transformer").pipe(docs))
    emissions = nlp.get_pipe("transformer_ner").model.predict(docs)
    assert sum(map(len, emissions)) == COUNTS["conll2002-es/esp.testb"][2] == 51533
    # A word in no window has a zero vector, so its scores are the head's bias.
    for doc in docs:
        vectors = doc._.trf_data.tensors[0][0]
        assert len(vectors) == len(doc) and numpy.abs(vectors).max(axis=1).all()
    tagged = list(nlp.get_pipe("transformer_ner").pipe(docs))
    assert sum(len(doc) for doc in tagged if doc.has_annotation("ENT_IOB")) == 51533
