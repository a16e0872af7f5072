"""The table of formats, and format detection."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from spacy.tokens import Doc

from ...errors import InputError
from ..docbin import DocBinReader
from ..documents import Document, TextDocument
from ..labels import labels_beside
from ..notes import Note
from ..options import ReadOptions
from ..sources import Source
from ..tags import TagReader
from .annotated import are_columns
from .brat import BratFile
from .columns import open_columns
from .csv_entities import entities_beside, open_file_of_table
from .csv_file import is_csv, open_csv
from .json_values import JsonRecords
from .markdown import is_markdown, open_markdown
from .markup import is_markup, open_markup
from .pubtator import is_pubtator, open_pubtator
from .python_data import PythonRecords, looks_like_python
from .records import open_records
from .refused import find_refused
from .sentence_lines import is_opennlp, is_tagged_lines, open_opennlp, open_tagged_lines
from .tables import DatasetRows, ParquetRows
from .webanno import WebAnnoFile, is_webanno


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

    @cached_property
    def marks_documents(self) -> bool: ...

    def __iter__(self) -> Iterator[Document | TextDocument | Doc]: ...

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): Problems in the file. Known after iterating."""
        ...


# Number of bytes from which a format is detected.
START = 1 << 16


@dataclass(frozen=True)
class Start:
    """The start of a file, from which its format is detected.

    source (Source): The file.
    raw (bytes): The first bytes.
    """

    source: Source
    raw: bytes

    @cached_property
    def text(self) -> str:
        """RETURNS (str): The first bytes as text. Bytes that are not UTF-8 or UTF-16 with a byte
        order mark are replaced."""
        is_utf16 = self.raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        return self.raw.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")

    @property
    def is_cut(self) -> bool:
        """RETURNS (bool): Whether the file continues after the first bytes."""
        return len(self.raw) >= START

    @property
    def suffix(self) -> str:
        """RETURNS (str): The suffix in lower case, without .gz, e.g. ".json"."""
        path = self.source.path
        return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


@dataclass(frozen=True)
class Format:
    """A format of annotated files.

    name (str): The name, as in --format.
    detect (Callable[[Start], bool]): Whether a file has this format, from its start. Formats are
        tried in the order of the table.
    open (Callable[[Source, ReadOptions], Reader]): Opens a file of this format.
    """

    name: str
    detect: Callable[[Start], bool]
    open: Callable[[Source, ReadOptions], Reader]


def open_corpus(source: Source, options: ReadOptions) -> Reader:
    """Open a file of a corpus.

    source (Source): The file, or the folder of one split of a saved data set.
    options (ReadOptions): How to read the file. By default, the format is detected.
    RETURNS (Reader): The reader.
    RAISES: InputError if the file cannot be read.
    """
    name = options.format or find_format(source)
    format = next((format for format in TABLE if format.name == name), None)
    if format is None:
        raise InputError(f"unknown format {name!r}. Use one of {', '.join(FORMATS)}.")
    return format.open(source, options)


def find_format(source: Source) -> str:
    """Detect the format of a file from its first bytes, its suffix, and the files beside it.

    source (Source): The file.
    RETURNS (str): One of FORMATS.
    RAISES: InputError if the format is not supported.
    """
    start = Start(source, b"" if source.path.is_dir() else source.start(START))
    refused = find_refused(start.raw, lambda: start.text, start.suffix)
    if refused is not None:
        raise InputError(f"is {refused.what}. {refused.advice}", path=source.name)
    return next(format.name for format in TABLE if format.detect(start))


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
        start[:1] == b"\x78"
        and len(start) > 1
        and int.from_bytes(start[:2], "big") % 31 == 0
        and not start[:64].isascii()
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


def _is_brat(start: Start) -> bool:
    path = start.source.path
    return path.suffix == ".ann" or (
        path.suffix == ".txt"
        and (path.with_suffix(".ann").is_file() or any(path.parent.glob("*.ann")))
    )


def _open_brat(source: Source, options: ReadOptions) -> Reader:
    text, annotations = brat_pair(source.path)
    return BratFile(Source(text, source.name), Source.at(annotations), options)


def _open_values(
    rows_of: Callable[[Source, str], Iterable[tuple[int, Any]]],
    source: Source,
    options: ReadOptions,
) -> Reader:
    encoding = options.encoding or source.encoding()
    reader = open_records(
        source.name,
        rows_of(source, encoding),
        options,
        lambda: labels_beside(source.path),
        source.path.parent,
    )
    reader.encoding = encoding
    return reader


def _open_parquet(source: Source, options: ReadOptions) -> Reader:
    rows = ParquetRows(source)
    return open_records(
        source.name, rows, options, lambda: rows.labels or labels_beside(source.path)
    )


def _open_datasets(source: Source, options: ReadOptions) -> Reader:
    rows = DatasetRows(source.path)
    return open_records(source.name, rows, options, lambda: rows.labels)


def _is_beside_table(start: Start) -> bool:
    return (
        start.suffix == ".txt"
        and not are_columns(start.text)
        and entities_beside(start.source.path) is not None
    )


# The first format that detects a file reads it, so the most specific come first.
TABLE = (
    Format("datasets", lambda start: start.source.path.is_dir(), _open_datasets),
    Format("parquet", lambda start: start.raw.startswith(b"PAR1"), _open_parquet),
    Format(
        "spacy",
        lambda start: start.source.path.suffix == ".spacy" or _is_zlib(start.raw),
        lambda source, options: DocBinReader(source),
    ),
    Format("brat", _is_brat, _open_brat),
    Format("entity-table", _is_beside_table, open_file_of_table),
    Format(
        "python", lambda start: looks_like_python(start.text), partial(_open_values, PythonRecords)
    ),
    Format("json", lambda start: looks_like_json(start.raw), partial(_open_values, JsonRecords)),
    Format("webanno", lambda start: is_webanno(start.text), WebAnnoFile),
    Format("pubtator", lambda start: is_pubtator(start.text), open_pubtator),
    Format("opennlp", lambda start: is_opennlp(start.text), open_opennlp),
    Format("tagged-lines", lambda start: is_tagged_lines(start.text), open_tagged_lines),
    Format("csv", lambda start: is_csv(start.text, start.is_cut), open_csv),
    Format("xml", lambda start: is_markup(start.text), open_markup),
    Format("markdown", lambda start: is_markdown(start.text), open_markdown),
    Format("columns", lambda start: True, open_columns),
)
FORMATS = tuple(format.name for format in TABLE)
