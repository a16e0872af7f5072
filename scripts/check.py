"""Check a corpus before training on it: sizes, labels, texts in two splits,
entities that cannot be found in raw text."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.corpus.check import check
from spacy_transformer_ner.files import write_json

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus_dir: Path = typer.Argument(..., help="Folder with train.spacy, dev.spacy and perhaps test.spacy"),
    lang: str = typer.Option("en", "--lang", "-l", help="Language, for spaCy's tokeniser"),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file to write the report to"),
    strict: bool = typer.Option(False, "--strict", help="Fail if there is an error"),
    # fmt: on
) -> None:
    with clear_failure():
        report = check(corpus_dir, lang=lang)
    msg.table(
        [
            (
                name,
                f"{split.documents:,}",
                f"{split.sentences:,}",
                f"{split.tokens:,}",
                f"{split.entities:,}",
                ", ".join(f"{label} {n:,}" for label, n in split.labels.items()),
            )
            for name, split in report.splits.items()
        ],
        header=("split", "documents", "sentences", "tokens", "entities", "labels"),
        aligns=("l", "r", "r", "r", "r", "l"),
        divider=True,
    )
    show = {"error": msg.fail, "warning": msg.warn, "info": msg.info}
    for finding in report.findings:
        show[finding.severity](finding.message, finding.remedy or None)
        for example in finding.examples:
            msg.text(f"    {example}")
    if output is not None:
        with clear_failure():
            write_json(output, report.to_dict())
        msg.good(f"Report: {output}")
    if strict and report.count("error"):
        raise SystemExit(1)


if __name__ == "__main__":
    app()
