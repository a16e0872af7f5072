import random

import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.util import registry


def test_some_texts_keep_gold_tokens(tmp_path):
    nlp = spacy.blank("en")
    docs = []
    for _ in range(60):
        doc = Doc(nlp.vocab, words=["Anne-Gaelle", "Sidot", "won"], spaces=[True, True, False])
        doc[2].is_sent_start = True
        doc.set_ents([Span(doc, 0, 2, "PER")])
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")

    def tokens(level):
        config = {
            "@readers": "spacy.Corpus.v1",
            "path": tmp_path / "train.spacy",
            "gold_preproc": False,
            "augmenter": {
                "@augmenters": "spacy-transformer-ner.gold_tokens.v1",
                "level": level,
            },
        }
        corpus = registry.resolve({"corpus": config})["corpus"]
        random.seed(0)
        examples = list(corpus(nlp))
        assert len(examples) == 60
        for example in examples:
            assert example.text == docs[0].text
            (entity,) = example.get_aligned_spans_y2x(example.reference.ents)
            assert entity.text == "Anne-Gaelle Sidot"
            assert example.predicted.has_annotation("SENT_START") == (len(example.predicted) == 3)
        return [len(example.predicted) for example in examples]

    assert set(tokens(0.0)) == {5} and set(tokens(1.0)) == {3}
    assert 15 < tokens(0.5).count(3) < 45
