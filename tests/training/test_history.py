import pytest
import srsly
from spacy import registry

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.progress import in_words
from spacy_transformer_ner.training.console import console_logger

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


def chained(nlp, path):
    """The console and the history, as in the default recipe."""
    chain = registry.loggers.get("spacy.ChainLogger.v1")(
        logger1=console_logger(),
        logger2=registry.loggers.get("spacy-transformer-ner.HistoryLogger.v1")(str(path)),
    )
    return chain(nlp)


def test_console(encoders, tmp_path, capsys):
    nlp = blank_pipeline(encoders["wordpiece"])
    weights = {"ents_f": 1.0, "ents_p": None, "ents_r": 0.0}
    nlp.config["training"].update(max_steps=1500, score_weights=weights)
    log, finish = chained(nlp, tmp_path / "h")
    losses = {"transformer": 9000.0, "transformer_ner": 100.0}
    for step in range(101):
        log({**info(step), "losses": losses} if step % 50 == 0 else None)
    finish()
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["step", "epoch", "loss", "F1", "recall", "time", "left"]
    assert [row.split()[:6] for row in rows] == [
        ["0", "of", "1,500", "0", "100.0000", "0.5000"],
        ["50", "of", "1,500", "0", "2.0000", "0.5000"],  # the mean of 50 steps
        ["100", "of", "1,500", "0", "2.0000", "0.5000"],
    ]
    assert rows[0].split()[-1] == "–" and rows[2].split()[-1] == "s"
    assert len({len(row) for row in (header, *rows)}) == 1
    assert len(list(srsly.read_jsonl(tmp_path / "h"))) == 3


def test_console_with_other_components(encoders, tmp_path, capsys):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.add_pipe("textcat")
    weights = {"ents_f": 0.5, "ents_p": None, "ents_r": None, "cats_score": 0.5}
    nlp.config["training"].update(max_steps=0, score_weights=weights)
    log, finish = chained(nlp, tmp_path / "h")
    log({**info(0), "losses": {"transformer_ner": 1.0, "textcat": 2.0}})
    finish()
    header, _, first = capsys.readouterr().out.splitlines()
    assert "loss transformer_ner" in header and "loss textcat" in header and "score" in header
    assert first.split() == ["0", "0", "1.0000", "2.0000", "0.5000", "–", "0.5000", "–"]


@pytest.mark.parametrize(
    "seconds,words", [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (7500, "2 h 5 min")]
)
def test_durations(seconds, words):
    assert in_words(seconds) == words


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
