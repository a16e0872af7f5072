"""`spacy ner learning-curve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer
from wasabi import msg

from ..errors import InputError
from ._util import CODE, DEV, ENCODER, GPU_ID, PIPELINE_LANG, RECIPE, TRAIN, TRAINING_SEED

if TYPE_CHECKING:
    from ..evaluation.extrapolation import Estimate
    from ..training.learning_curve import Course, Result


def learning_curve_cli(
    # fmt: off
    ctx: typer.Context,
    config: str = RECIPE,
    train: Optional[str] = TRAIN,
    dev: Optional[str] = DEV,
    output: Path = typer.Option(
        ..., "--output", "-o", help="Folder for the curve and the results of the trainings"
    ),
    shares: str = typer.Option(
        "0.125,0.25,0.5,1", "--shares", help="Shares of the training documents to train on"
    ),
    draws: Optional[int] = typer.Option(
        None,
        "--draws",
        min=1,
        help="Trainings per share; 3 for a small corpus, else 1, if not given",
    ),
    encoder: str = ENCODER,
    lang: Optional[str] = PIPELINE_LANG,
    seed: Optional[int] = TRAINING_SEED,
    code_path: Optional[Path] = CODE,
    use_gpu: int = GPU_ID,
    # fmt: on
) -> None:
    """Find out whether more annotation would help.

    Trains a recipe on 12, 25, 50 and 100% of the training documents, and predicts the F1 with
    two and four times as many, with intervals. Settings of the config can be overridden, as in
    `spacy ner train`. Writes OUTPUT/learning-curve.json and learning-curve.html. Rerun the
    same command to resume: finished trainings are not repeated.

    \b
    Example:
      python -m spacy ner learning-curve minilm --train corpus/mine/train.spacy --dev corpus/mine/dev.spacy --output training/curve
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from ..files import check_writable, write_bytes
    from ..report.curve_page import render_curve
    from ..training.learning_curve import FILE, learning_curve
    from ..training.train import Settings
    from ..training.trials import Recipe

    try:
        parts = [float(part) for part in shares.split(",")]
    except ValueError:
        raise InputError(
            f"--shares {shares}: expected numbers between 0 and 1, e.g. 0.125,0.25,0.5,1."
        ) from None
    check_writable(output / FILE)
    import_code(code_path)
    recipe = Recipe(
        config,
        Settings(train=train, dev=dev, encoder=encoder, lang=lang, seed=seed),
        parse_config_overrides(ctx.args),
        use_gpu,
    )
    result = learning_curve(recipe, output, shares=parts, draws=draws, report=msg.divider)
    page = output / FILE.replace(".json", ".html")
    write_bytes(page, render_curve(result.to_dict()).encode())
    _show(result)
    msg.good(f"Learning curve: {page}, {output / FILE}")


def _show(result: "Result") -> None:
    from ..evaluation.resampling import LEVEL

    msg.divider("F1 by training data")
    rows = [
        (
            f"{share:.0%}",
            f"{n:,}",
            f"{point.f:.3f}",
            f"{point.low:.3f}–{point.high:.3f}",
            "measured",
        )
        for share, n, point in zip(result.shares, result.documents, result.all.points)
    ]
    rows += [
        (
            f"{result.shares[-1] * times:.0%}",
            f"{times * result.documents[-1]:,}",
            f"{more.f:.3f}",
            f"{more.low:.3f}–{more.high:.3f}",
            "predicted",
        )
        for times, more in result.all.more.items()
    ]
    msg.table(
        rows,
        header=("train", "documents", "F1", f"{LEVEL:.0%} interval", ""),
        aligns=("r", "r", "r", "r", "l"),
        divider=True,
    )
    times = tuple(result.all.more)
    msg.table(
        [_row(label, course, times) for label, course in result.per_type.items()],
        header=("type", "in train", "in dev", "F1", *(f"{n}× as many" for n in times)),
        aligns=("l", *("r" for _ in range(3 + len(times)))),
        divider=True,
    )
    if result.hindcast is not None:
        measured = result.all.points[-1].f
        print(
            f"A check of the method: from the first half of the data it predicts "
            f"{_with_interval(result.hindcast)} for all; measured was {measured:.3f}."
        )
    for note in result.notes:
        print(note)


def _row(label: str, course: "Course", times: tuple[int, ...]) -> tuple[str, ...]:
    predicted = (course.more.get(n) for n in times)
    return (
        label,
        f"{course.entities:,}",
        f"{course.dev_entities:,}",
        f"{course.points[-1].f:.3f}",
        *("–" if more is None else _with_interval(more) for more in predicted),
    )


def _with_interval(estimate: "Estimate") -> str:
    return f"{estimate.f:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
