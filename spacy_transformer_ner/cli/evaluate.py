"""`spacy ner evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer
from wasabi import msg

from ._advice import show_advice
from ._util import CORPUS, GPU_ID, PIPELINE, progress_bar

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation, Tokenization

TOKENIZATIONS: "tuple[Tokenization, ...]" = ("text", "gold")


def evaluate_cli(
    model: str = PIPELINE,
    data_path: Path = CORPUS,
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the metrics"),
    errors: Optional[Path] = typer.Option(
        None, "--errors", help="JSON Lines file for the mistakes on raw text"
    ),
    train: Optional[Path] = typer.Option(
        None, "--train", help="Training data, to report entities seen in training separately"
    ),
    seqeval: bool = typer.Option(
        False, "--seqeval", help="Print seqeval's classification report on gold tokens, too"
    ),
    use_gpu: int = GPU_ID,
) -> None:
    """Evaluate a pipeline on raw text and on gold tokens.

    Scores on raw text tell how the pipeline works in practice. Scores on the corpus' own tokens
    and sentences are comparable with the literature.

    \b
    Example:
      python -m spacy ner evaluate training/mine/model-best corpus/mine/test.spacy --output metrics.json
    """
    from spacy.vocab import Vocab

    from ..corpus.reader import annotated_docs
    from ..evaluation.evaluate import SCHEMA, evaluate
    from ..evaluation.slices import TrainingForms
    from ..files import check_writable, write_json, write_jsonl
    from ..gpu import check_gpu
    from ..loading import load_pipeline
    from ..report.contents import Contents
    from ..unlabelled import META

    check_gpu(use_gpu)
    for path in filter(None, (output, errors)):
        check_writable(path)
    nlp = load_pipeline(model)
    forms = None
    if train is not None:  # read it once for both evaluations
        forms = TrainingForms(annotated_docs(train, Vocab(), nlp.lang or "en"))
    results = {
        tokenization: evaluate(
            nlp,
            data_path,
            tokenization=tokenization,
            train=forms,
            progress=progress_bar("documents"),
        )
        for tokenization in TOKENIZATIONS
    }
    msg.divider(f"{data_path}, raw text")
    _show(results["text"])
    gold = results["gold"].figures.all
    print(
        f"With the corpus' own tokens and sentences: precision {gold.p:.4f}, recall {gold.r:.4f}, "
        f"F1 {gold.f:.4f}"
    )
    if seqeval:
        from ..evaluation.figures import seqeval_report

        print(f"\nseqeval (strict, IOB2), gold tokens:\n{seqeval_report(results['gold'].texts)}")
    evaluation: dict[str, Any] = {"schema": SCHEMA, "model": model, "corpus": str(data_path)}
    if META in nlp.meta:
        evaluation[META] = nlp.meta[META]
    for name, result in results.items():
        evaluation[name] = result.to_dict()
    mistakes = [mistake.to_dict() for mistake in results["text"].mistakes()]
    show_advice(Contents(evaluation, mistakes))
    if output is not None:
        write_json(output, evaluation)
        msg.good(f"Figures: {output}")
    if errors is not None:
        write_jsonl(errors, mistakes)
        msg.good(f"Mistakes: {errors}")


def _show(result: "Evaluation") -> None:
    from ..evaluation.reliability import reliability
    from ..evaluation.resampling import LEVEL

    figures = result.figures
    rows = [
        (
            name or "all",
            f"{c.p:.4f}",
            f"{c.r:.4f}",
            f"{c.f:.4f}",
            _interval(result, name),
            c.tp,
            c.fp,
            c.fn,
        )
        for name, c in (*figures.per_type.items(), (None, figures.all))
    ]
    msg.table(
        rows,
        header=("type", "precision", "recall", "F1", f"{LEVEL:.0%} CI of F1", "TP", "FP", "FN"),
        aligns=("l", *"rrrrrrr"),
        divider=True,
    )
    depths = result.slices().get("depth of nesting", {})
    if depths:
        f1 = ", ".join(f"{depth}: {counts.f:.4f}" for depth, counts in depths.items())
        print(f"F1 by depth of nesting {f1}")
    print(f"Macro F1 {figures.averages['macro']['f']:.4f}")
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
    kinds = result.kinds
    print(
        f"Missed {kinds['missed']}, spurious {kinds['spurious']}, wrong type {kinds['type']}, "
        f"wrong boundary {kinds['boundary']}, both wrong {kinds['both']}"
    )


def _interval(result: "Evaluation", label: Optional[str]) -> str:
    interval = result.intervals.get(label, {}).get("f")
    return f"{interval.low:.3f}–{interval.high:.3f}" if interval else "–"
