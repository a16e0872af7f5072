"""`spacy ner export`."""

from pathlib import Path
from typing import Any

import typer
from wasabi import msg

from ..corpus.tags import SCHEME_NAMES
from ._util import choices, progress_bar

Scheme: Any = choices("ExportScheme", SCHEME_NAMES)


def export_cli(
    corpus: Path = typer.Argument(..., help="A .spacy file, or a folder of them"),
    output: Path = typer.Argument(..., help="File to write; its suffix sets the format"),
    scheme: Scheme = typer.Option(
        "IOB2", "--scheme", "-s", help="Tag scheme, if the format is columns"
    ),
) -> None:
    """Export a .spacy file for other tools.

    Writes Prodigy's JSON Lines for .jsonl, CoNLL-U Plus for .conllup, and columns of words
    and tags for any other suffix. The convert command reads all of them.

    \b
    Example:
      python -m spacy ner export corpus/mine/train.spacy train.iob --scheme BIOES
    """
    from spacy.vocab import Vocab

    from ..corpus.docbin import read_docbin
    from ..corpus.export import export

    docs = progress_bar("documents")(read_docbin(corpus, Vocab()), corpus)
    lost = export(docs, output, scheme.value)
    for what, count in lost.items():
        if count:
            msg.warn(f"{count:,} {what}")
    msg.good(f"Exported: {output}")
