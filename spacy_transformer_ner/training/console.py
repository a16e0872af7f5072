"""The logger spacy-transformer-ner.ConsoleLogger.v1: the progress of a training."""

import sys
from collections.abc import Callable
from typing import IO, Any, Dict, Optional

from spacy.language import Language
from tqdm import tqdm
from wasabi import row

from ..progress import in_words
from .folders import lock_output
from .run import Log, SetUp, run_of

# The names of spaCy's scores, as other commands call them.
NAMES = {
    f"{prefix}_{letter}": name
    for prefix in ("ents", "spans_sc")
    for letter, name in (("p", "precision"), ("r", "recall"), ("f", "F1"))
}


def console_logger() -> SetUp:
    """Print a line per evaluation: the step and the number of steps, the loss of each component
    as the mean over the steps since the last line, the scores on dev, and the time left. In a
    terminal, a progress bar shows the steps between them. With a limit in epochs, the number of
    steps is known if `spacy ner train` counted them; plain `spacy train` shows the upper limit.
    Registered as spacy-transformer-ner.ConsoleLogger.v1.

    RETURNS (Callable): The logger.
    """
    lock_output()

    def set_up(
        nlp: Language, stdout: IO = sys.stdout, stderr: IO = sys.stderr
    ) -> tuple[Log, Callable[[], None]]:
        run, training = run_of(nlp), nlp.config["training"]
        steps = training["max_steps"] or None
        # What spaCy calls the loss of a shared encoder is the size of its gradient.
        components = [
            name
            for name, pipe in nlp.pipeline
            if getattr(pipe, "is_trainable", False) and not hasattr(pipe, "listening_components")
        ]
        weights = training["score_weights"]
        scores = [name for name, weight in weights.items() if weight is not None]
        losses = ["loss"] if len(components) == 1 else [f"loss {name}" for name in components]
        header = ["step", "epoch", *losses, *(NAMES.get(name, name) for name in scores)]
        if sum(bool(weight) for weight in weights.values()) > 1:
            header.append("score")
        header.append("time left")
        widths = [max(len(name), 9) for name in header]
        widths[0] = max(widths[0], len(_of(steps or 0, steps)))
        bar = tqdm(total=steps, unit=" steps", leave=False, disable=None, file=stderr)

        def write(cells: list[str]) -> None:
            with bar.external_write_mode(stdout):
                print(row(cells, widths=widths, aligns="r"), file=stdout, flush=True)

        write(header)
        write(["-" * width for width in widths])
        last_step, measured_from = -1, (0, 0.0)

        def log(info: Optional[Dict[str, Any]]) -> None:
            nonlocal last_step, measured_from
            bar.update(1)
            if info is None:
                return
            step = info["step"]
            means = [info["losses"].get(name, 0.0) / (step - last_step) for name in components]
            last_step = step
            if run.is_replaying or not step:
                measured_from = step, run.seconds
            cells = [_of(step, steps), str(info["epoch"]), *(f"{mean:.4f}" for mean in means)]
            cells += [_score(info["other_scores"].get(name)) for name in scores]
            if "score" in header:
                cells.append(_score(info["score"]))
            done, seconds = step - measured_from[0], run.seconds - measured_from[1]
            left = seconds / done * max(0, steps - step) if steps and done else None
            write([*cells, "–" if left is None else in_words(left)])

        def finish() -> None:
            bar.close()
            run.close()

        return log, finish

    return set_up


def _of(step: int, steps: int | None) -> str:
    return f"{step:,}" if steps is None else f"{step:,} of {steps:,}"


def _score(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, (int, float)) else "–"
