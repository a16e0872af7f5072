"""The logger spacy-transformer-ner.CalibrationLogger.v1: calibrates the scores of model-best
at the end of a training."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Optional

from spacy.language import Language
from spacy.pipeline.spancat import SpanCategorizer
from spacy.util import resolve_dot_names
from thinc.api import Config
from wasabi import msg

from ..errors import InputError
from ..files import check_writable, write_json
from ..loading import load_pipeline
from ..recogniser.component import TransformerNER
from .folders import lock_output
from .run import Log, SetUp, run_of


def calibration_logger(path: Optional[str] = None) -> SetUp:
    """At the end of a training, fit the scores of model-best on the dev corpus, and save the
    calibration in model-best. If it fails or makes the scores worse, warn and keep model-best
    unchanged. Frozen recognisers and spancat are skipped. Registered as
    spacy-transformer-ner.CalibrationLogger.v1.

    path (str | None): A JSON file for the figures; None for no file.
    RETURNS (Callable): The logger. Put it before the CheckpointLogger in the chain, so that
        an interrupted calibration can be repeated.
    """
    lock_output()

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        run = run_of(nlp)
        # spaCy disables frozen components while it sets up loggers.
        is_trained = any(isinstance(pipe, TransformerNER) for _, pipe in nlp.pipeline)
        # The scores of spancat are not calibrated, and commands after the training read the file.
        has_spans = any(isinstance(pipe, SpanCategorizer) for _, pipe in nlp.pipeline)
        if run.output is None or not (is_trained or (has_spans and path is not None)):
            return lambda info: None, lambda: None
        best = run.output / "model-best"
        if path is not None:
            run.files.append(Path(path))
            with run.writing(path, "paths.calibration"):
                check_writable(path)

        def finish() -> None:
            run.close()
            if sys.exc_info()[0] is not None:
                if not run.is_replaying and best.is_dir():
                    msg.warn(f"The scores of {best} are not calibrated: training was interrupted")
                return
            if not is_trained:
                write_json(Path(str(path)), {"corpus": None, "calibration": None})
                return
            with run.writing(best):
                _calibrate(best, nlp.config.interpolate(), None if path is None else Path(path))

        return lambda info: None, finish

    return set_up


def _calibrate(best: Path, config: Config, output: Optional[Path]) -> None:
    # Importing scikit-learn takes a second, and spaCy resolves the config more than once.
    from ..evaluation.calibrate import calibrate, save_calibration
    from ..evaluation.reliability import find_recogniser

    name = config["training"]["dev_corpus"]
    (dev_corpus,) = resolve_dot_names(config, [name])
    section = config["corpora"].get(name.rpartition(".")[2])
    path = section.get("path") if isinstance(section, dict) else None
    corpus = str(path or name)
    msg.info(f"Calibrating the scores of {best} on {corpus}")
    kept = None
    try:
        nlp = load_pipeline(best)
        kept = find_recogniser(nlp)[1].calibration
        fitted = calibrate(nlp, [example.reference for example in dev_corpus(nlp)], name=corpus)
    except InputError as error:
        what = "are not calibrated" if kept is None else "keep their previous calibration"
        msg.warn(f"The scores {what}: {error}")
        if output is not None:
            write_json(output, {"corpus": corpus, "calibration": None})
        return
    # The figures first: if this is interrupted, rerunning the command calibrates the pipeline.
    if output is not None:
        write_json(output, fitted.to_dict())
    save_calibration(nlp, best)
    before, after = fitted.before, fitted.after
    msg.good(
        f"Calibrated on {before.entities:,} entities: expected calibration error "
        f"{before.ece:.4f} before, {after.ece:.4f} after (cross-validated)"
    )
