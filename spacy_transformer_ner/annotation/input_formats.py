"""The table of input formats. To add one, list its class here."""

import os
from pathlib import Path

from ..corpus.readers.formats import looks_like_json
from ..corpus.sources import Source
from .formats import Fields, Format, InputFile
from .line_formats import CsvFile, JsonLines, TextLines, TsvFile, WholeText
from .row_formats import DocBinInput, JsonFile, ParquetFile

INPUT_FORMATS: dict[str, type[Format]] = {
    ".txt": TextLines,
    ".jsonl": JsonLines,
    ".json": JsonFile,
    ".csv": CsvFile,
    ".tsv": TsvFile,
    ".parquet": ParquetFile,
    ".spacy": DocBinInput,
}
# The formats that may be gzipped.
LINES = (".txt", ".jsonl", ".json", ".csv", ".tsv")


def open_format(file: InputFile, fields: Fields) -> Format:
    """file (InputFile): A file. If its name has no known suffix, it is JSON or text, by its
        first bytes.
    fields (Fields): The columns or keys to read.
    RETURNS (Format): The reader."""
    kind = kind_of(file.name)
    if not kind:
        start = Source(Path(file.path), file.name).start()
        kind = ".json" if looks_like_json(start) else ".txt"
    made = INPUT_FORMATS[kind]
    return (WholeText if made is TextLines and fields.text_per == "file" else made)(file, fields)


def kind_of(name: str) -> str:
    """name (str): The name of a file.
    RETURNS (str): Its suffix, a key of INPUT_FORMATS; empty if it has none of them."""
    bare = name.removesuffix(".gz")
    suffix = os.path.splitext(bare)[1].lower()
    return suffix if suffix in INPUT_FORMATS and (bare == name or suffix in LINES) else ""
