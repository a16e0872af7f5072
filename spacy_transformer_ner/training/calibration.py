"""The logger spacy-transformer-ner.CalibrationLogger.v1: a training ends with scores that
are calibrated."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Dict, Optional

from spacy.language import Language
from spacy.util import resolve_dot_names
from wasabi import msg

from ..errors import InputError
from ..files import check_writable, write_json
from ..loading import load_pipeline
from ..recogniser.component import TransformerNER
from .folders import lock_output, write_failure
from .run import Log, SetUp, run_of


def calibration_logger(path: Optional[str] = None) -> SetUp:
    """At the end of a training, fit the scores of model-best on the dev corpus and write
    the calibration into model-best. Where that cannot be done, or the scores would be worse,
    it says so and model-best stays as it is. A recogniser that was frozen is left alone.
    Registered as spacy-transformer-ner.CalibrationLogger.v1.

    path (str | None): A JSON file for the figures. None writes none.
    RETURNS (Callable): The logger. In the chain it stands before the CheckpointLogger, so
        that an interrupted calibration can be done again.
    """
    lock_output()

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        run = run_of(nlp)
        # Frozen components are not in the pipeline while loggers are set up.
        is_trained = any(isinstance(pipe, TransformerNER) for _, pipe in nlp.pipeline)
        if run.output is None or not is_trained:
            return lambda info: None, lambda: None
        best = run.output / "model-best"
        if path is not None:
            run.files.append(Path(path))
            try:
                check_writable(path)
            except (InputError, OSError) as error:
                why = str(error) if isinstance(error, InputError) else write_failure(error, path)
                run.give_up(f"{why} Set another file with paths.calibration.")

        def finish() -> None:
            run.close()
            if sys.exc_info()[0] is not None:
                if not run.passes_over and best.is_dir():
                    msg.warn(f"The scores of {best} are not calibrated: the training did not end")
                return
            try:
                _calibrate(best, nlp.config.interpolate(), None if path is None else Path(path))
            except OSError as error:
                run.give_up(write_failure(error, best))

        return lambda info: None, finish

    return set_up


def _calibrate(best: Path, config: Dict[str, Any], output: Optional[Path]) -> None:
    # scikit-learn takes a second, and a training's config is resolved more than once.
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
        what = "are not calibrated" if kept is None else "keep the calibration they had before"
        msg.warn(f"The scores {what}: {error}")
        if output is not None:
            write_json(output, {"corpus": corpus, "calibration": None})
        return
    # The figures first: where they are there, the pipeline may not be calibrated yet, and
    # the same command does it.
    if output is not None:
        write_json(output, fitted.to_dict())
    save_calibration(nlp, best)
    before, after = fitted.before, fitted.after
    msg.good(
        f"Calibrated on {before.entities:,} entities: expected calibration error "
        f"{before.ece:.4f}, then {after.ece:.4f} (cross-validated)"
    )
