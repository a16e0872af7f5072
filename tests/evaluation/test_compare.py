import json
from dataclasses import replace
from pathlib import Path

import pytest
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_transformer_ner.corpus.reader import read_corpus
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.compare import compare
from spacy_transformer_ner.evaluation.runs import Run, find_runs, read_run
from spacy_transformer_ner.evaluation.units import align

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
    first, second = (read_run(source, gold) for source in (worse, tmp_path / "pipeline"))
    result = compare([first], [second], references, permutations=999)
    missed = sum(ent.label_ == label for doc in references for ent in doc.ents)
    assert result.changes() == {
        "fixed": missed, "broken": 0, "no longer spurious": 0, "newly spurious": 0,
    }  # fmt: skip
    assert result.difference.is_significant and result.difference.f > 0
    assert first.counts[label].r == 0.0 and result.difference.second == second.counts[None].f == 1.0
    assert first.speed is first.size is first.labels is None
    assert second.speed > 0 and second.size > 10_000 and second.labels == {"LOC", "ORG", "PER"}
    other = next(name for name in result.per_type if name != label)
    assert result.per_type[other].f == 0.0 and not result.per_type[other].is_significant
    entity = result.changed[0].entity
    assert references[result.changed[0].document].text[entity.start : entity.end] == entity.text
    back = compare([second], [first], references, permutations=999)
    assert back.changes()["broken"] == missed


def test_different_texts_raise_error(trained, gold, tmp_path):
    other = tmp_path / "other.spacy"
    docs = list(DocBin().from_disk(gold).get_docs(trained.vocab))
    DocBin(docs=docs[:-1]).to_disk(other)
    with pytest.raises(InputError, match="texts"):
        read_run(other, gold)
    DocBin(docs=[*docs[:-1], trained.make_doc("Something else")]).to_disk(other)
    with pytest.raises(InputError, match="does not have the same text"):
        read_run(other, gold)


def test_unannotated_predictions_raise_error(trained, gold, tmp_path):
    """No annotation is not the same as no entities."""
    docs = [trained.make_doc(doc.text) for doc in DocBin().from_disk(gold).get_docs(trained.vocab)]
    DocBin(docs=docs).to_disk(tmp_path / "raw.spacy")
    with pytest.raises(InputError, match="has no entity annotation"):
        read_run(tmp_path / "raw.spacy", gold)


@pytest.mark.parametrize("texts", [[], [""], ["Not annotated."]])
def test_corpus_without_entities(trained, tmp_path, texts):
    path = tmp_path / "gold.spacy"
    DocBin(docs=[trained.make_doc(text) for text in texts]).to_disk(path)
    with pytest.raises(InputError, match="no entities to compare with"):
        read_run(path, path)


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
    assert (
        "The first is better" in changed and "document 0, character 0: [Marit Solheim]" in changed
    )
    assert (
        f"the second is worse at {label} (-1.000)" in changed and "three seeds or more" in changed
    )


def test_runs_of_two_recipes(trained, gold, tmp_path):
    """Two runs of the first recipe miss a type that the second finds; a third run misses another."""
    other, label = "LOC", "PER"
    runs = {"first": [label, label, other], "second": [None, None, None]}
    options = []
    for side, missing in runs.items():
        for i, name in enumerate(missing):
            path = tmp_path / f"{side}-{i}.spacy"
            without(gold, trained, tmp_path, name).rename(path)
        options += [f"--{side}", tmp_path / f"{side}-*.spacy"]
    output = tmp_path / "comparison.json"
    done = ner("compare", gold, *options, "--output", output)
    said = " ".join(done.stdout.split())
    assert "[Ann Lee] met Marit Solheim in Oslo. PER (1 of 3, then 3 of 3 runs)" in said, said
    content = json.loads(output.read_text())
    assert [Path(run["name"]).name for run in content["first"]] == [
        f"first-{i}.spacy" for i in range(3)
    ]
    assert content["verdict"] in said
    found = {one["entity"]["label"] for one in content["changed"] if one["change"] == "fixed"}
    assert found == {label}  # only one of three runs misses the other
    f = [run["all"]["f"] for run in content["first"]]
    assert content["difference"]["first"] == pytest.approx(sum(f) / 3)
    assert content["per_type"][label]["corrected"] >= content["per_type"][label]["p_value"]


def test_labels_that_one_side_does_not_know(trained, gold):
    references = list(DocBin().from_disk(gold).get_docs(trained.vocab))
    run = read_run(gold, gold)
    knows = {"PER", "LOC", "ORG"}
    sides = [
        replace(run, labels=frozenset(labels)) for labels in (knows, {*knows, "EVENT", "DATE"})
    ]
    result = compare([sides[0]], [sides[1]], references, permutations=99)
    assert list(result.per_type) == ["DATE", "EVENT", "LOC", "ORG", "PER"]
    assert result.knows("DATE") == (False, True) and result.knows("PER") == (True, True)
    assert not result.per_type["DATE"].is_significant
    equal = compare([sides[1]], [sides[1]], references, permutations=99)
    assert list(equal.per_type) == ["LOC", "ORG", "PER"]


def test_context_is_the_sentence(tmp_path):
    path = tmp_path / "test.conll"
    rows = [
        "-DOCSTART- O",
        "",
        "It O",
        "rained O",
        ". O",
        "",
        "Ann B-PER",
        "Lee I-PER",
        "left O",
        ". O",
        "",
        "So O",
        "",
    ]
    path.write_text("\n".join(2 * rows))
    docs = list(read_corpus(path))
    predicted = docs[0].copy()
    predicted.ents = []
    runs = [Run([align(Example(doc, docs[0]))]) for doc in (predicted, docs[0])]
    (one,) = compare([runs[0]], [runs[1]], docs[:1], permutations=99).changed
    assert one.change == "fixed" and one.entity.text == "Ann Lee"
    assert one.context.place == f"{path}:7"
    assert (one.context.before.strip(), one.context.after.strip()) == ("", "left.")


def test_find_runs(tmp_path):
    for name in ("a-1", "a-0", "b"):
        (tmp_path / name / "model-best").mkdir(parents=True)
    pattern = str(tmp_path / "a-*")
    assert find_runs([pattern, "en_ner"]) == [
        *(str(tmp_path / name / "model-best") for name in ("a-0", "a-1")), "en_ner",
    ]  # fmt: skip
    with pytest.raises(InputError, match="comes twice"):
        find_runs([pattern, str(tmp_path / "a-0" / "model-best")])
    with pytest.raises(InputError, match="no such files"):
        find_runs([str(tmp_path / "c-*")])


@pytest.mark.parametrize(
    "arguments",
    [["c"], ["a", "b"], ["a", "c", "--first", "x", "--second", "y"], ["c", "--first", "x"]],
)
def test_wrong_arguments(arguments):
    done = ner("compare", *arguments)
    assert done.returncode == 1 and "--first and --second" in " ".join(done.stdout.split())
