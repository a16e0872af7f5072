"""Loggers that record a training: HistoryLogger and TensorBoardLogger."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Dict, Optional, TextIO

import srsly
from spacy.language import Language

from ..errors import InputError, install_extra
from ..files import check_writable
from ..provenance import hardware
from .folders import lock_output
from .run import Log, SetUp, run_of


def history_logger(path: Optional[str] = None) -> SetUp:
    """Write one line per evaluation to a JSON Lines file: epoch, step, words, seconds, losses,
    scores on dev, and the hardware. Registered as spacy-transformer-ner.HistoryLogger.v1.

    path (str | None): The file. Its folder is created. None for no file.
    RETURNS (Callable): The logger.
    """
    lock_output()

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        if path is None:
            return lambda info: None, lambda: None
        run, machine = run_of(nlp), hardware()
        run.files.append(Path(path))
        with run.writing(path, "paths.history"):
            check_writable(path)
        file: Optional[TextIO] = None

        def log(info: Optional[Dict[str, Any]]) -> None:
            nonlocal file
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
            with run.writing(path):
                if file is None:  # keep the file of an earlier training until now
                    file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
                file.write(srsly.json_dumps(record) + "\n")
                file.flush()  # so that the file can be followed, and survives a crash

        def finish() -> None:
            run.close()
            if file is not None:
                with suppress(OSError):  # the disk is full: `log` has reported it
                    file.close()

        return log, finish

    return set_up


def tensorboard_logger(folder: str) -> SetUp:
    """Write losses and scores for TensorBoard. Registered as
    spacy-transformer-ner.TensorBoardLogger.v1.

    folder (str): The folder to write to, the --logdir of TensorBoard.
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
