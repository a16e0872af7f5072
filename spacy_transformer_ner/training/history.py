"""Loggers of spaCy's training."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Dict, Optional

import srsly
from spacy.language import Language

from ..errors import InputError, install_extra
from ..provenance import hardware
from .run import Log, SetUp, run_of


def history_logger(path: Optional[str] = None) -> SetUp:
    """Write what is measured in training to a JSON Lines file, a line each time:
    epoch, step, words seen, seconds of training, losses, the scores on dev, and on what
    it runs.
    Registered as spacy-transformer-ner.HistoryLogger.v1.

    path (str | None): The file; a folder is made for it. None writes none.
    RETURNS (Callable): The logger.
    """

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        if path is None:
            return _nothing, lambda: None
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115, closed by finish
        run, machine = run_of(nlp), hardware()

        def log(info: Optional[Dict[str, Any]]) -> None:
            if info is None:
                return
            record = {
                "epoch": info["epoch"],
                "step": info["step"],
                "words": info["words"],
                "seconds": round(run.seconds, 2),
                "score": info["score"],
                "losses": {name: float(loss) for name, loss in info["losses"].items()},
                "scores": info["other_scores"],
                "hardware": machine,
            }
            file.write(srsly.json_dumps(record) + "\n")
            file.flush()  # so that it can be followed, and a run that breaks leaves it

        def finish() -> None:
            run.close()
            file.close()

        return log, finish

    return set_up


def tensorboard_logger(folder: str) -> SetUp:
    """Write losses and scores for TensorBoard, which has to be installed. Registered
    as spacy-transformer-ner.TensorBoardLogger.v1.

    folder (str): Where to; TensorBoard is started with it as its --logdir.
    RETURNS (Callable): The logger.
    RAISES: InputError if TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            f"the TensorBoard logger needs TensorBoard: {install_extra('tensorboard')}"
        ) from None

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        writer = SummaryWriter(folder)

        def log(info: Optional[Dict[str, Any]]) -> None:
            if info is None:
                return
            scores = {k: v for k, v in info["other_scores"].items() if isinstance(v, float)}
            for group, values in (("loss", info["losses"]), ("score", scores)):
                for name, value in values.items():
                    writer.add_scalar(f"{group}/{name}", float(value), info["step"])

        return log, writer.close

    return set_up


def _nothing(info: Optional[Dict[str, Any]]) -> None:
    pass
