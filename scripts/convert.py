"""Convert labelled files to spaCy's binary format: column files (CoNLL and its
like), JSON and JSON Lines records, Parquet and saved data sets of Hugging Face,
brat's standoff, .spacy files. Format, encoding, columns, tag scheme and
documents are found in the files themselves, and what was found is printed."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

import typer
from common import choices, clear_failure, progress_bar
from wasabi import msg

from spacy_transformer_ner.corpus.convert import FileRead, convert
from spacy_transformer_ner.corpus.labels import read_labels
from spacy_transformer_ner.corpus.options import OVERLAPS, ReadOptions
from spacy_transformer_ner.corpus.readers.formats import FORMATS
from spacy_transformer_ner.corpus.sources import Source, spool
from spacy_transformer_ner.corpus.splits import parse_shares
from spacy_transformer_ner.corpus.tags import REPAIRS, SCHEME_NAMES

Format = choices("Format", FORMATS)
Scheme = choices("Scheme", SCHEME_NAMES)
Repair = choices("Repair", REPAIRS)
Overlap = choices("Overlap", OVERLAPS)

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    inputs: list[str] = typer.Argument(
        ...,
        metavar="INPUT...",
        help="Files, plain or gzipped; folders whose files are named after their split (train; dev, valid or testa; test or testb); - for standard input",
    ),
    output: Path = typer.Argument(
        ..., help="Folder for the .spacy files, or one .spacy file that takes all"
    ),
    lang: str = typer.Option(
        "en",
        "--lang",
        "-l",
        help="Language, for the spaces between words and for spaCy's tokeniser",
    ),
    format: Optional[Format] = typer.Option(
        None, "--format", "-f", help="Format of the files; found if not given"
    ),
    encoding: Optional[str] = typer.Option(
        None, "--encoding", "-e", help="Encoding of the files; found if not given"
    ),
    scheme: Optional[Scheme] = typer.Option(
        None, "--scheme", "-s", help="Tag scheme; found if not given. bare: labels without prefix"
    ),
    repair: Repair = typer.Option(
        "conlleval",
        "--repair",
        help="Entities whose tags break the scheme: read them as the conlleval script does, discard them, or (none) refuse the file",
    ),
    word_column: Optional[str] = typer.Option(
        None,
        "--word-column",
        help="Column of the word, counted from 1, or from the end as -1; of records, the name of the field",
    ),
    tag_column: Optional[str] = typer.Option(
        None, "--tag-column", help="Column of the tag, or the field of tags or entities"
    ),
    labels: Optional[str] = typer.Option(
        None,
        "--labels",
        help="Tags that numbers stand for: O,B-PER,… in their order, or a file with them",
    ),
    overlaps: Overlap = typer.Option(
        "refuse", "--overlaps", help="Entities that overlap: refuse the file, or keep the longest"
    ),
    n_sents: int = typer.Option(
        1, "--n-sents", "-n", min=1, help="Sentences per document, where a file marks none"
    ),
    split: Optional[str] = typer.Option(
        None, "--split", help="Draw train, dev and test from the documents of all inputs: 80,10,10"
    ),
    seed: int = typer.Option(0, "--seed", help="Seed of --split"),
    # fmt: on
) -> None:
    with clear_failure(), TemporaryDirectory() as folder:
        options = ReadOptions(
            format=format and format.value,
            encoding=encoding,
            scheme=scheme and scheme.value,
            repair=repair.value,
            word_column=word_column,
            tag_column=tag_column,
            labels=None if labels is None else read_labels(labels),
            overlaps=overlaps.value,
            sentences_per_document=n_sents,
        )
        results = convert(
            [_source(name, Path(folder)) for name in inputs],
            output,
            options=options,
            lang=lang,
            shares=None if split is None else parse_shares(split),
            seed=seed,
            progress=progress_bar("documents"),
        )
    read = {file.source: file for result in results for file in result.files}
    kinds: dict[tuple, list[FileRead]] = {}
    for file in read.values():
        kinds.setdefault((file.format, file.scheme, file.encoding, bool(file.notes)), []).append(
            file
        )
    for files in kinds.values():
        if len(files) > 5 and not files[0].notes:
            name = f"{files[0].source} and {len(files) - 1} more"
            describe(replace(files[0], source=name), n_sents)
        else:
            for file in files:
                describe(file, n_sents)
    if split is not None:
        msg.info(f"Split at random with seed {seed}; equal documents are in one split")
        if not all(file.marks_documents for file in read.values()):
            msg.warn(
                "Sentences of one text can be in different splits, because nothing marks documents"
            )
    has_test = any(result.target.endswith("test.spacy") for result in results)
    if not has_test and split is None and output.suffix != ".spacy" and Path(inputs[0]).is_dir():
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


def _source(name: str, folder: Path) -> Path | Source:
    """A pipe is kept in a file, because files are looked at before they are read."""
    if name == "-":
        return spool(sys.stdin.buffer, folder, "<stdin>")
    if not Path(name).exists() or Path(name).is_file() or Path(name).is_dir():
        return Path(name)
    with open(name, "rb") as pipe:
        return spool(pipe, folder, name)


def describe(file: FileRead, n_sents: int) -> None:
    """Print what was found out about a file."""
    found = [file.format, file.scheme, file.encoding]
    if not file.marks_documents:
        found.append(f"{n_sents} sentence(s) a document")
    msg.good(f"{file.source}: {', '.join(part for part in found if part)}")
    for note in file.notes:
        msg.warn(f"{note.count:,} {note.message}")
        for place in note.places:
            print(f"    {place}")


if __name__ == "__main__":
    app()
