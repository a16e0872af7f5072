"""Make one page of what a pipeline is worth: a file of HTML that needs nothing else."""

from pathlib import Path
from typing import List, Optional

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.files import read_json, read_jsonl, replacing
from spacy_transformer_ner.provenance import provenance
from spacy_transformer_ner.report.page import Contents, render

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    evaluation: Path = typer.Argument(..., help="JSON file of the evaluate command"),
    output: Path = typer.Argument(..., help="HTML file to write"),
    errors: Optional[Path] = typer.Option(None, help="JSONL file of its mistakes"),
    check: Optional[Path] = typer.Option(None, help="JSON file of the check command"),
    calibration: Optional[Path] = typer.Option(None, help="JSON file of the calibrate command"),
    history: Optional[Path] = typer.Option(None, help="JSONL file of the training's HistoryLogger"),
    config: Optional[Path] = typer.Option(None, help="The pipeline's config.cfg"),
    data: Optional[List[Path]] = typer.Option(
        None, help="A file it was made from, for its hash; several times"
    ),
    command: Optional[List[str]] = typer.Option(
        None, help="A command that was run, to be shown; several times"
    ),
    # fmt: on
) -> None:
    with clear_failure():
        page = render(
            Contents(
                evaluation=read_json(evaluation, "evaluate"),
                mistakes=() if errors is None else read_jsonl(errors, "evaluate"),
                check=None if check is None else read_json(check, "check"),
                calibration=None if calibration is None else read_json(calibration, "train"),
                history=() if history is None else read_jsonl(history, "train"),
                made=provenance(data or (), command or ()),
                config="" if config is None else config.read_text("utf-8", errors="replace"),
            )
        )
        with replacing(output) as new:
            new.write_text(page, encoding="utf-8")
    msg.good(f"Report: {output} ({len(page.encode()) / 1024:,.0f} KiB)")


if __name__ == "__main__":
    app()
