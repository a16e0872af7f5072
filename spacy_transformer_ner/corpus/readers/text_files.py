"""Texts in files of their own, beside the records of their entities."""

from pathlib import Path

from ...errors import InputError
from ..sources import LONGEST_RECORD, Source, shorten


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
