"""Check a corpus before training on it: sizes and labels, words labelled in
different ways, duplicates and leaks between splits, entities that raw text
cannot give, and how the encoder's tokenizer sees its words."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.checks.check import check
from spacy_transformer_ner.files import write_json, write_jsonl
from spacy_transformer_ner.training.recipe import ITS_OWN, encoder_of

SEVERITY_NAMES = {"error": "errors", "warning": "warnings", "info": "notes"}

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus_dir: Path = typer.Argument(
        ..., help="Folder with train.spacy, dev.spacy and perhaps test.spacy"
    ),
    lang: Optional[str] = typer.Option(
        None,
        "--lang",
        "-l",
        help="Language, for spaCy's tokeniser; as it was converted if not given",
    ),
    encoder: Optional[str] = typer.Option(
        None,
        "--encoder",
        help="The encoder to be trained: a folder, a known name or a name on the Hugging Face hub",
    ),
    config: Optional[Path] = typer.Option(
        None, help=f"The recipe, whose encoder is taken for --encoder {ITS_OWN}"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file to write the report to"
    ),
    suspects: Optional[Path] = typer.Option(
        None,
        "--suspects",
        help="JSON Lines file for every mention that is labelled otherwise than most of the same words",
    ),
    strict: bool = typer.Option(False, "--strict", help="Fail if there is an error"),
    # fmt: on
) -> None:
    with clear_failure():
        if config is not None and encoder is not None:
            encoder = encoder_of(config, encoder)
        report, found = check(
            corpus_dir, lang=lang, encoder=encoder, progress=progress_bar("documents")
        )
        if output is not None:
            write_json(output, report.to_dict())
            msg.good(f"Report: {output}")
        if suspects is not None:
            write_jsonl(suspects, [suspect.to_dict() for suspect in found])
            msg.good(f"Suspects: {suspects} ({len(found):,})")
    splits = report.splits
    msg.table(
        [
            (name, *(f"{n:,}" for n in (s.documents, s.sentences, s.tokens, s.entities)))
            for name, s in splits.items()
        ],
        header=("split", "documents", "sentences", "tokens", "entities"),
        aligns=("l", *"rrrr"),
        divider=True,
    )
    msg.table(
        [
            (label, *(f"{split.labels.get(label, 0):,}" for split in splits.values()))
            for label in sorted({label for split in splits.values() for label in split.labels})
        ],
        header=("label", *splits),
        aligns=("l", *("r" for _ in splits)),
        divider=True,
    )
    show = {"error": msg.fail, "warning": msg.warn, "info": msg.info}
    for finding in report.findings:
        show[finding.severity](finding.message)
        # Not by wasabi: it would break the lines, and so the places.
        if finding.remedy:
            print(f"  {finding.remedy}")
        for example in finding.examples:
            print(f"    {example}")
    counts = [f"{report.count(severity)} {name}" for severity, name in SEVERITY_NAMES.items()]
    msg.text(f"\n{', '.join(counts)}")
    if strict and report.count("error"):
        raise SystemExit(1)


if __name__ == "__main__":
    app()
