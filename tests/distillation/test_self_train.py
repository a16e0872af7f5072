"""A pipeline learns from what it is confident about."""

import shutil

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_transformer_ner.distillation import self_train as module
from spacy_transformer_ner.distillation.selection import Sentence, choose, chosen_parts
from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.recogniser.soft_tags import SoftTags

from ..conftest import ner
from .conftest import files_of, interrupting, settings


@pytest.fixture
def run(encoders, teacher, gold, tmp_path):
    """The folder of a training."""
    folder = tmp_path / "run"
    done = ner(
        "train", "minilm", "--train", gold, "--dev", gold, "--encoder", encoders["wordpiece"],
        "--output", folder, *settings(), "--check-only",
    )  # fmt: skip
    assert done.returncode == 0
    shutil.copytree(teacher, folder / "model-best")
    return folder


def sentence(number, *entities, missed=()):
    places = [(*entity, i, i + 1) for i, entity in enumerate(entities)]
    return Sentence(number, 0, 5, tuple(places), missed)


def test_each_type_gives_the_same_share():
    sentences = [sentence(i, ("PER", 0.99 - i / 1000)) for i in range(40)]
    sentences += [sentence(40 + i, ("MISC", 0.8 - i / 100)) for i in range(10)]
    found = choose(sentences, 0.5)
    assert found.taken == {"MISC": 5, "PER": 20} and found.entities == {"MISC": 10, "PER": 40}
    assert found.thresholds == {"MISC": 0.76, "PER": 0.971}
    assert sorted(found.places) == [*range(20), *range(40, 45)]
    # No entity below the least score is taken. It is left out of a sentence with others.
    found = choose([sentence(0, ("PER", 0.4)), sentence(1, ("PER", 0.9), ("MISC", 0.3))], 1.0)
    assert found.places == {1: [(0, 5)]} and found.uncertain == {1: [(1, 2)]}
    assert found.taken == {"MISC": 0, "PER": 1}


def test_sentences_without_entities_do_not_take_over():
    sentences = [sentence(i, ("PER", 0.9 - i / 100)) for i in range(4)]
    sentences += [sentence(4 + i, missed=() if i % 2 else ((0, 1),)) for i in range(20)]
    found = choose(sentences, 0.5, seed=3)
    # 2 of 4 are chosen, and half of the others: those where nothing may be missed.
    assert found.taken == {"PER": 2} and found.chosen == 12 and found.sentences == 24
    assert all(number % 2 for number in found.places if number > 3)
    assert choose(sentences, 0.5, seed=3) == found


def test_the_rest_is_missing():
    doc = Doc(Vocab(), words="Ann left Ed . Bo came . Di ran .".split())
    doc.set_ents([Span(doc, i, i + 1, "PER") for i in (0, 2, 4, 7)])
    sentences = [
        Sentence(0, 0, 4, (("PER", 0.9, 0, 1), ("PER", 0.3, 2, 3))),
        Sentence(0, 4, 7, (("PER", 0.4, 4, 5),)),
        Sentence(0, 7, 10, (("PER", 0.8, 7, 8),), ((9, 10),)),
    ]
    (kept,) = chosen_parts([doc, doc], choose(sentences, 1.0))
    assert [token.ent_iob_ for token in kept] == ["B", "O", "", "O", "", "", "", "B", "O", ""]


def test_rounds(run, texts, teacher, tmp_path, monkeypatch):
    output = tmp_path / "out"

    def finish_training(config, folder, gpu_id):
        shutil.copytree(teacher, folder / "model-best")
        return spacy.load(folder / "model-best")

    monkeypatch.setattr(module, "finish_training", finish_training)
    by_folder = {"run": 0.5, "round-1": 0.6, "round-2": 0.55}
    monkeypatch.setattr(module, "f_on", lambda nlp, dev: by_folder[nlp.path.parent.name])
    call = "self-train", run, texts, "--output", output, *settings()
    done = ner(*call)
    assert done.returncode == 0 and "Round 2 does not gain (0.550): dropped" in done.stdout, (
        done.stdout
    )
    found = srsly.read_json(output / "self-training.json")
    assert (found["first_f"], found["f"]) == pytest.approx((0.5, 0.6))
    assert [each["gained"] for each in found["rounds"]] == [True, False]
    seeds = [spacy.util.load_config(output / f"member-{i}" / "config.cfg") for i in (2, 3)]
    assert [config["system"]["seed"] for config in seeds] == [1, 2]
    first = found["rounds"][0]
    assert first["mixture"]["labelled"] == 5 and first["annotated"]["texts"] == 24
    # Texts that are labelled are chosen, but not learnt twice.
    taken, learnt = first["selection"]["taken"], first["mixture"]["entities"]
    assert first["mixture"]["same"] and all(0 < learnt[label] < taken[label] for label in taken)
    docs = DocBin(store_user_data=True).from_disk(output / "round-1" / "train.spacy")
    taught = [SoftTags.of(doc) is not None for doc in docs.get_docs(Vocab())]
    assert taught.count(True) == first["mixture"]["texts"] and not taught[-1]
    kept, best = (output / "model-best", output / "round-1" / "model-best")
    for name in ("transformer/model", "transformer_ner/model", "transformer_ner/cfg"):
        assert (kept / name).read_bytes() == (best / name).read_bytes()
    assert spacy.load(kept).meta["distillation"] == found
    assert (output / "config.cfg").is_file()
    # A finished round is not repeated, and its settings cannot change.
    monkeypatch.setattr(module, "prepare", lambda *a, **k: pytest.fail("trained"))
    assert ner(*call).returncode == 0
    other = ner(*call, "--training.seed", 3)
    assert other.returncode == 1 and "other settings, texts or labelled data" in other.stdout


def test_killed(run, texts, tmp_path, monkeypatch):
    output = tmp_path / "out"
    call = "self-train", run, texts, "--output", output, "--rounds", 1, *settings()
    assert ner(*call).returncode == 0
    # The pipeline was right about everything before.
    found = srsly.read_json(output / "self-training.json")
    assert found["f"] == found["first_f"] == 1.0 and not found["rounds"][0]["gained"]
    model = "transformer/model"
    assert (output / "model-best" / model).read_bytes() == (run / "model-best" / model).read_bytes()
    whole = files_of(output)
    shutil.rmtree(output)

    for place in ((module, "choose", 1), (TransformerNER, "update", 3), (module, "_keep", 1)):
        with interrupting(monkeypatch, *place):
            ner(*call)
        assert not (output / "self-training.json").exists()
    assert ner(*call).returncode == 0
    assert files_of(output) == whole


def test_no_training(texts, teacher, tmp_path):
    done = ner("self-train", teacher, texts, "--output", tmp_path / "out")
    assert done.returncode == 1 and "no config.cfg and model-best" in done.stdout
