"""Parameters and output of the commands that train on texts without labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer
from wasabi import msg

from ._util import choices

if TYPE_CHECKING:
    from ..distillation.mixture import Mixture

TextPer: Any = choices("TextPer", ("line", "file"))
TEXTS: Any = typer.Argument(
    ..., metavar="TEXTS...", help="Files, folders and patterns of texts, as of annotate"
)
TEXT: Any = typer.Option("text", "--text", help="Column or key of the text")
TEXT_PER: Any = typer.Option(
    TextPer("line"), "--text-per", help="One text per line or file, in .txt files"
)


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the overrides of config settings from other arguments: an argument that may be
    repeated takes unknown options too.

    arguments (Sequence[str]): The arguments, e.g. ["a.txt", "--training.seed", "1", "b.txt"].
    RETURNS (tuple[list[str], list[str]]): The others, and the overrides, for spaCy's
        `parse_config_overrides`.
    """
    others: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        is_value = overrides and overrides[-1].startswith("--") and "=" not in overrides[-1]
        (overrides if argument.startswith("--") or is_value else others).append(argument)
    return others, overrides


def show_mixture(mixture: "Mixture", warnings: Sequence[str]) -> None:
    """Print what a student was trained on.

    mixture (Mixture): What it was trained on.
    warnings (Sequence[str]): What looks wrong in it.
    """
    labels = sorted(mixture.entities.keys() | mixture.labelled_entities)
    msg.table(
        [
            (
                label,
                *(f"{of.get(label, 0):,}" for of in (mixture.entities, mixture.labelled_entities)),
            )
            for label in labels
        ],
        header=("type", "in texts", "labelled"),
        aligns=("l", "r", "r"),
        divider=True,
    )
    print(
        f"{mixture.texts:,} texts with {mixture.words:,} words, and {mixture.labelled:,} labelled "
        f"documents, {mixture.repeated} times each."
    )
    if mixture.same:
        print(f"{mixture.same:,} texts are left out: they are labelled, or in dev.")
    if mixture.left_out:
        others = ", ".join(f"{label} ({n:,})" for label, n in mixture.left_out.items())
        print(f"Entities of other types than the labelled ones are left out: {others}.")
    for warning in warnings:
        msg.warn(warning)
