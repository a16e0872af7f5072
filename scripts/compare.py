"""Compare two pipelines, or two sets of predictions, on the same texts: the difference
of their F1, how sure it is, and the entities that changed."""

from pathlib import Path
from typing import Optional

import typer
from common import choices, clear_failure, progress_bar
from spacy.vocab import Vocab
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import read_annotated
from spacy_transformer_ner.evaluation.compare import CHANGES, compare, predictions
from spacy_transformer_ner.evaluation.evaluate import MIN_DOCUMENTS
from spacy_transformer_ner.evaluation.resampling import LEVEL, PERMUTATIONS, Difference
from spacy_transformer_ner.files import check_writable, write_json
from spacy_transformer_ner.training.preflight import check_gpu

Tokenization = choices("Tokenization", ("text", "gold"))

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    first: str = typer.Argument(
        ..., help="Pipeline name or path, or a .spacy file with predictions"
    ),
    second: str = typer.Argument(..., help="The other one"),
    data_path: Path = typer.Argument(..., help="Location of the annotated .spacy file"),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file to write the comparison to"
    ),
    tokenization: Tokenization = typer.Option(
        "text", help="Give pipelines the raw text, or the corpus' gold tokens"
    ),
    permutations: int = typer.Option(
        PERMUTATIONS, min=99, help="How often results are exchanged by chance"
    ),
    seed: int = typer.Option(0, min=0, help="Of chance"),
    n_examples: int = typer.Option(
        10, "--examples", min=0, help="Changed entities to show of each kind"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with clear_failure():
        check_gpu(use_gpu)
        if output is not None:
            check_writable(output)
        systems = [
            predictions(
                source,
                data_path,
                tokenization=tokenization.value,
                progress=progress_bar("documents"),
            )
            for source in (first, second)
        ]
        references = read_annotated(data_path, Vocab())
    result = compare(*systems, references, permutations=permutations, seed=seed)
    msg.divider(f"{data_path}")
    print(f"First:  {first}\nSecond: {second}\n")
    rows = [*result.per_type.items(), (None, result.difference)]
    msg.table(
        [
            (label or "all", f"{result.first[label].f:.4f}" if label in result.first else "–",
             f"{result.second[label].f:.4f}" if label in result.second else "–", *_row(test))
            for label, test in rows
        ],
        header=("type", "first F1", "second F1", "difference", f"{LEVEL:.0%} interval", "p-value"),
        aligns=("l", *"rrrrr"),
        divider=True,
    )  # fmt: skip
    test = result.difference
    if test.is_significant:
        better = "second" if test.f > 0 else "first"
        msg.good(
            f"The {better} is better: a difference as large has a p-value of {test.p_value:.4f}."
        )
    elif not result.changed:
        msg.info(f"No difference: both find the same entities in {test.documents} documents.")
    else:
        msg.info(
            f"No difference is shown (p = {test.p_value:.3f}): on {test.documents} documents, "
            f"{test.changed} of them with other results, it may be chance."
        )
    if test.documents < MIN_DOCUMENTS:
        msg.warn(f"{test.documents} documents tell little of others: do not trust the intervals.")
    for change in CHANGES:
        some = [one for one in result.changed if one.change == change]
        print(f"\n{len(some)} {change}")
        for one in some[:n_examples]:
            entity = one.entity
            print(
                f"  document {one.document}, character {entity.start}: {entity.text!r} {entity.label}"
            )
    if output is not None:
        with clear_failure():
            write_json(
                output,
                {"first": first, "second": second, "corpus": str(data_path), **result.to_dict()},
            )
        msg.good(f"Comparison: {output}")


def _row(test: Difference) -> tuple[str, str, str]:
    low, high = test.interval.low, test.interval.high
    return f"{test.f:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{test.p_value:.4f}"


if __name__ == "__main__":
    app()
