"""A student learns from a teacher's distribution over the tags."""

import numpy
import pytest
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_transformer_ner.recogniser.loss import cross_entropy, gold_tags
from spacy_transformer_ner.recogniser.soft_tags import KEY, SoftTags, Targets, targets

from ..conftest import SENTENCES

LABELS = ("LOC", "PER")


def doc_of(words="Ann Lee met Bo", ents=((0, 2, "PER"), (3, 4, "PER"))):
    doc = Doc(Vocab(), words=words.split())
    doc.set_ents([Span(doc, *ent) for ent in ents])
    return doc


def example_of(doc, words=None):
    words = [token.text for token in doc] if words is None else words.split()
    return Example(Doc(doc.vocab, words=words), doc)


def targets_of(*examples, labels=LABELS):
    truths = numpy.concatenate([gold_tags(each, labels, "ner") for each in examples])
    return truths, targets(examples, truths, labels)


def test_gradient_equals_differences():
    generator = numpy.random.default_rng(1)
    emissions = generator.normal(size=(4, 9))
    wanted = generator.dirichlet(numpy.ones(9), size=4)
    known = numpy.ones((4, 9), dtype=bool)
    known[1, 3:7], wanted[1, 3:7] = False, 0.0
    wanted[1] /= wanted[1].sum()
    wanted[2] = numpy.eye(9)[4]
    given = Targets(wanted, known, numpy.array([1.0, 0.3, 2.0, 1.0]))
    truths = numpy.array([0, 0, 4, -1])
    _, gradient = cross_entropy(emissions, truths, given)
    for row, column in numpy.ndindex(4, 9):
        sides = []
        for step in (1e-5, -1e-5):
            moved = emissions.copy()
            moved[row, column] += step
            sides.append(cross_entropy(moved, truths, given)[0])
        assert gradient[row, column] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-6)
    assert not gradient[3].any() and not gradient[1, 3:7].any()
    # Nothing is left to learn if the student equals its teacher.
    same = numpy.log(numpy.maximum(wanted, 1e-30))
    loss, gradient = cross_entropy(same, truths, given)
    assert loss == pytest.approx(0.0, abs=1e-6) and abs(gradient).max() < 1e-6


def test_certain_targets_are_gold_tags():
    emissions = numpy.random.default_rng(0).normal(size=(3, 9)).astype("float32")
    truths = numpy.array([0, -1, 8])
    certain = Targets(numpy.eye(9)[truths], numpy.ones((3, 9), dtype=bool), numpy.ones(3))
    loss, gradient = cross_entropy(emissions, truths)
    again, same = cross_entropy(emissions, truths, certain)
    assert again == pytest.approx(loss)
    numpy.testing.assert_allclose(same, gradient, atol=1e-7)


def test_stored_and_mapped_by_label():
    doc = doc_of()
    marginals = numpy.full((4, 13), 0.001)
    # The teacher knows PER, LOC and ORG, in this order; here B-PER, B-LOC and U-ORG.
    marginals[0, [1, 5, 12]] = 0.6, 0.2, 0.19
    SoftTags.k_best(marginals, ("PER", "LOC", "ORG"), 3).store(doc)
    (stored,) = (
        DocBin(store_user_data=True)
        .from_bytes(DocBin(store_user_data=True, docs=[doc]).to_bytes())
        .get_docs(doc.vocab)
    )
    _, found = targets_of(example_of(stored))
    # ORG is no type of the student, so for the student it is O.
    assert found.probabilities[0, [5, 1, 0]].round(2).tolist() == [0.61, 0.2, 0.19]
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.known.all() and (found.weights == 1).all()
    flatter = SoftTags.of(stored).sharpened(2.0)
    assert flatter.probabilities[0].tolist() == pytest.approx([0.474, 0.274, 0.267], abs=0.02)


def test_mixed_batch():
    gold, taught, partial = doc_of(), doc_of(), doc_of()
    uniform = numpy.full((4, 9), 1 / 9)
    SoftTags.k_best(uniform, LABELS, 9).store(taught)
    SoftTags(("PER",), weights=numpy.array([0.5, 0.5, 1, 0.9])).store(partial)
    truths, found = targets_of(example_of(gold), example_of(taught), example_of(partial))
    numpy.testing.assert_allclose(found.probabilities[4:8], uniform, atol=1e-3)
    for rows in (slice(0, 4), slice(8, 12)):
        assert (found.probabilities[rows] == numpy.eye(9)[truths[rows]]).all()
    assert found.weights.tolist() == [1] * 8 + [0.5, 0.5, 1, 0.9]
    # Whether a token is a LOC is left open by a teacher that knows PER only.
    assert found.known[:8].all() and not found.known[8:, 1:5].any() and found.known[8:, 5:].all()
    assert targets_of(example_of(gold))[1] is None


def test_other_tokens_keep_their_own_tags():
    doc = doc_of()
    SoftTags.k_best(numpy.full((4, 9), 1 / 9), LABELS, 9).store(doc)
    truths, found = targets_of(example_of(doc, "An n Lee met Bo"))
    assert (found.probabilities[:2] == numpy.eye(9)[truths[:2]]).all()
    assert found.probabilities[2:].max() < 0.12
    # Missing annotation stays missing, so that a part of a Doc can be left out.
    doc.set_ents(list(doc.ents)[:1], missing=[doc[2:]])
    truths, found = targets_of(example_of(doc))
    assert truths[2:].tolist() == [-1, -1] and not found.probabilities[2:].any()
    doc.user_data[KEY]["tags"] = doc.user_data[KEY]["tags"][:3]
    assert SoftTags.of(doc) is None


def test_the_component_teaches(trained):
    ner = trained.get_pipe("transformer_ner")
    texts = [text for text, _ in SENTENCES]
    with ner.using(teaches=True):
        docs = list(trained.pipe([*texts, ""]))
    assert KEY not in trained(texts[0]).user_data
    for doc in docs:
        soft = SoftTags.of(doc)
        assert soft.labels == ner.labels and soft.tags.shape == (len(doc), 6)
        best = [ner.tag_names[tag] for tag in soft.tags[:, 0]]
        tags = [f"{t.ent_iob_}-{t.ent_type_}".rstrip("-") for t in doc]
        assert [tag[:1] in "BU" for tag in best] == [tag[:1] == "B" for tag in tags]
        assert [tag[2:] for tag in best] == [tag[2:] for tag in tags]
        assert (soft.probabilities.sum(axis=1) > 0.99).all()
    # The student is trained towards the distribution, not only the entities.
    examples = [Example(trained.make_doc(doc.text), doc) for doc in docs[:-1]]
    scores = ner.model.predict(list(trained.pipe(texts, disable=["transformer_ner"])))
    close = ner.get_loss(examples, scores)[0]
    for doc in docs:
        SoftTags.of(doc).sharpened(50.0).store(doc)
    assert close < 0.01 and ner.get_loss(examples, scores)[0] > 1
