"""Several pipelines teach with the average of their distributions."""

import numpy
import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_transformer_ner.distillation.ensemble import Ensemble
from spacy_transformer_ner.distillation.teacher import Teacher
from spacy_transformer_ner.recogniser.constraints import tag_numbers
from spacy_transformer_ner.recogniser.scores import CANDIDATES, SCORES, scores_of
from spacy_transformer_ner.recogniser.soft_tags import SoftTags

from ..conftest import entities
from .conftest import TEXTS

LABELS = ("LOC", "ORG", "PER")


def known(**tags):
    """Annotates "Ann ran" as a member does: the probabilities of the tags of "Ann"."""
    numbers = tag_numbers(LABELS)
    rows = numpy.zeros((2, len(numbers)))
    rows[1, numbers["O"]] = 1.0
    for name, probability in tags.items():
        rows[0, numbers[name.replace("_", "-")]] = probability
    doc = Doc(Vocab(), words=["Ann", "ran"])
    SoftTags.k_best(rows, LABELS, k=3).store(doc)
    return doc


def test_the_average_decides(teacher):
    member = Teacher.load(teacher)
    both = Ensemble((member, member), candidates=0.2)

    def average(first, second):
        (doc,) = both._averaged([[first], [second]])
        return doc

    doc = average(known(U_PER=0.9, O=0.1), known(O=0.6, U_PER=0.4))
    assert entities(doc) == [(0, 3, "PER")] and scores_of(doc) == pytest.approx([0.65], abs=1e-3)
    soft = SoftTags.of(doc)
    numbers = tag_numbers(LABELS)
    assert soft.dense(len(numbers))[0, numbers["U-PER"]] == pytest.approx(0.65, abs=1e-3)
    # What one of them found is gone, and remains a candidate.
    doc = average(known(U_PER=0.6, O=0.4), known(O=0.9, U_ORG=0.1))
    assert not entities(doc) and doc[0].ent_iob_ == "O"
    group = doc.spans[f"transformer_ner{CANDIDATES}"]
    assert [span.label_ for span in group] == ["PER"]
    assert group.attrs[SCORES] == pytest.approx([0.3], abs=1e-3)
    with pytest.raises(ValueError):
        list(both._averaged([[known(O=1.0)], []]))


def test_equal_members_are_like_one(teacher, texts, gold, tmp_path):
    members = Teacher.load(teacher), Teacher.load(teacher)
    one, two = Ensemble(members[:1], candidates=0.2), Ensemble(members, candidates=0.2)
    docs = []
    for ensemble in (one, two):
        output = tmp_path / str(len(ensemble.members))
        assert ensemble.annotate([str(texts)], output).texts == 24
        docs.append(list(ensemble.texts(output, Vocab())))
    assert [doc.text for doc in docs[1]] == TEXTS
    assert [entities(doc) for doc in docs[0]] == [entities(doc) for doc in docs[1]]
    dev = list(DocBin().from_disk(gold).get_docs(Vocab()))
    assert one.temperature(dev) == pytest.approx(two.temperature(dev), rel=0.02)
    assert not any(member.recogniser.teaches for member in members)
