"""The metrics and summaries of the benchmarks."""

import random
import sys

import pytest
import srsly

from .conftest import ROOT


@pytest.fixture(scope="module", autouse=True)
def scripts():
    """Add the folders of the benchmarks to the path, as when they run as scripts. Other scripts
    have modules with the same names."""
    folders = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "peers")]
    names = (
        "common", "compare", "corpora", "gpu", "gpu_pipelines", "hugging_face", "machine", "suite",
    )  # fmt: skip
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path[:0] = folders
    yield
    del sys.path[: len(folders)]
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


def test_f_score_counts_exact_spans():
    from common import f_score

    gold = [[(0, 2, "PER"), (3, 4, "LOC")], [(0, 1, "ORG")]]
    found = [[(0, 2, "PER"), (3, 5, "LOC")], []]
    assert f_score(gold, found) == pytest.approx(2 * 1 / (3 + 2))
    assert f_score(gold, gold) == 1.0 and f_score([[]], [[]]) == 0.0
    with pytest.raises(ValueError):
        f_score(gold, found[:1])


def test_tags_are_read_as_seqeval_reads_them():
    from hugging_face import _lenient_spans
    from seqeval.metrics.sequence_labeling import get_entities

    generator = random.Random(0)
    for _ in range(500):
        tags = generator.choices(["O", "B-A", "I-A", "B-B", "I-B"], k=generator.randint(1, 12))
        expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
        assert _lenient_spans(tags) == expected


def test_summary():
    from compare import plan, seconds_to, summary

    def run(dev_f, test_f, curve, epochs=2.0):
        return {
            "dev_f": dev_f, "test_f": test_f, "curve": curve, "epochs": epochs,
            "peak_memory_mib": 100,
        }  # fmt: skip

    curve = [[10.0, 0.5], [20.0, 0.8], [30.0, 0.9], [40.0, 0.85]]
    assert seconds_to(curve, 0.8) == 20.0 and seconds_to(curve, 0.95) is None
    found = summary(
        {
            "ours": [run(0.9, 0.8, curve), run(0.8, 0.7, curve)],
            "hf": [run(0.85, 0.75, [[50.0, 0.6], [100.0, 0.85]])],
        }
    )
    assert found["ours"]["mean_test_f"] == 0.75 and found["ours"]["seconds_per_epoch"] == 20.0
    assert found["ours"]["to_dev_f_of_hf"]["seconds"] == [30.0, 30.0]
    assert found["ours"]["to_dev_f_of_hf"]["of_its_time"] == 0.3
    assert list(plan(["a", "b"], 2, ["b"])) == [("a", 0), ("b", 0), ("a", 1)]


def test_plot_of_saved_result(tmp_path):
    pytest.importorskip("matplotlib")
    from compare import plot, summary

    run = {
        "dev_f": 0.9, "test_f": 0.8, "curve": [[0.0, 0.0], [60.04, 0.5], [120.0, 0.9]],
        "epochs": 2.0, "peak_memory_mib": 100,
    }  # fmt: skip
    kept = summary({"ours": [run, run], "spacy": [run]})
    assert kept["ours"]["curves"] == [[[0.0, 0.0], [60.0, 0.5], [120.0, 0.9]]] * 2
    plot(kept, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    plot(kept, tmp_path / "again.svg")
    assert drawn == (tmp_path / "again.svg").read_text()
    assert "this package" in drawn and "transformers" not in drawn


def test_parts_of_a_corpus(monkeypatch, tmp_path):
    import corpora
    import spacy
    from spacy.tokens import Doc

    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=["a", "b", "c"], sent_starts=[True, False, True]) for _ in range(3)]
    for sentences, words in ((1, 2), (2, 3), (3, 5), (6, 9), (7, 9)):
        assert sum(map(len, corpora.first_sentences(docs, sentences))) == words

    monkeypatch.setattr(corpora, "ROOT", tmp_path)
    monkeypatch.setattr(corpora, "PARTS", tmp_path / "parts")
    assert corpora.find_corpus("wnut17") == tmp_path / "corpus" / "wnut17"
    whole = tmp_path / "corpus" / "conll2003"
    whole.mkdir(parents=True)
    (whole / "news.spacy").write_bytes(b"")
    for split in ("train", "dev"):
        corpora.write(docs, whole / f"{split}.spacy")
    part = corpora.find_corpus("conll2003-3")
    assert [len(doc) for doc in corpora.read(part / "train.spacy")] == [3, 2]
    assert len(corpora.read(part / "dev.spacy")) == 3 and (part / "news.spacy").exists()


def test_tuned_settings_are_chosen_on_dev(monkeypatch, tmp_path):
    import suite

    trained = []

    def train(command, output, seed):
        rate = command[command.index("--learn-rate") + 1] if "--learn-rate" in command else "5e-5"
        epochs = command[command.index("--epochs") + 1]
        trained.append((output.name, rate, epochs, seed))
        best = (rate, epochs) == ("1e-4", "30")
        return {
            "dev_f": 0.9 if best else 0.8, "test_f": 0.7 if best else 0.95, "further_f": {"news": 0.5},
            "curve": [[0.0, 0.0], [9.6, 0.8]],
        }  # fmt: skip

    monkeypatch.setattr(suite, "train", train)
    task = suite.Task("politics", tmp_path, 200)
    runs = [suite.run_system(task, "hf-tuned", seed, -1) for seed in (0, 1)]
    found = suite.summary(runs)
    assert found == {
        "dev_f": 0.9, "test_f": 0.7, "news_f": 0.5, "seconds": [10, 10],
        "chosen": "1e-4, 30 epochs",
    }  # fmt: skip
    assert trained[-1] == ("hf-tuned-1e-4-30-1", "1e-4", "30", 1)
    assert len({name for name, *_ in trained}) == 7  # all settings, and the best with seed 1
    assert suite.run_system(task, "hf", 0, -1)["test_f"] == 0.95


def test_figures_of_a_gpu_are_kept(tmp_path):
    """Each is saved at once; those that fail or have no time left say so."""
    from gpu import Figures

    def fail():
        raise RuntimeError("out of memory")

    figures = Figures(tmp_path / "gpu.json", 1.0, -1)
    figures.measure("good", lambda: {"words_per_second": 7})
    figures.measure("bad", fail)
    figures.end = 0.0
    figures.measure("late", lambda: {"words_per_second": 8})
    found = srsly.read_json(tmp_path / "gpu.json")
    assert found["good"] == {"words_per_second": 7}
    assert found["bad"] == {"error": "RuntimeError: out of memory"}
    assert found["late"] == {"error": "not run: no time left"}
