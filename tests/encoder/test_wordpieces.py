import pytest
import spacy
from spacy.tokens import Doc
from transformers import AutoTokenizer

from spacy_transformer_ner.encoder.shapes import (
    INITIAL,
    LOWER,
    MIXED,
    OTHER,
    TITLE,
    UPPER,
    word_shape,
)
from spacy_transformer_ner.encoder.wordpieces import WordpieceEncoder

from ..conftest import FAMILIES, SENTENCES


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request, encoders):
    return WordpieceEncoder(AutoTokenizer.from_pretrained(encoders[request.param]))


def tokens_of(encoder, doc):
    pieces = encoder([doc])
    names = encoder.tokenizer.convert_ids_to_tokens(pieces.ids.tolist())
    ends = pieces.token_lengths.cumsum()
    return [names[end - n : end] for n, end in zip(pieces.token_lengths, ends)]


def test_words_separated_by_spaces_are_encoded_like_the_text(encoder):
    # If every token is followed by a space, the tokens are encoded like the whole text.
    for text, _ in SENTENCES:
        words = text.rstrip(".").split(" ")
        doc = Doc(spacy.blank("en").vocab, words=words)
        # The first word is encoded as if it followed a space, as is usual for NER.
        whole = encoder.tokenizer(" " + " ".join(words), add_special_tokens=False)["input_ids"]
        assert encoder([doc]).ids.tolist() == whole


def test_tokens_without_a_space_before_them(encoders):
    vocab = spacy.blank("en").vocab
    separate = Doc(vocab, words=["Oslo", "Oslo"], spaces=[True, False])
    joined = Doc(vocab, words=["Oslo", "Oslo"], spaces=[False, False])
    for kind in ("byte-bpe", "unigram"):
        encoder = WordpieceEncoder(AutoTokenizer.from_pretrained(encoders[kind]))
        a, b = tokens_of(encoder, separate), tokens_of(encoder, joined)
        assert a[0] == b[0] == a[1]
        assert a[1] != b[1]
        assert a[1][0][0] in "Ġ▁" and b[1][0][0] not in "Ġ▁"


def test_no_leading_space(encoders):
    tokenizer = AutoTokenizer.from_pretrained(encoders["byte-bpe"])
    doc = Doc(spacy.blank("en").vocab, words=["Oslo", "Oslo"], spaces=[True, False])
    first, second = tokens_of(WordpieceEncoder(tokenizer, leading_space=False), doc)
    assert first[0][0] != "Ġ" and second[0][0] == "Ġ"


def test_only_whitespace_has_no_wordpieces(encoder):
    nlp = spacy.blank("en")
    doc = nlp("Oslo \n\n \ufe0f x\u00a0y \t 😀\u200b z")
    lengths = encoder([doc]).token_lengths
    assert [n == 0 for n in lengths] == [token.is_space for token in doc]


def test_continues(encoder):
    pieces = encoder([spacy.blank("en")("Oslo \n zorkmidlebowski, x"), spacy.blank("en")("Oslo")])
    first = iter(pieces.continues.tolist())
    for length in pieces.token_lengths.tolist():
        assert [next(first) for _ in range(length)] == [i > 0 for i in range(length)]


def test_batches_equal_single_docs(encoder):
    nlp = spacy.blank("en")
    docs = [nlp(text) for text, _ in SENTENCES] + [nlp(""), nlp("Oslo")]
    together = encoder(docs)
    apart = [encoder([doc]) for doc in docs]
    assert together.ids.tolist() == [i for pieces in apart for i in pieces.ids.tolist()]
    assert together.doc_lengths.tolist() == [len(doc) for doc in docs]
    assert together.token_lengths.sum() == len(together.ids) == len(together.shapes)


def test_docs_with_different_vocabs(encoder):
    docs = [Doc(spacy.blank("en").vocab, words=words) for words in (["Oslo", "abcq"], ["zork"])]
    together = encoder(docs).ids.tolist()
    assert together == [i for doc in docs for i in encoder([doc]).ids.tolist()]


def test_full_cache_is_emptied(encoder, monkeypatch):
    nlp = spacy.blank("en")
    before = encoder([nlp("Ann Lee in Oslo")]).ids.tolist()
    monkeypatch.setattr("spacy_transformer_ner.encoder.wordpieces.MAX_CACHED_TOKENS", 0)
    assert encoder([nlp("Ann Lee in Oslo")]).ids.tolist() == before


def test_special_wordpieces(encoder):
    ids = encoder.tokenizer("Oslo")["input_ids"]
    assert encoder.prefix == ids[:1] and encoder.suffix == ids[-1:]


@pytest.mark.parametrize(
    "word, shape",
    [
        ("1996", OTHER),
        ("!", OTHER),
        ("日本", OTHER),
        ("cat", LOWER),
        ("Paris", TITLE),
        ("Paris-based", TITLE),
        ("EU", UPPER),
        ("U.S.", UPPER),
        ("J.", INITIAL),
        ("McDonald", MIXED),
        ("iPhone", MIXED),
        ("été", LOWER),
    ],
)
def test_word_shape(word, shape):
    assert word_shape(word) == shape
