"""The perturbations of benchmarks/robustness.py."""

import random
import sys

import pytest
import spacy
from spacy.tokens import Doc

from .conftest import ROOT

VOCAB = spacy.blank("en").vocab
TEXT = Doc(
    VOCAB,
    words=["“", "Marit", "Solheim", "”", "leads", "Fjordverk", ".", "It", "rained", "in", "Køge", "."],
    spaces=[False, True, False, True, True, False, True, True, True, True, False, False],
    sent_starts=[True, *[False] * 6, True, *[False] * 4],
    ents=["O", "B-PER", "I-PER", "O", "O", "B-ORG", "O", "O", "O", "O", "B-LOC", "O"],
)  # fmt: skip
TAGS = ["PER", "ORG", "LOC"]


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield
    sys.modules.pop("perturbations", None)


def perturbed(name):
    from perturbations import PERTURBATIONS, to_doc, to_words

    words = PERTURBATIONS[name](to_words(TEXT), random.Random(0))
    return to_doc(words, VOCAB)


def test_words_of_a_doc_and_back():
    from perturbations import to_doc, to_words

    again = to_doc(to_words(TEXT), VOCAB)
    assert again.text == TEXT.text and again.to_json() == TEXT.to_json()


def test_all_keep_the_entities():
    from perturbations import PERTURBATIONS, to_doc, to_words

    for name, perturb in PERTURBATIONS.items():
        for seed in range(50):
            doc = to_doc(perturb(to_words(TEXT), random.Random(seed)), VOCAB)
            assert [ent.label_ for ent in doc.ents] == TAGS, name
            assert len(list(doc.sents)) == 2, name


def test_case():
    assert perturbed("lower case").text == TEXT.text.lower()
    assert perturbed("upper case").text == TEXT.text.upper()
    assert perturbed("title case")[8].text == "Rained"


def test_no_punctuation():
    doc = perturbed("no punctuation")
    assert doc.text == "Marit Solheim leads Fjordverk It rained in Køge"
    assert [sent.text for sent in doc.sents][1] == "It rained in Køge"


def test_no_diacritics():
    from perturbations import without_diacritics

    assert without_diacritics("Dvořák naïve Øre") == "Dvorak naive Øre"


def test_words_change_as_often_as_wanted():
    from perturbations import Word, join, misread, misspell, sometimes, split, swap

    words = [Word("Fjordverk", True, i == 0, "O") for i in range(2000)]
    for change, share in ((swap, 0.15), (misspell, 0.15), (misread, 0.3)):
        found = sometimes(share, change)(words, random.Random(0))
        n = sum(word.text != "Fjordverk" for word in found)
        assert share * 1600 < n < share * 2200
    assert 2060 < len(split(words, random.Random(0))) < 2150
    assert 1850 < len(join(words, random.Random(0))) < 1940
    chance = random.Random(0)
    assert {swap("abcd", chance) for _ in range(99)} == {"acbd", "abdc"}


def test_parts_of_an_entity_are_still_one():
    from perturbations import Word, join, split

    words = [Word("Fjordverk", True, False, "B-ORG"), Word("Oslo", True, False, "B-LOC")] * 200
    tags = [word.tag for word in split(words, random.Random(0))]
    assert tags.count("B-ORG") == 200 and 0 < tags.count("I-ORG") < 30
    assert "I-LOC" not in tags
    # Neighbouring entities are not joined.
    assert join(words, random.Random(0)) == words


def test_other_names():
    from perturbations import Word, swap_names, to_words

    other = [
        Word("Ann", True, True, "B-PER"), Word("van", True, False, "I-PER"),
        Word("Lee", True, False, "I-PER"), Word("here", False, False, "O"),
    ]  # fmt: skip
    perturb = swap_names([to_words(TEXT), other])
    found = {tuple(w.text for w in perturb(to_words(TEXT), random.Random(i))) for i in range(20)}
    names = {words[1:-9] for words in found}
    assert names == {("Ann", "van", "Lee"), ("Marit", "Solheim")}
    assert {tuple(w.tag for w in perturb(other, random.Random(i))) for i in range(20)} == {
        ("B-PER", "I-PER", "I-PER", "O"), ("B-PER", "I-PER", "O"),
    }  # fmt: skip


def test_sentences_alone():
    from perturbations import alone, to_words

    assert [len(words) for words in alone(to_words(TEXT))] == [7, 5]
