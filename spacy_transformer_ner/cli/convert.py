"""`spacy ner convert`."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Optional

import typer
from wasabi import msg

from ..corpus.convert import FileRead, convert
from ..corpus.labels import read_labels
from ..corpus.options import DISCONTINUOUS, OFFSETS, OVERLAPS, ReadOptions
from ..corpus.readers.formats import FORMATS
from ..corpus.sources import Source, spool
from ..corpus.splits import parse_shares
from ..corpus.tags import REPAIRS, SCHEME_NAMES
from ._util import choices, progress_bar

Format: Any = choices("Format", FORMATS)
Scheme: Any = choices("Scheme", SCHEME_NAMES)
Repair: Any = choices("Repair", REPAIRS)
Overlap: Any = choices("Overlap", OVERLAPS)
Discontinuous: Any = choices("Discontinuous", DISCONTINUOUS)
Offsets: Any = choices("Offsets", OFFSETS)

# Parameters of apply-review too.
FORMAT: Any = typer.Option(
    None, "--format", "-f", help="Format of the files; detected if not given"
)
ENCODING: Any = typer.Option(
    None, "--encoding", "-e", help="Encoding of the files; detected if not given"
)
LABELS: Any = typer.Option(
    None,
    "--labels",
    help="Tags that numbers stand for: O,B-PER,… in order, or a file with them",
)


def convert_cli(
    # fmt: off
    inputs: list[str] = typer.Argument(
        ...,
        metavar="INPUT...",
        help="Files, plain or gzipped; folders whose files are named after their split (train; dev, valid or testa; test or testb); - for standard input",
    ),
    output: Path = typer.Argument(
        ..., help="Folder for the .spacy files, or one .spacy file for all inputs"
    ),
    lang: str = typer.Option(
        "en",
        "--lang",
        "-l",
        help="Language, for the spaces between words and for spaCy's tokenizer",
    ),
    format: Optional[Format] = FORMAT,
    encoding: Optional[str] = ENCODING,
    scheme: Optional[Scheme] = typer.Option(
        None,
        "--scheme",
        "-s",
        help="Tag scheme; detected if not given. bare: labels without a prefix",
    ),
    repair: Repair = typer.Option(
        "conlleval",
        "--repair",
        help="Entities whose tags break the scheme: read them as the conlleval script does, discard them, or (none) refuse the file",
    ),
    word_column: Optional[str] = typer.Option(
        None,
        "--word-column",
        help="Column of the word, counted from 1, from the end as -1, or its name in the header; for records, the name of the field",
    ),
    tag_column: Optional[str] = typer.Option(
        None,
        "--tag-column",
        help="Column of the tag, or the field of tags or entities; with --overlaps spans several columns: 3,4",
    ),
    text_field: Optional[str] = typer.Option(
        None, "--text-field", help="Field of the text, in records and tables of text"
    ),
    spans_field: Optional[str] = typer.Option(
        None, "--spans-field", help="Field of the entities of a text"
    ),
    label_field: Optional[str] = typer.Option(
        None, "--label-field", help="Field of the label of an entity"
    ),
    offsets: Optional[Offsets] = typer.Option(
        None,
        "--offsets",
        help="How offsets are counted: characters with an exclusive end, an inclusive end, from 1 with an inclusive end, UTF-16 units or UTF-8 bytes",
    ),
    labels: Optional[str] = LABELS,
    overlaps: Overlap = typer.Option(
        "refuse",
        "--overlaps",
        help="Entities that overlap: refuse the file, keep the longest, or keep all of them in doc.spans",
    ),
    discontinuous: Optional[Discontinuous] = typer.Option(
        None,
        "--discontinuous",
        help="Entities with several parts: refuse the file, drop them, or cover all parts with one entity; refuse or drop if not given, like --overlaps",
    ),
    n_sents: int = typer.Option(
        1,
        "--n-sents",
        "-n",
        min=1,
        help="Sentences per document, if the file does not mark documents",
    ),
    split: Optional[str] = typer.Option(
        None,
        "--split",
        help="Split the documents of all inputs at random into train, dev and test: 80,10,10",
    ),
    seed: int = typer.Option(0, "--seed", help="Random seed of --split"),
    # fmt: on
) -> None:
    """Convert annotated files to spaCy's binary format.

    Reads column files (CoNLL and similar), tables (CSV), JSON and JSON Lines records, Parquet
    and saved data sets of Hugging Face, the exports of annotation tools (brat, INCEpTION, Rasa
    and more), inline tags, and .spacy files. Format, encoding, columns, tag scheme
    and documents are detected, and printed.

    \b
    Example:
      python -m spacy ner convert train.conll dev.conll test.conll corpus/mine
      python -m spacy ner convert annotations.jsonl corpus/mine --split 80,10,10
    """
    with TemporaryDirectory() as folder:
        options = ReadOptions(
            format=format and format.value,
            encoding=encoding,
            scheme=scheme and scheme.value,
            repair=repair.value,
            word_column=word_column,
            tag_column=tag_column,
            text_field=text_field,
            spans_field=spans_field,
            label_field=label_field,
            offsets=offsets and offsets.value,
            labels=None if labels is None else read_labels(labels),
            overlaps=overlaps.value,
            discontinuous=discontinuous and discontinuous.value,
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
        kind = file.format, file.scheme, file.encoding, bool(file.notes)
        kinds.setdefault(kind, []).append(file)
    for files in kinds.values():
        if len(files) > 5 and not files[0].notes:
            files = [replace(files[0], source=f"{files[0].source} and {len(files) - 1} more")]
        for file in files:
            _show(file, n_sents)
    if split is not None:
        msg.info(f"Split at random with seed {seed}; equal documents are in the same split")
        if not all(file.marks_documents for file in read.values()):
            msg.warn(
                "Sentences of one text can be in different splits, because the files do not mark "
                "documents"
            )
    has_test = any(result.target.endswith("test.spacy") for result in results)
    if not has_test and split is None and output.suffix != ".spacy" and Path(inputs[0]).is_dir():
        msg.warn("No test file found. In the project, evaluate on dev: --vars.eval_split dev")
    msg.table(
        [
            (r.target, f"{r.documents:,}", f"{r.sentences:,}", f"{r.words:,}", f"{r.entities:,}")
            for r in results
        ],
        header=("file", "documents", "sentences", "tokens", "entities"),
        aligns=("l", "r", "r", "r", "r"),
        divider=True,
        max_col=max(len(r.target) for r in results),
    )


def _source(name: str, folder: Path) -> Path | Source:
    """Get the path of an input. A pipe is copied to a file, because files are read twice: to
    detect the format, and to convert them."""
    if name == "-":
        return spool(sys.stdin.buffer, folder, "<stdin>")
    if not Path(name).exists() or Path(name).is_file() or Path(name).is_dir():
        return Path(name)
    with open(name, "rb") as pipe:
        return spool(pipe, folder, name)


def _show(file: FileRead, n_sents: int) -> None:
    """Print what was detected about a file."""
    found = [file.format, file.scheme, file.encoding]
    if not file.marks_documents:
        found.append(f"{n_sents} sentence{'s' * (n_sents > 1)} per document")
    msg.good(f"{file.source}: {', '.join(part for part in found if part)}")
    for note in file.notes:
        msg.warn(f"{note.count:,} {note.message}")
        for place in note.places:
            print(f"    {place}")
