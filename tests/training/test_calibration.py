"""A training ends with calibrated scores, also if it is interrupted."""

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_transformer_ner.evaluation import calibrate as module

from .conftest import files_of


def calibration_of(pipeline):
    return srsly.read_json(pipeline / "transformer_ner" / "cfg")["calibration"]


def printed(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_interrupted_calibration(run, whole, corpus, tmp_path, monkeypatch, capsys):
    """The training is not repeated, and nothing is lost."""

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "gather_with_copy", interrupt)
        run()
    best = files_of(folder / "model-best")
    assert calibration_of(folder / "model-best") is None
    assert list((folder / "checkpoints").glob("step-*"))
    weights, n_updates = run()
    assert weights == whole and n_updates <= 2
    calibration = calibration_of(folder / "model-best")
    assert calibration == srsly.read_json(folder / "calibration.json")["calibration"]
    assert calibration["corpus"] == str(corpus) and calibration["entities"] > 0
    cfg = "transformer_ner/cfg"
    after = files_of(folder / "model-best")
    assert {**after, cfg: b""} == {**best, cfg: b""} and after[cfg] != best[cfg]

    # A finished training is not changed by the same command.
    def state():
        return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}

    before = state()
    (folder / "checkpoints" / "step-000003").mkdir()
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 0 and "This training is finished" in printed(capsys)
    assert state() == before and not list((folder / "checkpoints").glob("*step-*"))
    # If one of its files is missing, it is repeated.
    (folder / "history.jsonl").unlink()
    assert run()[1] == 17 and "Training again" in printed(capsys)
    # A training with another config replaces it.
    assert run(training__dropout=0.1)[1] == 17


def test_plain_spacy_train(run, tmp_path):
    """Without checkpoints and a file for the figures, on the docs of the config's reader."""
    run(paths__checkpoints=None, paths__calibration=None, corpora__dev__limit=12)
    assert calibration_of(tmp_path / "run" / "model-best")["entities"] > 0
    assert not (tmp_path / "run" / "calibration.json").exists()
    assert spacy.load(tmp_path / "run" / "model-best").get_pipe("transformer_ner").calibration


def test_too_few_entities_to_calibrate(run, corpus, tmp_path, capsys):
    dev = tmp_path / "dev.spacy"
    docs = list(DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab))
    DocBin(docs=[doc for doc in docs if not doc.ents]).to_disk(dev)
    run(paths__dev=str(dev), training__max_steps=3)
    out = printed(capsys)
    assert out.count("The scores are not calibrated") == 1 and "nothing to calibrate on" in out
    assert calibration_of(tmp_path / "run" / "model-best") is None
    figures = srsly.read_json(tmp_path / "run" / "calibration.json")
    assert figures == {"corpus": str(dev), "calibration": None}
