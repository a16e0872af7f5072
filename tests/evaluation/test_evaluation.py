import json

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.compare import compare
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.evaluation.figures import compute_figures
from spacy_transformer_ner.evaluation.runs import Run
from spacy_transformer_ner.evaluation.units import Units, align
from spacy_transformer_ner.report.contents import Contents
from spacy_transformer_ner.report.page import render

from ..conftest import SENTENCES, make_examples, ner
from .conlleval import conlleval

VOCAB = spacy.blank("en").vocab


def doc_of(words, ents, spaces=None):
    doc = Doc(VOCAB, words=words, spaces=spaces)
    doc.set_ents([Span(doc, *ent) for ent in ents])
    return doc


@st.composite
def entity_sets(draw, length):
    ents, position = [], 0
    while position < length:
        end = draw(st.integers(position, min(length, position + 3)))
        if end > position:
            ents.append((position, end, draw(st.sampled_from("AB"))))
        position = max(end, position + 1)
    return tuple(ents)


@st.composite
def corpora(draw):
    units = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 8))
        units.append(Units(draw(entity_sets(length)), draw(entity_sets(length)), (True,) * length))
    return units


@given(corpora())
def test_metrics_equal_seqeval_and_conlleval(units):
    """Valid sequences are unambiguous, so the common scorers agree."""
    figures = compute_figures(units)
    gold, predicted = [u.gold_tags() for u in units], [u.predicted_tags() for u in units]
    assert figures.all.f == pytest.approx(conlleval(gold, predicted)["fb1"] / 100)
    if any(u.gold or u.predicted for u in units):
        for mode in ({"mode": "strict", "scheme": IOB2}, {}):
            report = classification_report(
                gold, predicted, zero_division=0, output_dict=True, **mode
            )
            assert figures.all.f == pytest.approx(report["micro avg"]["f1-score"])
            for label, counts in figures.per_type.items():
                if label in report:
                    assert report[label]["precision"] == pytest.approx(counts.p)
                    assert report[label]["recall"] == pytest.approx(counts.r)
    right = sum(a == b for g, p in zip(gold, predicted) for a, b in zip(g, p))
    assert figures.token_accuracy == right / sum(map(len, gold))


@given(corpora())
def test_metrics_equal_spacy_on_equal_tokens(units):
    examples = []
    for u in units:
        words = [f"w{i}" for i in range(len(u.known))]
        examples.append(Example(doc_of(words, u.predicted), doc_of(words, u.gold)))
        assert align(examples[-1]) == u
    figures, scores = compute_figures(units), get_ner_prf(examples)
    assert figures.all.f == pytest.approx(scores["ents_f"] or 0.0)


def test_counts():
    gold = ((0, 2, "A"), (3, 4, "B"), (5, 6, "A"))
    predicted = ((0, 2, "A"), (3, 4, "A"), (6, 7, "B"))
    figures = compute_figures([Units(gold, predicted, (True,) * 8)])
    assert (figures.all.tp, figures.all.fp, figures.all.fn) == (1, 2, 2)
    assert figures.per_type["A"].to_dict() == {
        "p": 0.5,
        "r": 0.5,
        "f": 0.5,
        "tp": 1,
        "fp": 1,
        "fn": 1,
    }
    assert figures.token_accuracy == 5 / 8


def test_part_of_a_token_is_not_the_token():
    """spaCy's scorer counts a true positive here."""
    gold = doc_of(["John-Smith", "left"], [(0, 1, "PER")])
    predicted = doc_of(["John", "-", "Smith", "left"], [(0, 1, "PER")], [False, False, True, True])
    example = Example(predicted, gold)
    assert get_ner_prf([example])["ents_f"] == 1.0
    assert compute_figures([align(example)]).all.f == 0.0


def test_different_tokenizations():
    gold = doc_of(["Ann-Lee", "left", "."], [(0, 1, "PER")], [True, False, False])
    predicted = doc_of(["Ann", "-", "Lee", "left."], [(0, 3, "PER")], [False, False, True, False])
    units = align(Example(predicted, gold))
    assert len(units.known) == 5
    assert units.gold == units.predicted == ((0, 3, "PER"),)


def test_whitespace_tokens_are_ignored():
    gold = doc_of(["Ann", "left"], [(0, 1, "PER")])
    predicted = doc_of([" ", "Ann", "\n", "left"], [(1, 2, "PER")], [False] * 4)
    assert align(Example(predicted, gold)).predicted == ((0, 1, "PER"),)


def test_whitespace_entities_are_ignored():
    gold = doc_of([" ", "b"], [(0, 1, "X")], [False, False])
    assert align(Example(doc_of(["b"], []), gold)).gold == ()


def test_different_texts_raise_error():
    with pytest.raises(ValueError, match="differ"):
        align(Example(doc_of(["a"], []), doc_of(["a", "b"], [])))


def test_missing_gold_annotation_is_ignored():
    gold = doc_of(["a", "b", "c"], [(0, 1, "X")])
    gold.set_ents([gold[0:1]], missing=[gold[1:2]], default="outside")
    gold = Example.from_dict(
        Doc(VOCAB, words=["a", "b", "c"]), {"entities": ["U-X", "-", "O"]}
    ).reference
    units = align(Example(doc_of(["a", "b", "c"], [(0, 1, "X"), (1, 2, "X")]), gold))
    assert units.known == (True, False, True)
    assert units.predicted == ((0, 1, "X"),)


@pytest.mark.parametrize("tokenization", ["text", "gold"])
def test_evaluate(trained, tmp_path, tokenization):
    path = tmp_path / "test.spacy"
    DocBin(docs=[example.reference for example in make_examples(trained)]).to_disk(path)
    result = evaluate(trained, path, tokenization=tokenization).to_dict()
    n = sum(len(ents) for _, ents in SENTENCES)
    assert result["entities"] == {"p": 1.0, "r": 1.0, "f": 1.0, "tp": n, "fp": 0, "fn": 0}
    assert result["ents_f"] == result["token_accuracy"] == 1.0
    assert result["documents"] == len(SENTENCES) and result["speed"] > 0


def test_corpus_without_entities(trained, tmp_path):
    path = tmp_path / "test.spacy"
    DocBin(docs=[trained.make_doc("Oslo")]).to_disk(path)
    with pytest.raises(InputError, match="no entities"):
        evaluate(trained, path)


def test_types_named_like_metrics(trained, tmp_path):
    """Metrics of all types, and of no entity, are kept apart from those of the types."""
    docs = [trained.make_doc(f"It rained in Oslo {i}.") for i in range(20)]
    for i, doc in enumerate(docs):
        doc.set_ents([Span(doc, 3, 4, ("all", "none")[i % 2])])
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy")
    found = sum(len(doc.ents) for doc in trained.pipe(doc.text for doc in docs))
    figures = json.loads(json.dumps(result.to_dict()))
    assert set(figures["entities_per_type"]) >= {"all", "none"}
    assert figures["entities_per_type"]["all"]["fn"] == 10
    assert figures["entities"]["fn"] == 20 and figures["entities"]["fp"] == found > 0
    assert set(figures["intervals"]["of"]) == set(figures["entities_per_type"])
    assert None in result.intervals and "all" in result.intervals
    assert set(figures["intervals"]["all"]) == set("prf")
    confusion = figures["confusion"]
    assert sum(confusion["none"].values()) == sum(confusion["all"].values()) == 10
    assert confusion["none"]["none"] == 0

    run = Run(result.texts)
    (first,) = compare([run], [run], result.references, permutations=99).to_dict()["first"]
    assert first["all"]["fn"] == 20 and first["per_type"]["all"]["fn"] == 10
    page = render(Contents({"model": "x", "corpus": "y", "text": figures, "gold": figures}))
    assert page.count('<option value="none">none</option>') == 1
    assert page.count('<th scope="row">(none)</th>') == 1


def test_command_prints_one_table(trained, tmp_path):
    trained.to_disk(tmp_path / "model")
    DocBin(docs=[example.reference for example in make_examples(trained)]).to_disk(
        tmp_path / "dev.spacy"
    )
    done = ner("evaluate", tmp_path / "model", tmp_path / "dev.spacy")
    assert done.returncode == 0, done.stdout
    assert "With the corpus' own tokens" in done.stdout and "micro avg" not in done.stdout
    done = ner("evaluate", tmp_path / "model", tmp_path / "dev.spacy", "--seqeval")
    result = evaluate(trained, tmp_path / "dev.spacy", tokenization="gold")
    (row,) = [line.split() for line in done.stdout.splitlines() if "micro avg" in line]
    figures = result.figures.all
    assert row[2:5] == [f"{figure:.4f}" for figure in (figures.p, figures.r, figures.f)]
