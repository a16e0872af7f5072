"""`spacy ner apply-review`."""

from pathlib import Path
from typing import Any, Optional

import typer
from wasabi import msg

from ._util import choices
from .convert import ENCODING, FORMAT, LABELS, Format, Scheme

Flat: Any = choices("Flat", ("refuse", "longest"))


def apply_review_cli(
    # fmt: off
    review: Path = typer.Argument(..., help="The reviewed suspects, JSON Lines"),
    files: list[Path] = typer.Argument(
        ...,
        metavar="FILE...",
        help="The corpus files to correct: those that the suspects come from, or the .spacy files",
    ),
    other_reviews: Optional[list[Path]] = typer.Option(
        None, "--review", help="The same suspects, reviewed by somebody else; can be repeated"
    ),
    unchanged_is_right: bool = typer.Option(
        False,
        "--unchanged-is-right",
        help="A record without an answer and with unchanged labels was reviewed, and is right. For Doccano, which has no answers",
    ),
    lang: str = typer.Option("en", "--lang", "-l", help="Language of the corpus, as for convert"),
    format: Optional[Format] = FORMAT,
    encoding: Optional[str] = ENCODING,
    scheme: Optional[Scheme] = typer.Option(
        None, "--scheme", "-s", help="Tag scheme; detected if not given"
    ),
    word_column: Optional[str] = typer.Option(
        None, "--word-column", help="Column or field of the words, as for convert"
    ),
    tag_column: Optional[str] = typer.Option(
        None,
        "--tag-column",
        help="Column of the tag, or the field of tags or entities, as for convert",
    ),
    labels: Optional[str] = LABELS,
    overlaps: Flat = typer.Option(
        "refuse", "--overlaps", help="Entities that overlap: refuse the file, or keep the longest"
    ),
    # fmt: on
) -> None:
    """Write the decisions of a review into corpus files.

    Prodigy's answer accept keeps the annotation, reject takes the suggestion, and ignore
    decides nothing. Labels that were changed in Prodigy or Doccano are taken. Nothing else in
    the files changes. If a decision does not fit its file, no file is written. Decisions are
    remembered in reviewed.jsonl beside each file, so that they do not come again.

    \b
    Example:
      python -m spacy ner apply-review reviewed.jsonl train.conll dev.conll
    """
    from ..corpus.labels import read_labels
    from ..corpus.options import ReadOptions
    from ..review.apply import apply_review
    from ..review.decisions import read_review

    options = ReadOptions(
        format=format and format.value,
        encoding=encoding,
        scheme=scheme and scheme.value,
        word_column=word_column,
        tag_column=tag_column,
        labels=None if labels is None else read_labels(labels),
        overlaps=overlaps.value,
    )
    decisions = read_review([review, *(other_reviews or ())], unchanged_is_right=unchanged_is_right)
    done = apply_review(decisions, files, options=options, lang=lang)
    for file in done.files:
        msg.good(f"Corrected: {file}")
    print(
        f"{done.corrected:,} suspects corrected ({done.entities:,} entities), {done.kept:,} right "
        f"as they were, {done.before:,} corrected before, {done.undecided:,} undecided"
    )
    for file, count in done.elsewhere.items():
        msg.warn(f"{count:,} decisions are about {file or 'another file'}, which was not given")
    if done.new_labels:
        msg.warn(f"New labels: {', '.join(done.new_labels)}. Are they spelled correctly?")
    if any(not file.endswith(".spacy") for file in done.files):
        print("Convert the files again to train on them: spacy ner convert")
