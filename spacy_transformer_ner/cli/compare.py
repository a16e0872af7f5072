"""`spacy ner compare`."""

from pathlib import Path
from typing import Any, Optional

import typer
from wasabi import msg

from ..evaluation.resampling import LEVEL, PERMUTATIONS, Difference
from ._util import CORPUS, GPU_ID, choices, progress_bar

Tokenization: Any = choices("Tokenization", ("text", "gold"))


def compare_cli(
    first: str = typer.Argument(
        ..., help="First pipeline (name or path), or a .spacy file with predictions"
    ),
    second: str = typer.Argument(..., help="Second pipeline, or a .spacy file with predictions"),
    data_path: Path = CORPUS,
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
        help="Number of permutations in the significance test",
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="Random seed of the significance test"),
    n_examples: int = typer.Option(
        10, "--examples", min=0, help="Number of changed entities to show, of each kind"
    ),
    use_gpu: int = GPU_ID,
) -> None:
    """Test whether two pipelines differ on a corpus.

    Shows the difference in F1, whether it is significant, and the entities that changed. Also
    compares .spacy files with predictions.

    \b
    Example:
      python -m spacy ner compare training/old/model-best training/new/model-best corpus/mine/test.spacy
    """
    from ..evaluation.compare import CHANGES, compare_systems
    from ..evaluation.evaluate import MIN_DOCUMENTS
    from ..files import check_writable, write_json
    from ..gpu import check_gpu

    check_gpu(use_gpu)
    if output is not None:
        check_writable(output)
    result = compare_systems(
        first,
        second,
        data_path,
        tokenization=tokenization.value,
        permutations=permutations,
        seed=seed,
        progress=progress_bar("documents"),
    )
    msg.divider(f"{data_path}")
    print(f"First:  {first}\nSecond: {second}\n")
    rows = [*result.per_type.items(), (None, result.difference)]
    msg.table(
        [
            (
                label or "all",
                f"{result.first[label].f:.4f}" if label in result.first else "–",
                f"{result.second[label].f:.4f}" if label in result.second else "–",
                *_row(test),
            )
            for label, test in rows
        ],
        header=("type", "first F1", "second F1", "difference", f"{LEVEL:.0%} CI", "p-value"),
        aligns=("l", *"rrrrr"),
        divider=True,
    )
    test = result.difference
    if test.is_significant:
        better = "second" if test.f > 0 else "first"
        msg.good(f"The {better} is better: p = {test.p_value:.4f}.")
    elif not result.changed:
        msg.info(f"No difference: both find the same entities in {test.documents} documents.")
    else:
        msg.info(
            f"No significant difference (p = {test.p_value:.3f}): the results differ in "
            f"{test.changed} of {test.documents} documents, which may be due to chance."
        )
    if test.documents < MIN_DOCUMENTS:
        msg.warn(f"The intervals are unreliable with only {test.documents} documents.")
    for change in CHANGES:
        some = [one for one in result.changed if one.change == change]
        print(f"\n{len(some)} {change}")
        for one in some[:n_examples]:
            entity = one.entity
            print(
                f"  document {one.document}, character {entity.start}: {entity.text!r} "
                f"{entity.label}"
            )
    if output is not None:
        about = {"first": first, "second": second, "corpus": str(data_path)}
        write_json(output, {**about, **result.to_dict()})
        msg.good(f"Comparison: {output}")


def _row(test: Difference) -> tuple[str, str, str]:
    low, high = test.interval.low, test.interval.high
    return f"{test.f:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{test.p_value:.4f}"
