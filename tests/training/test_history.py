import pytest
import srsly
from spacy import registry

from spacy_transformer_ner.errors import InputError

from ..conftest import blank_pipeline


def info(step):
    return {
        "epoch": 0, "step": step, "words": 10 * step, "score": 0.5, "losses": {"transformer_ner": 1.5},
        "other_scores": {"ents_f": 0.5, "ents_per_type": {"PER": {"f": 0.5}}, "speed": 9.0},
        "checkpoints": [], "seconds": 1,
    }  # fmt: skip


def test_history(encoders, tmp_path):
    path = tmp_path / "new" / "history.jsonl"
    logger = registry.loggers.get("spacy-transformer-ner.HistoryLogger.v1")(str(path))
    log, finish = logger(blank_pipeline(encoders["wordpiece"]))
    log(None)
    log(info(0))
    assert len(list(srsly.read_jsonl(path))) == 1  # written immediately
    log(info(50))
    finish()
    records = list(srsly.read_jsonl(path))
    assert [record["step"] for record in records] == [0, 50]
    assert records[1]["scores"]["ents_per_type"] == {"PER": {"f": 0.5}}
    assert records[1]["score"] == 0.5 and records[1]["seconds"] >= 0 and records[1]["hardware"]


def test_no_history(encoders):
    log, finish = registry.loggers.get("spacy-transformer-ner.HistoryLogger.v1")()(
        blank_pipeline(encoders["wordpiece"])
    )
    log(info(0))
    finish()


def test_with_spacys_logger(encoders, tmp_path, capsys):
    """As in the default recipe."""
    chain = registry.loggers.get("spacy.ChainLogger.v1")(
        logger1=registry.loggers.get("spacy.ConsoleLogger.v3")(),
        logger2=registry.loggers.get("spacy-transformer-ner.HistoryLogger.v1")(str(tmp_path / "h")),
    )
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.config["training"]["score_weights"] = {"ents_f": 1.0}
    losses = {"transformer": 0.0, "transformer_ner": 1.5}
    log, finish = chain(nlp)
    log({**info(0), "losses": losses})
    finish()
    assert "ENTS_F" in capsys.readouterr().out and len(list(srsly.read_jsonl(tmp_path / "h"))) == 1


def test_tensorboard(encoders, tmp_path):
    make = registry.loggers.get("spacy-transformer-ner.TensorBoardLogger.v1")
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match="pip install 'tensorboard"):
            make(str(tmp_path))
        return
    log, finish = make(str(tmp_path))(blank_pipeline(encoders["wordpiece"]))
    log(None)
    log(info(0))
    finish()
    assert list(tmp_path.glob("events*"))
