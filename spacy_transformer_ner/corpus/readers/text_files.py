"""Texts in files of their own, beside the records of their entities."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import InputError
from ..sources import LONGEST_RECORD, Source, shorten
from .annotated import are_columns

# The name of a text file in JSON.
NAME = re.compile(rb'"(?:[^"\n]{0,500}[/\\])?([^"/\\\n]{1,250}\.txt)"')
RECORDS = (".json", ".jsonl", ".ndjson", ".manifest")
CHUNK = 1 << 20
OVERLAP = 1000


def texts_of_records(paths: Sequence[Path]) -> dict[Path, set[Path]]:
    """Find the JSON files whose texts are in other files, as Azure exports them.

    paths (Sequence[Path]): Files and folders.
    RETURNS (dict[Path, set[Path]]): The texts of each JSON file that names them, among the paths
        and in the same folder. Column files are not texts.
    """
    texts = {path for path in paths if path.suffix.lower() == ".txt"}
    found: dict[Path, set[Path]] = {}
    for path in paths if texts else ():
        if path.suffix.lower() in RECORDS and path.is_file():
            named = {path.parent / name for name in _names(path)} & texts
            if named and not any(map(_are_columns, named)):
                found[path] = named
    return found


def _names(path: Path) -> Iterator[str]:
    """Yield the names of text files in a JSON file, if there is one at its start."""
    held = b""
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            names = NAME.findall(held + chunk)
            if not names and not held:
                return
            yield from (name.decode("utf-8", errors="replace") for name in names)
            held = chunk[-OVERLAP:]


def _are_columns(path: Path) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return are_columns(file.read(1 << 16))


class TextFiles:
    """Reads the text files that records name.

    folder (Path): The folder of the records. Other folders are not read.
    name (str): The file name of the records.
    """

    def __init__(self, folder: Path, name: str):
        self.folder = folder
        self.name = name

    def __call__(self, given: str, line: int) -> str:
        """Read a text.

        given (str): The name of the file, a path or an address.
        line (int): The line of the record.
        RETURNS (str): The text.
        RAISES: InputError if it is not in the folder.
        """
        parts = [part for part in given.replace("\\", "/").split("/") if part not in ("", ".")]
        for tail in (parts, parts[-1:]):
            if not tail or ".." in tail or ":" in tail[0]:
                continue
            path = self.folder.joinpath(*tail)
            if path.is_file() and path.stat().st_size <= LONGEST_RECORD:
                source = Source.at(path)
                return source.whole(source.encoding()).removeprefix("\ufeff").replace("\r\n", "\n")
        raise InputError(
            f"the text file {shorten(given, 60)} is not in the folder of this file. Put it there.",
            path=self.name,
            line=line,
        )
