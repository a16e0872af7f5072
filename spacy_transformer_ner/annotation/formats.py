"""What all input formats share: files of texts, read row by row from any offset.

Each format has two methods: `ends(start)` yields where each row ends, as cheaply as possible,
to plan the chunks, and `rows(start)` reads the rows. Offsets are bytes, or rows in formats
without byte offsets. A row that cannot be read is a Failure; a file that cannot be read
raises an InputError.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..corpus.readers.tables import import_pyarrow
from ..corpus.sources import Source
from ..errors import InputError


@dataclass(frozen=True)
class Fields:
    """The columns or keys to read.

    text (str): The column or key of the text.
    id (str | None): The column or key of the text's ID.
    carry (tuple[str, ...]): The columns or keys to copy to the output.
    text_per (str): Whether a .txt file has one text per "line", or is one text ("file").
    """

    text: str = "text"
    id: str | None = None
    carry: tuple[str, ...] = ()
    text_per: Literal["line", "file"] = "line"

    @property
    def names(self) -> list[str]:
        """RETURNS (list[str]): All columns or keys, each once."""
        return list(dict.fromkeys([self.text, *([self.id] if self.id else []), *self.carry]))


@dataclass(frozen=True)
class InputFile:
    """A file to annotate.

    name (str): The path as the user passed it.
    path (str): The absolute path.
    size (int): The size in bytes.
    modified (int): When it was last modified, in nanoseconds.
    """

    name: str
    path: str
    size: int
    modified: int

    @property
    def zipped(self) -> bool:
        """RETURNS (bool): Whether it is gzipped, by its name."""
        return self.name.endswith(".gz")


@dataclass(frozen=True)
class Failure:
    """A row that cannot be read.

    reason (str): The reason.
    """

    reason: str


# A record, a failure, or None for a blank line.
Row = Mapping[str, Any] | Failure | None


class Format(ABC):
    """A file of one format.

    file (InputFile): The file.
    fields (Fields): The columns or keys to read.
    """

    def __init__(self, file: InputFile, fields: Fields):
        self.file = file
        self.fields = fields
        self.source = Source(Path(file.path), file.name)
        # The encoding, if it is not UTF-8.
        self.encoding: str | None = None

    @property
    def seekable(self) -> bool:
        """RETURNS (bool): Whether it can be read from an offset without reading from the start."""
        return False

    @abstractmethod
    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """start (int): The offset to start at.
        YIELDS (tuple[int, float]): Where each row ends, and its size in bytes.
        RAISES: InputError if the file cannot be read."""

    @abstractmethod
    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """start (int): The offset to start at.
        YIELDS (tuple[int, Row]): Where each row ends, and the row.
        RAISES: InputError if the file cannot be read."""

    def types(self) -> dict[str, Any]:
        """RETURNS (dict[str, pyarrow.DataType | None]): The types of the carried columns: that of
        all rows, if they have the same, else strings. None for a column without values."""
        pa = import_pyarrow()
        found: dict[str, set[str]] = {name: set() for name in self.fields.carry}
        with suppress(InputError):  # the rest of the file is damaged
            for _, row in self.rows(0):
                if isinstance(row, Mapping):
                    for name, kinds in found.items():
                        if (value := row.get(name)) is not None:
                            kinds.add(_kind(value))
        return {
            name: getattr(pa, _common(kinds))() if kinds else None for name, kinds in found.items()
        }


def _kind(value: Any) -> str:
    """The type of a value: as pyarrow calls it, or "whole" for an integer that a double can
    hold."""
    if isinstance(value, bool):
        return "bool_"
    if isinstance(value, int):
        return (
            "whole" if abs(value) <= 2**53 else "int64" if -(2**63) <= value < 2**63 else "string"
        )
    return "float64" if isinstance(value, float) else "string"


def _common(kinds: set[str]) -> str:
    if kinds <= {"whole", "int64"}:
        return "int64"
    if kinds <= {"whole", "float64"}:
        return "float64"
    return next(iter(kinds)) if len(kinds) == 1 else "string"


def check_columns(file: InputFile, fields: Fields, columns: Iterable[str]) -> None:
    """Check that a file has all columns or keys.

    file (InputFile): The file.
    fields (Fields): The columns or keys to read.
    columns (Iterable[str]): The columns or keys of the file.
    RAISES: InputError if one is missing.
    """
    columns = list(columns)
    missing = [name for name in fields.names if name not in columns]
    if missing:
        raise InputError(
            f"has no {' or '.join(map(repr, missing))}, only "
            f"{', '.join(map(repr, columns[:20]))}. Set the names with --text, --id and --carry.",
            path=file.name,
        )
