"""`spacy ner compare`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer
from wasabi import msg

from ..errors import InputError
from ..evaluation.resampling import LEVEL
from ..evaluation.significance import PERMUTATIONS, Difference
from ._util import GPU_ID, choices, progress_bar

if TYPE_CHECKING:
    from ..evaluation.compare import Changed, Comparison
    from ..evaluation.runs import Run

Tokenization: Any = choices("Tokenization", ("text", "gold"))


def compare_cli(
    # fmt: off
    paths: list[str] = typer.Argument(
        ...,
        metavar="[FIRST SECOND] CORPUS",
        help="Two pipelines, or .spacy files with predictions, and the annotated corpus, in any format that convert reads; only the corpus with --first and --second",
    ),
    first: list[str] = typer.Option(
        [],
        "--first",
        help="A run of the first recipe: a pipeline, the folder of its training, or a quoted pattern of them; can be repeated",
    ),
    second: list[str] = typer.Option(
        [], "--second", help="A run of the second recipe; can be repeated"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file for the comparison"
    ),
    tokenization: Tokenization = typer.Option(
        "text", "--tokenization", help="Input of the pipelines: raw text, or the corpus' own tokens"
    ),
    permutations: int = typer.Option(
        PERMUTATIONS,
        "--permutations",
        min=99,
        help="Number of permutations in the significance test of two pipelines",
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="Random seed of the significance test"),
    n_examples: int = typer.Option(
        10, "--examples", min=0, help="Number of changed entities to show, of each kind"
    ),
    use_gpu: int = GPU_ID,
    # fmt: on
) -> None:
    """Test whether two pipelines or two recipes differ.

    Shows F1, speed and size, whether the difference in F1 is significant, and the entities
    that changed. With several runs of each recipe, it also takes the chance of training into
    account: other seeds give other results.

    \b
    Example:
      python -m spacy ner compare training/old/model-best training/new/model-best corpus/mine/test.spacy
      python -m spacy ner compare corpus/mine/test.spacy --first 'training/old-*' --second 'training/new-*'
    """
    from ..evaluation.compare import CHANGES, compare_systems
    from ..evaluation.evaluate import MIN_DOCUMENTS
    from ..evaluation.runs import find_runs
    from ..files import check_writable, write_json
    from ..gpu import check_gpu

    *pair, data_path = paths
    if first or second:
        if pair or not (first and second):
            raise InputError("pass one corpus, and runs with both --first and --second.")
    elif len(pair) != 2:
        raise InputError(
            "pass two pipelines and the corpus; or the corpus, and the runs of each recipe with "
            "--first and --second."
        )
    else:
        first, second = ([name] for name in pair)
    check_gpu(use_gpu)
    if output is not None:
        check_writable(output)
    result = compare_systems(
        find_runs(first),
        find_runs(second),
        data_path,
        tokenization=tokenization.value,
        permutations=permutations,
        seed=seed,
        progress=progress_bar("documents"),
    )
    msg.divider(f"{data_path}")
    for name, runs in (("First", result.first), ("Second", result.second)):
        for i, run in enumerate(runs):
            print(f"{name if i == 0 else '':<7}{run.name}: {_facts(run)}")
    print()
    _table(result)
    (msg.good if result.difference.is_significant else msg.info)(result.verdict)
    if len(result.first) == len(result.second) == 1:
        print(
            "This is about these two pipelines. To compare recipes, train each with three seeds "
            "or more, and pass the runs with --first and --second."
        )
    if result.difference.documents < MIN_DOCUMENTS:
        msg.warn(f"The intervals are unreliable with only {result.difference.documents} documents.")
    for change in CHANGES:
        some = [one for one in result.changed if one.change == change]
        print(f"\n{len(some):,} {change}")
        for one in some[:n_examples]:
            print(f"  {_in_words(one, result)}")
    if output is not None:
        write_json(output, {"corpus": data_path, **result.to_dict()})
        msg.good(f"Comparison: {output}")


def _facts(run: "Run") -> str:
    facts = [f"F1 {run.counts[None].f:.4f}"]
    if run.speed is not None:
        facts.append(f"{run.speed:,.0f} words/s")
    if run.size is not None:
        facts.append(f"{run.size / 2**20:,.0f} MiB")
    return ", ".join(facts)


def _table(result: "Comparison") -> None:
    msg.table(
        [
            *(_row(label, test, result.knows(label)) for label, test in result.per_type.items()),
            _row("all", result.difference),
        ],
        header=("type", "first F1", "second F1", "difference", f"{LEVEL:.0%} CI", "p-value"),
        aligns=("l", *"rrrrr"),
        divider=True,
    )
    if len(result.per_type) > 1:
        print(f"The p-values of the {len(result.per_type)} types are corrected for their number.\n")


def _row(name: str, test: Difference, known: Sequence[bool] = (True, True)) -> tuple[str, ...]:
    low, high = test.interval.low, test.interval.high
    scores = (
        f"{f:.4f}" if is_known else "unknown"
        for f, is_known in zip((test.first, test.second), known)
    )
    return (
        name, *scores, f"{test.f:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{test.corrected:.4f}",
    )  # fmt: skip


def _in_words(one: "Changed", result: "Comparison") -> str:
    entity, context = one.entity, one.context
    place = context.place or f"document {one.document}, character {entity.start}"
    said = f"{place}: {context.before}[{entity.text}]{context.after} {entity.label}"
    if len(result.first) == len(result.second) == 1:
        return " ".join(said.split())
    runs = f"{one.first} of {len(result.first)}, then {one.second} of {len(result.second)} runs"
    return " ".join(f"{said} ({runs})".split())
