"""Format detection."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from spacy.tokens import Doc

from ...errors import InputError
from ..docbin import DocBinReader
from ..documents import Document, TextDocument
from ..labels import labels_beside
from ..notes import Note
from ..options import ReadOptions
from ..sources import Source
from ..tags import TagReader
from .brat import BratFile
from .columns import ColumnFile
from .json_values import JsonRecords
from .records import open_records
from .tables import DatasetRows, ParquetRows

FORMATS = ("columns", "json", "parquet", "datasets", "brat", "spacy")


class Reader(Protocol):
    """Streams one file of a corpus. Can be iterated more than once.

    format (str): The format, in words.
    encoding (str | None): The encoding, for text files.
    tags (TagReader | None): The tags, if the format has tags.
    marks_documents (bool): Whether the file marks document boundaries. Known after iterating.
    """

    @property
    def format(self) -> str: ...

    @property
    def encoding(self) -> str | None: ...

    @property
    def tags(self) -> TagReader | None: ...

    @property
    def marks_documents(self) -> bool: ...

    def __iter__(self) -> Iterator[Document | TextDocument | Doc]: ...

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): Problems in the file. Known after iterating."""
        ...


def open_corpus(source: Source, options: ReadOptions) -> Reader:
    """Open a file of a corpus.

    source (Source): The file, or the folder of one split of a saved data set.
    options (ReadOptions): How to read the file. By default, the format is detected.
    RETURNS (Reader): The reader.
    RAISES: InputError if the file cannot be read.
    """
    format = options.format or find_format(source)
    if format == "columns":
        return ColumnFile(source, options)
    if format == "json":
        encoding = options.encoding or source.encoding()
        rows = JsonRecords(source, encoding)
        reader = open_records(source.name, rows, options, lambda: labels_beside(source.path))
        reader.encoding = encoding
        return reader
    if format == "parquet":
        parquet = ParquetRows(source)
        return open_records(
            source.name, parquet, options, lambda: parquet.labels or labels_beside(source.path)
        )
    if format == "datasets":
        dataset = DatasetRows(source.path)
        return open_records(source.name, dataset, options, lambda: dataset.labels)
    if format == "brat":
        text, annotations = brat_pair(source.path)
        return BratFile(Source(text, source.name), Source.at(annotations), options)
    if format == "spacy":
        return DocBinReader(source)
    raise InputError(f"unknown format {format!r}. Use one of {', '.join(FORMATS)}.")


def find_format(source: Source) -> str:
    """Detect the format of a file from its first bytes, its suffix, and .ann files in its folder.

    source (Source): The file.
    RETURNS (str): One of FORMATS.
    RAISES: InputError if the format is not supported.
    """
    if source.path.is_dir():
        return "datasets"
    start = source.start()
    for magic, kind, advice in (
        (b"PAR1", "parquet", ""),
        (b"ARROW1", "", "a single Arrow file. Pass the folder saved by datasets."),
        (b"PK\3\4", "", "a zip or office file. Unpack it, or save the table as text."),
        (b"%PDF", "", "a PDF, which is not supported. Pass annotated text."),
        (b"BZh", "", "a bzip2 file. Decompress it."),
        (b"\xfd7zXZ", "", "an xz file. Decompress it."),
        (b"\x28\xb5\x2f\xfd", "", "a zstandard file. Decompress it."),
    ):
        if start.startswith(magic):
            if advice:
                raise InputError(f"is {advice}", path=source.name)
            return kind
    if source.path.suffix == ".spacy" or (start[:1] == b"\x78" and _is_zlib(start)):
        return "spacy"
    if source.path.suffix == ".ann" or (
        source.path.suffix == ".txt"
        and (source.path.with_suffix(".ann").is_file() or any(source.path.parent.glob("*.ann")))
    ):
        return "brat"
    return "json" if looks_like_json(start) else "columns"


def brat_pair(path: Path) -> tuple[Path, Path]:
    """Get the two files of a brat document.

    path (Path): The .txt file or the .ann file.
    RETURNS (tuple[Path, Path]): The .txt file and the .ann file.
    RAISES: InputError if one is missing.
    """
    pair = path.with_suffix(".txt"), path.with_suffix(".ann")
    for file in pair:
        if not file.is_file():
            raise InputError(
                "not found. brat stores the text in a .txt file and its entities in an .ann file "
                "of the same name.",
                path=file,
            )
    return pair


def _is_zlib(start: bytes) -> bool:
    # The two bytes of a zlib header are a multiple of 31.
    return (
        len(start) > 1 and int.from_bytes(start[:2], "big") % 31 == 0 and not start[:64].isascii()
    )


def looks_like_json(start: bytes) -> bool:
    """Check whether a file is JSON.

    start (bytes): The first bytes of the file.
    RETURNS (bool): Whether they are the start of an object or an array, and not a bracket as the
        first word of a column file.
    """
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = start.decode(encoding, errors="replace").lstrip()
    if text[:1] == "{":
        return text[1:].lstrip()[:1] in ('"', "}")
    if text[:1] == "[":
        first = text.partition("\n")[0].strip()
        try:
            return isinstance(json.loads(first), list)
        except (ValueError, RecursionError):
            return (
                first == "["
                or re.match(r"\[\s*(\{|\[\s*[\"\[{])", first) is not None
                and "\t" not in first
            )
    return False
