"""Convert column files (CoNLL-2003, CoNLL-2002, WNUT-17 and their like) to
spaCy's binary format. Encoding, columns, tag scheme (IOB1 or IOB2) and
documents are found in the files themselves."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.corpus.convert import convert

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    input_path: Path = typer.Argument(..., metavar="INPUT", help="A file, or a folder whose files are named after their split (train; dev, valid or testa; test or testb)"),
    output_dir: Path = typer.Argument(..., help="Folder for the .spacy files"),
    lang: str = typer.Option("en", "--lang", "-l", help="Language, for the spaces between words"),
    encoding: Optional[str] = typer.Option(None, "--encoding", "-e", help="Encoding of the files; found if not given"),
    n_sents: int = typer.Option(1, "--n-sents", "-n", min=1, help="Sentences per document, where a file marks none"),
    # fmt: on
) -> None:
    with clear_failure():
        results = convert(
            input_path,
            output_dir,
            lang=lang,
            encoding=encoding,
            sentences_per_document=n_sents,
            progress=progress_bar("documents"),
        )
    for result in results:
        marks = "" if result.marks_documents else f", {n_sents} sentence(s) a document"
        msg.good(
            f"{result.source}: {result.columns} columns, {result.scheme}, {result.encoding}{marks}"
        )
        if result.repaired:
            lines = ", ".join(map(str, result.repaired[:10]))
            more = ", …" if len(result.repaired) > 10 else ""
            msg.warn(
                f"{len(result.repaired)} I- tags that IOB2 does not allow were read as the start "
                f"of an entity, as conlleval does (line {lines}{more})"
            )
    if input_path.is_dir() and not any(r.target.endswith("test.spacy") for r in results):
        msg.warn("There is no test file. In the project, evaluate on dev: --vars.eval_split dev")
    msg.table(
        [
            (r.target, f"{r.documents:,}", f"{r.sentences:,}", f"{r.words:,}", f"{r.entities:,}")
            for r in results
        ],
        header=("file", "documents", "sentences", "tokens", "entities"),
        aligns=("l", "r", "r", "r", "r"),
        divider=True,
    )


if __name__ == "__main__":
    app()
