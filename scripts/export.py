"""Export a .spacy file for other tools: to JSON Lines as Prodigy has them (a
name that ends in .jsonl), to CoNLL-U Plus (.conllup), or to columns of words and
tags (any other name). The convert command reads all of them again."""

from pathlib import Path

import typer
from common import choices, clear_failure, progress_bar
from spacy.vocab import Vocab
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.corpus.tags import SCHEME_NAMES

Scheme = choices("Scheme", SCHEME_NAMES)

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus: Path = typer.Argument(..., help="A .spacy file, or a folder of them"),
    output: Path = typer.Argument(..., help="The file to write: .jsonl, .conllup, or columns"),
    scheme: Scheme = typer.Option("IOB2", "--scheme", "-s", help="Tag scheme of the columns"),
    # fmt: on
) -> None:
    with clear_failure():
        docs = progress_bar("documents")(read_docbin(corpus, Vocab()), corpus)
        lost = export(docs, output, scheme.value)
    for what, count in lost.items():
        if count:
            msg.warn(f"{count:,} {what}")
    msg.good(f"Exported: {output}")


if __name__ == "__main__":
    app()
