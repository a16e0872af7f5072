"""`spacy ner report`."""

from pathlib import Path
from typing import List, Optional

import typer
from wasabi import msg


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
    config: Optional[Path] = typer.Option(None, "--config", help="Config of the pipeline"),
    data: Optional[List[Path]] = typer.Option(
        None, "--data", help="Data file to list with its checksum; can be repeated"
    ),
    command: Optional[List[str]] = typer.Option(
        None, "--command", help="Command to list; can be repeated"
    ),
) -> None:
    """Write a self-contained HTML evaluation report.

    \b
    Example:
      python -m spacy ner report metrics.json report.html --errors errors.jsonl
    """
    from ..files import check_writable, read_json, read_jsonl, replacing
    from ..provenance import provenance
    from ..report.page import Contents, render

    check_writable(output)
    beside = evaluation.with_name("learning-curve.json")
    if learning_curve is None and beside.is_file():
        learning_curve = beside
    page = render(
        Contents(
            evaluation=read_json(evaluation, "evaluate"),
            mistakes=() if errors is None else read_jsonl(errors, "evaluate"),
            check=None if check is None else read_json(check, "check"),
            calibration=None if calibration is None else read_json(calibration, "train"),
            history=() if history is None else read_jsonl(history, "train"),
            learning_curve=None
            if learning_curve is None
            else read_json(learning_curve, "learning-curve"),
            made=provenance(data or (), command or ()),
            config="" if config is None else config.read_text("utf-8", errors="replace"),
        )
    )
    with replacing(output) as new:
        new.write_text(page, encoding="utf-8")
    msg.good(f"Report: {output} ({len(page.encode()) / 1024:,.0f} KiB)")
