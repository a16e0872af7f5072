"""How a corpus is to be read, where that is not to be found out."""

from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from .tags import Repair, Seen, TagReader

Overlaps = Literal["refuse", "longest"]
OVERLAPS = ("refuse", "longest")


@dataclass(frozen=True)
class ReadOptions:
    """What the user says of a corpus. None is for what is found out.

    format (str | None): A name of formats.FORMATS.
    encoding (str | None): The encoding of text files, as Python names it.
    scheme (str | None): One of tags.SCHEME_NAMES.
    repair (str): What becomes of tags that break their scheme: see TagReader.
    word_column, tag_column (str | None): Of column files a number, counted from
        1, or from the end as -1; of records and tables a name.
    labels (tuple[str, ...] | None): The tags that integers in records stand for.
    overlaps (str): What becomes of entities that overlap in text with offsets:
        "refuse", or keep the "longest".
    sentences_per_document (int): How many sentences make a document, where
        nothing marks one.
    """

    format: str | None = None
    encoding: str | None = None
    scheme: str | None = None
    repair: Repair = "conlleval"
    word_column: str | None = None
    tag_column: str | None = None
    labels: tuple[str, ...] | None = None
    overlaps: Overlaps = "refuse"
    sentences_per_document: int = 1

    def column_number(self, what: Literal["word", "tag"]) -> int | None:
        """what (str): "word" or "tag".
        RETURNS (int | None): The number of its column in a column file.
        RAISES: InputError if it was given as a name."""
        given = self.word_column if what == "word" else self.tag_column
        if given is None:
            return None
        try:
            return int(given)
        except ValueError:
            raise InputError(
                f"--{what}-column {given}: the columns of a column file have numbers, counted "
                "from 1."
            ) from None

    def illegal_note(self, tags: TagReader) -> tuple[str, Seen]:
        """tags (TagReader): What was read.
        RETURNS (tuple[str, Seen]): What to note of entities whose tags break
            their scheme, and how many there are."""
        done = "dropped" if self.repair == "discard" else "read as conlleval does"
        return f"entities whose tags break {tags.scheme} were {done}", tags.illegal
