"""Random changes to how texts are read in training."""

import random

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from transformers import AutoTokenizer

from spacy_transformer_ner.encoder.augment import (
    CASES,
    LEFT_OUT,
    N_TYPOS,
    Augmentation,
    misspell,
    sentence_starts,
    write_variant,
)
from spacy_transformer_ner.encoder.wordpieces import WordpieceEncoder
from spacy_transformer_ner.errors import InputError

from ..conftest import blank_pipeline, make_examples

NLP = spacy.blank("en")
TEXT = "Marit Solheim leads Fjordverk in Oslo. It rained there. Nobody knows why"


@pytest.fixture(autouse=True)
def seed():
    numpy.random.seed(0)


@pytest.fixture
def wordpieces(encoders):
    return WordpieceEncoder(AutoTokenizer.from_pretrained(encoders["byte-bpe"]))


def sentences(*lengths):
    """A Doc of sentences of these lengths."""
    starts = [i == 0 for n in lengths for i in range(n)]
    return Doc(NLP.vocab, words=["word"] * sum(lengths), sent_starts=starts)


@pytest.mark.parametrize(
    "case, expected",
    list(enumerate(["of McDonald", "of mcdonald", "OF MCDONALD", "Of Mcdonald", "of Mcdonald"])),
)
def test_cases(case, expected):
    assert " ".join(write_variant(word, case) for word in ("of", "McDonald")) == expected


def test_misspelt_words_keep_most_letters():
    for typo in range(1, N_TYPOS + 1):
        word = write_variant("Fjordverk", typo * len(CASES))
        assert abs(len(word) - len("Fjordverk")) <= 1 and set(word) <= set("Fjordverk")
        assert write_variant("Fjordverk", typo * len(CASES)) == word
        assert write_variant("Fjordverk", typo * len(CASES) + 2) == word.upper()
        for short in ("in", "1996", "..."):
            assert write_variant(short, typo * len(CASES)) == short
    chance = random.Random(0)
    found = {misspell("abcd", chance) for _ in range(200)}
    assert {"bacd", "bcd", "aabcd", "abdc"} <= found
    assert write_variant("Fjordverk", LEFT_OUT) == ""


def test_variants_are_encoded_like_their_text(wordpieces):
    doc = NLP("Oslo, Lima")
    variants = numpy.array([2, LEFT_OUT, 1])
    pieces = wordpieces([doc], variants)
    assert pieces.token_lengths[1] == 0
    expected = wordpieces([Doc(NLP.vocab, words=["OSLO", "lima"], spaces=[True, False])])
    assert pieces.ids.tolist() == expected.ids.tolist()
    assert pieces.shapes.tolist() == expected.shapes.tolist()
    # The cache keeps them apart from the words themselves.
    plain = WordpieceEncoder(wordpieces.tokenizer)([doc])
    assert wordpieces([doc]).ids.tolist() == plain.ids.tolist() != pieces.ids.tolist()


def test_recase_gives_all_words_of_a_text_one_case():
    docs = [sentences(3), sentences(4)] * 50
    reading = Augmentation(recase=0.5).read(docs, 64)
    parts = numpy.split(reading.variants, numpy.cumsum(reading.lengths)[:-1])
    assert all(len(set(part)) == 1 for part in parts)
    cases = [part[0] for part in parts]
    assert set(cases) == set(range(len(CASES))) and 30 < cases.count(0) < 70


def test_typos_are_of_single_words():
    reading = Augmentation(recase=1.0, typos=0.2).read([sentences(1000)], 64)
    typos, cases = numpy.divmod(reading.variants, len(CASES))
    assert len(set(cases)) == 1 and 0.1 < (typos > 0).mean() < 0.3
    assert set(typos) == set(range(N_TYPOS + 1))


def test_no_punctuation_leaves_out_punctuation_of_whole_texts():
    docs = [NLP("Oslo, Lima.")] * 100
    reading = Augmentation(recase=1.0, no_punctuation=0.5).read(docs, 64)
    left_out = (reading.variants == LEFT_OUT).reshape(100, 4)
    assert {tuple(row) for row in left_out} == {(False,) * 4, (False, True, False, True)}
    assert 30 < left_out[:, 1].sum() < 70


def test_regroup_cuts_and_joins_between_sentences():
    docs = [sentences(2, 3, 4), sentences(5), sentences(6), sentences(2, 60), sentences(3)]
    ends = {2, 5, 9, 14, 20, 22, 82, 85}
    lengths = set()
    for _ in range(300):
        found = Augmentation(regroup=1.0).read(docs, 20).lengths
        assert found.sum() == 85 and (found > 0).all()
        assert set(numpy.cumsum(found)) <= ends
        lengths.update(found.tolist())
    # Single sentences, whole Docs, and several; but no more than the longest.
    assert {2, 3, 4, 9, 14, 20, 11} <= lengths
    assert max(lengths) == 62
    unchanged = Augmentation(regroup=1.0, recase=0.0).read([], 20)
    assert len(unchanged.variants) == 0


def test_sentences_start_after_full_stops_if_they_are_not_set():
    doc = NLP(TEXT)
    starts = sentence_starts(doc).tolist()
    assert [doc[start].text for start in starts] == ["It", "Nobody"]
    doc = sentences(2, 3)
    assert sentence_starts(doc).tolist() == [2]


def test_unknown_and_impossible_settings(encoders):
    for augment, message in (
        ({"recasing": 0.1}, "no setting 'recasing'.*recase, no_punctuation, typos, regroup"),
        ({"typos": 1.5}, "augment.typos is 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            blank_pipeline(encoders["wordpiece"], augment=augment)


def test_texts_are_changed_in_training_only(encoders):
    nlp = blank_pipeline(
        encoders["byte-bpe"], augment={"recase": 1.0, "typos": 0.5, "no_punctuation": 0.5}
    )
    nlp.initialize(lambda: make_examples(nlp))
    model, seen = nlp.get_pipe("transformer").model, []
    encoder = model.shims[0].encoder
    encoder.transformer.get_input_embeddings().register_forward_hook(
        lambda module, args, output: seen.append(args[0])
    )
    docs = [nlp.make_doc(TEXT)]
    plain = encoder.wordpieces(docs).ids.tolist()
    model.predict(docs)
    model.begin_update(docs)
    read = [ids[0].tolist()[1:][: len(plain)] for ids in seen]
    assert read[0] == plain != read[1]


def test_vectors_of_joined_texts_belong_to_their_docs(encoders, monkeypatch):
    """With regrouped texts, each Doc still gets a vector and a gradient for each token."""
    nlp = blank_pipeline(encoders["wordpiece"], augment={"regroup": 1.0}, window=16, context=2)
    nlp.initialize(lambda: make_examples(nlp))
    model = nlp.get_pipe("transformer").model
    docs = [nlp.make_doc(TEXT), nlp.make_doc(""), nlp.make_doc("Oslo"), nlp.make_doc(TEXT)]
    shim, windows = model.shims[0], set()
    encode = shim.encode

    def follow(pieces, cut, is_train):
        windows.add(tuple((window.core_start, window.core_end) for window in cut))
        return encode(pieces, cut, is_train)

    monkeypatch.setattr(shim, "encode", follow)
    for _ in range(20):
        batch, backprop = model.begin_update(docs)
        assert [len(vectors) for vectors in batch.vectors] == list(map(len, docs))
        assert all(vectors.any(axis=1).all() for vectors in batch.vectors)
    assert len(windows) > 5
    windows.clear()
    for _ in range(5):
        model.predict(docs)
    assert len(windows) == 1
    backprop(batch)
    nlp.update(make_examples(nlp), sgd=nlp.create_optimizer())
