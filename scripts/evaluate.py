"""Evaluate a trained pipeline twice: on raw text, as it will be used, and on
the corpus' own tokens, as the literature does."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.evaluation.confidence import reliability
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.evaluation.figures import SEQEVAL_MODE
from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.running.preflight import check_gpu

MEANING = {"text": "raw text", "gold": "the corpus' tokens"}

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file to write the figures to"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    results = {}
    with clear_failure():
        check_gpu(use_gpu)
        nlp = load_pipeline(model)
        for tokenization in MEANING:
            results[tokenization] = evaluate(
                nlp, data_path, tokenization=tokenization, progress=progress_bar("documents")
            )
    for tokenization, result in results.items():
        figures = result.figures
        msg.divider(f"{data_path}, {MEANING[tokenization]}")
        rows = [*figures.per_type.items(), ("all", figures.all)]
        msg.table(
            [
                (name, f"{c.p:.4f}", f"{c.r:.4f}", f"{c.f:.4f}", c.tp, c.fp, c.fn)
                for name, c in rows
            ],
            header=("type", "precision", "recall", "F1", "TP", "FP", "FN"),
            aligns=("l", *"rrrrrr"),
            divider=True,
        )
        print(f"Token accuracy {figures.token_accuracy:.4f}, {result.speed:,.0f} words/s")
        if result.scored is not None:
            before, after = (
                reliability(scores, result.scored.right)
                for scores in (result.scored.marginals, result.scored.scores)
            )
            print(
                f"Scores: mean {after.mean_score:.4f}, expected calibration error {after.ece:.4f} "
                f"(before calibration {before.ece:.4f}), Brier score {after.brier:.4f}"
            )
        print(f"\nseqeval, {SEQEVAL_MODE}, the same predictions:\n{figures.seqeval_report}")
    if output is not None:
        figures_of_both = {name: result.to_dict() for name, result in results.items()}
        with clear_failure():
            write_json(output, {"model": model, "corpus": str(data_path), **figures_of_both})
        msg.good(f"Figures: {output}")


if __name__ == "__main__":
    app()
