"""A student learns from a teacher: one of ours, or rules. Killed in the middle, the same command
ends with the same."""

import shutil

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_transformer_ner.cli._few_labels import split_overrides
from spacy_transformer_ner.distillation import mixture as module
from spacy_transformer_ner.distillation.mixture import Mixture, mix, taught
from spacy_transformer_ner.distillation.teacher import Teacher, annotated_texts
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.recogniser.soft_tags import SoftTags

from ..conftest import entities, ner
from .conftest import TEXTS, files_of, interrupting, settings


@pytest.fixture
def rules(tmp_path):
    """A teacher of rules, which knows two types."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    names = {"Marit Solheim": "PER", "Oslo": "LOC"}
    ruler.add_patterns([{"label": label, "pattern": name} for name, label in names.items()])
    nlp.to_disk(tmp_path / "rules")
    return tmp_path / "rules"


def command(encoder, teacher, texts, gold, output, *more):
    return (
        "distill", teacher, texts, "--dev", gold, "--output", output, "--encoder", encoder,
        *settings(), *more,
    )  # fmt: skip


def test_killed_in_every_phase(encoders, teacher, texts, gold, tmp_path, monkeypatch):
    from spacy_transformer_ner.annotation.annotate import Worker
    from spacy_transformer_ner.distillation import distill as phases
    from spacy_transformer_ner.recogniser.component import TransformerNER

    output = tmp_path / "out"

    def run():
        call = command(
            encoders["wordpiece"], teacher, texts, gold, output, "--layers", 1,
            "--train", gold,
        )  # fmt: skip
        return ner(*call)

    done = run()
    assert done.returncode == 0 and "student" in done.stdout, done.stdout
    whole = files_of(output)
    shutil.rmtree(output)

    places = (
        (Worker, "write", 1),
        (phases, "mix", 1),
        (TransformerNER, "update", 4),
        (phases, "f_on", 2),
    )
    for place in places:
        with interrupting(monkeypatch, *place):
            try:
                assert run().returncode != 0
            except KeyboardInterrupt:
                pass
    assert run().returncode == 0
    assert files_of(output) == whole
    found = srsly.read_json(output / "distillation.json")
    assert srsly.read_json(output / "model-best" / "meta.json")["distillation"] == found
    assert found["teacher"]["license"] == "MIT" and found["layers"] == [0]
    assert found["layers_of_teacher"]
    assert found["annotated"]["texts"] == 24 and found["teacher_f"] == 1.0
    # The texts that equal labelled ones are left out.
    assert found["mixture"]["same"] == 8 and found["mixture"]["texts"] == 16
    student = spacy.load(output / "model-best")
    config = student.get_pipe("transformer").model.transformer.config
    assert config.num_hidden_layers == 1 and student.get_pipe("transformer_ner").labels == (
        "LOC", "ORG", "PER",
    )  # fmt: skip


def test_rules_teach(encoders, rules, texts, gold, tmp_path):
    output = tmp_path / "out"
    done = ner(*command(encoders["wordpiece"], rules, texts, gold, output))
    assert done.returncode == 0, done.stdout
    found = srsly.read_json(output / "distillation.json")
    assert found["mixture"]["labelled"] == 0 and found["temperature"] == 1.0
    assert set(found["mixture"]["entities"]) == {"LOC", "PER"}
    docs = list(DocBin(store_user_data=True).from_disk(output / "train.spacy").get_docs(Vocab()))
    # They do not know ORG, and say so.
    assert {SoftTags.of(doc).labels for doc in docs} == {("LOC", "PER")}
    assert all(doc.has_annotation("ENT_IOB") for doc in docs)


def doc_of(text, *ents):
    doc = Doc(Vocab(), words=text.split())
    doc.set_ents([Span(doc, *ent) for ent in ents])
    return doc


def test_mistakes_show_before_annotating(encoders, rules, texts, gold, tmp_path):
    output = tmp_path / "out"

    def said(*more):
        done = ner(*command(encoders["wordpiece"], rules, texts, gold, output, *more))
        assert done.returncode == 1 and not (output / "annotated").exists()
        return " ".join(done.stdout.split())

    assert "--layers 3: the encoder has 2 layers" in said("--layers", "3")
    assert "no setting 'steps'" in said("--training.steps", "3")
    assert "train corpus not found" in said("--train", tmp_path / "none.spacy")


def test_overrides_among_texts():
    assert split_overrides(["a", "--x.y", "1", "b", "--z=2", "c", "--w"]) == (
        ["a", "b", "c"], ["--x.y", "1", "--z=2", "--w"],
    )  # fmt: skip


def test_scores_of_others_are_weights():
    doc = doc_of("Ann met Bo in Oslo", (0, 1, "PER"), (2, 3, "PER"), (4, 5, "DATE"))
    doc.spans["own"] = list(doc.ents)
    doc.user_data["._.", "score_by_label", 0, 3] = {"PER": 0.75}
    soft = SoftTags.of(taught(doc, ["LOC", "PER"], []))
    assert soft.weights.tolist() == [0.75, 1, 1, 1, 1] and soft.labels == ("LOC", "PER")
    assert entities(doc) == [(0, 3, "PER"), (8, 10, "PER")] and not doc.spans
    assert SoftTags.of(taught(doc_of("Ann"), ["LOC", "PER"], ["PER", "X"])).labels == ("PER",)


def test_the_mixture(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FEW_ENTITIES", 1)
    labelled = [doc_of("Ann met Bo", (0, 1, "PER"), (2, 3, "ORG"))]
    texts = [doc_of(f"Di met Bo {i}", (0, 1, "PER"), (2, 3, "X")) for i in range(30)]
    texts.append(doc_of("Ann met Bo"))
    path = tmp_path / "train.spacy"
    found = mix(labelled, [], texts, path)
    assert found == Mixture(
        30, 120, {"PER": 30}, 1, 10, {"ORG": 1, "PER": 1}, {"X": 30}, 1,
    )  # fmt: skip
    docs = list(DocBin(store_user_data=True).from_disk(path).get_docs(Vocab()))
    assert (
        len(docs) == 40 and [SoftTags.of(doc) is None for doc in docs] == [False] * 30 + [True] * 10
    )
    assert [warning[:35] for warning in found.warnings()] == ["The teacher finds no ORG in the tex"]
    away = Mixture(1, 1, {"ORG": 1, "PER": 9}, 1, 1, {"ORG": 6, "PER": 4}, {}, 0)
    assert [warning[:12] for warning in away.warnings()] == ["ORG is 10.0%"]
    with pytest.raises(InputError, match="finds no LOC in the 30 texts, but PER"):
        mix([doc_of("Oslo", (0, 1, "LOC"))], [], texts[:30], path)


def test_temperature(teacher, texts, gold, tmp_path):
    known = Teacher.load(teacher)
    dev = list(DocBin().from_disk(gold).get_docs(Vocab()))
    # The teacher is right about all of dev, so it can be more confident.
    assert known.temperature(dev) < 1
    for doc in dev[:3]:
        doc.ents = [
            Span(doc, e.start, e.end, "LOC" if e.label_ != "LOC" else "PER") for e in doc.ents
        ]
    assert known.temperature(dev) > 1
    known.annotate([str(texts)], tmp_path / "out", candidates=0.01)
    docs = list(annotated_texts(tmp_path / "out", Vocab()))
    assert [doc.text for doc in docs] == TEXTS
    assert all(
        SoftTags.of(doc) is not None and "transformer_ner_candidates" in doc.spans for doc in docs
    )
    assert not known.recogniser.teaches
