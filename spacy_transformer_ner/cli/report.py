"""`spacy ner report`."""

from pathlib import Path
from typing import List, Optional

import typer
from wasabi import msg

from ._advice import show_advice


def report_cli(
    evaluation: Path = typer.Argument(..., help="JSON file written by the evaluate command"),
    output: Path = typer.Argument(..., help="HTML file to write"),
    errors: Optional[Path] = typer.Option(
        None, "--errors", help="JSON Lines file of mistakes, written by the evaluate command"
    ),
    check: Optional[Path] = typer.Option(
        None, "--check", help="JSON file written by the check command"
    ),
    calibration: Optional[Path] = typer.Option(
        None, "--calibration", help="JSON file written by the calibrate or train command"
    ),
    history: Optional[Path] = typer.Option(
        None, "--history", help="JSON Lines file written by the train command"
    ),
    learning_curve: Optional[Path] = typer.Option(
        None,
        "--learning-curve",
        help="JSON file of the learning-curve command; learning-curve.json beside EVALUATION if not given",
    ),
    suspects: Optional[Path] = typer.Option(
        None,
        "--suspects",
        help="JSON Lines file of the suspects or check command; suspects.jsonl beside EVALUATION if not given",
    ),
    config: Optional[Path] = typer.Option(None, "--config", help="Config of the pipeline"),
    data: Optional[List[Path]] = typer.Option(
        None, "--data", help="Data file to list with its checksum; can be repeated"
    ),
    command: Optional[List[str]] = typer.Option(
        None, "--command", help="Command to list; can be repeated"
    ),
) -> None:
    """Write a self-contained HTML evaluation report.

    It also prints what to do next.

    Other files of the evaluate command in the same folder are listed as earlier runs, if they
    are about the same data.

    \b
    Example:
      python -m spacy ner report metrics.json report.html --errors errors.jsonl
    """
    from ..files import check_writable, read_json, read_jsonl, replacing
    from ..provenance import provenance
    from ..report.contents import Contents
    from ..report.page import render
    from ..report.runs import runs_of

    check_writable(output)
    learning_curve = learning_curve or _beside(evaluation, "learning-curve.json")
    suspects = suspects or _beside(evaluation, "suspects.jsonl")
    figures = read_json(evaluation, "evaluate")
    contents = Contents(
        evaluation=figures,
        mistakes=() if errors is None else read_jsonl(errors, "evaluate"),
        check=None if check is None else read_json(check, "check"),
        suspects=() if suspects is None else read_jsonl(suspects, "suspects"),
        calibration=None if calibration is None else read_json(calibration, "train"),
        history=() if history is None else read_jsonl(history, "train"),
        learning_curve=None
        if learning_curve is None
        else read_json(learning_curve, "learning-curve"),
        runs=runs_of(figures, evaluation, output),
        made=provenance(data or (), command or ()),
        config="" if config is None else config.read_text("utf-8", errors="replace"),
    )
    page = render(contents)
    with replacing(output) as new:
        new.write_text(page, encoding="utf-8")
    show_advice(contents)
    msg.good(f"Report: {output} ({len(page.encode()) / 1024:,.0f} KiB)")


def _beside(path: Path, name: str) -> Optional[Path]:
    other = path.with_name(name)
    return other if other.is_file() else None
