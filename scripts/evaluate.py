"""Evaluate a trained pipeline twice: on raw text, as it will be used, and on
the corpus' own tokens and sentences, as the literature does."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from spacy.vocab import Vocab
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import read_annotated
from spacy_transformer_ner.evaluation.evaluate import SCHEMA, Evaluation, evaluate
from spacy_transformer_ner.evaluation.figures import SEQEVAL_MODE
from spacy_transformer_ner.evaluation.reliability import reliability
from spacy_transformer_ner.evaluation.resampling import LEVEL
from spacy_transformer_ner.evaluation.slices import TrainingForms
from spacy_transformer_ner.files import check_writable, write_json, write_jsonl
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.preflight import check_gpu

MEANING = {"text": "raw text", "gold": "the corpus' tokens and sentences"}

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file to write the figures to"
    ),
    errors: Optional[Path] = typer.Option(
        None, help="JSONL file to write the mistakes on raw text to"
    ),
    train: Optional[Path] = typer.Option(
        None, help="The training data, to tell which entities it has"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    results = {}
    with clear_failure():
        check_gpu(use_gpu)
        for path in filter(None, (output, errors)):
            check_writable(path)
        nlp = load_pipeline(model)
        forms = None if train is None else TrainingForms(read_annotated(train, Vocab()))
        for tokenization in MEANING:
            results[tokenization] = evaluate(
                nlp,
                data_path,
                tokenization=tokenization,
                forms=forms,
                progress=progress_bar("documents"),
            )
    for tokenization, result in results.items():
        figures = result.figures
        msg.divider(f"{data_path}, {MEANING[tokenization]}")
        rows = [*figures.per_type.items(), (None, figures.all)]
        msg.table(
            [
                (
                    name or "all",
                    f"{c.p:.4f}",
                    f"{c.r:.4f}",
                    f"{c.f:.4f}",
                    _sure(result, name),
                    c.tp,
                    c.fp,
                    c.fn,
                )
                for name, c in rows
            ],
            header=("type", "precision", "recall", "F1", f"F1, {LEVEL:.0%}", "TP", "FP", "FN"),
            aligns=("l", *"rrrrrrr"),
            divider=True,
        )
        macro = figures.averages["macro"]["f"]
        print(f"Macro F1 {macro:.4f}, over types alike")
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
        print(_kinds(result))
        print(f"\nseqeval, {SEQEVAL_MODE}, the same predictions:\n{figures.seqeval_report}")
    if output is not None:
        figures_of_both = {name: result.to_dict() for name, result in results.items()}
        with clear_failure():
            write_json(
                output,
                {"schema": SCHEMA, "model": model, "corpus": str(data_path), **figures_of_both},
            )
        msg.good(f"Figures: {output}")
    if errors is not None:
        with clear_failure():
            write_jsonl(errors, (mistake.to_dict() for mistake in results["text"].mistakes()))
        msg.good(f"Mistakes: {errors}")


def _sure(result: Evaluation, label: Optional[str]) -> str:
    interval = result.intervals.get(label, {}).get("f")
    return f"{interval.low:.3f}–{interval.high:.3f}" if interval else "–"


def _kinds(result: Evaluation) -> str:
    kinds = result.kinds
    return (
        f"Missed {kinds['missed']}, spurious {kinds['spurious']}, wrong type {kinds['type']}, "
        f"wrong boundary {kinds['boundary']}, both wrong {kinds['both']}"
    )


if __name__ == "__main__":
    app()
