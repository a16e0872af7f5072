"""Which column of a file holds what, and which rows are no words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..tags import TAG

DOCSTART = "-DOCSTART-"
# Blanks that part columns. Not str.split(): a no-break space belongs to its word.
BLANKS = re.compile(r"[ \t]+")
# Numbers of words in a sentence; ranges and empty nodes as in CoNLL-U.
NUMBER = re.compile(r"[0-9]+([-.][0-9]+)?")


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    tabs (bool): Whether tabs part them, so that words may hold spaces;
        otherwise blanks do.
    columns (int): How many there are.
    word, tag (int): Where word and tag are, counted from 0.
    numbered (bool): Whether the first column counts the words of a sentence.
    misc (int | None): Where notes like SpaceAfter=No are.
    key (str): The note that holds the tag, if it is in `misc`; else "".
    bare (bool): Whether tags are labels without prefix.
    spaced (bool): Whether words without the note SpaceAfter=No have a space after.
    labels (frozenset[str]): The labels that were seen, where they have no prefix.
    prefix (str): What every word starts with and is not part of it.
    others (tuple[int, ...]): Other columns with tags.
    """

    tabs: bool
    columns: int
    word: int
    tag: int
    numbered: bool = False
    misc: int | None = None
    key: str = ""
    bare: bool = False
    spaced: bool = False
    labels: frozenset[str] = frozenset()
    prefix: str = ""
    others: tuple[int, ...] = ()

    def split(self, row: str) -> list[str]:
        """row (str): A row.
        RETURNS (list[str]): Its cells."""
        return split_row(row, self.tabs)

    def __str__(self) -> str:
        tag = f"{self.key}= in column {self.tag + 1}" if self.key else f"tag in {self.tag + 1}"
        others = (
            f", tags also in {', '.join(str(i + 1) for i in self.others)}" if self.others else ""
        )
        return f"{self.columns} columns (word in {self.word + 1}, {tag}{others})"


def split_row(row: str, tabs: bool) -> list[str]:
    """Split a row into cells.

    row (str): The row.
    tabs (bool): Whether tabs part them, or else blanks.
    RETURNS (list[str]): The cells.
    """
    return row.rstrip(" \t").split("\t") if tabs else BLANKS.split(row.strip(" \t"))


def is_comment(row: str, layout: Layout) -> bool:
    """Tell a comment from a word that starts with a number sign.

    row (str): A row that starts with `#`.
    layout (Layout): The file's columns.
    RETURNS (bool): Whether it is none of the words' rows: all of them are
        numbered, or it has not the columns of one, or no tag.
    """
    if layout.numbered:
        return True
    cells = layout.split(row)
    if len(cells) != layout.columns:
        return True
    tag = cells[layout.tag].strip(" ")
    if layout.bare:
        # Between blanks a comment can look like a word with its label.
        return not layout.tabs and tag not in layout.labels
    return not (layout.key or TAG.fullmatch(tag))


def starts_document(row: str, layout: Layout) -> bool:
    """Tell whether a row is the mark of a new document.

    row (str): A row.
    layout (Layout): The file's columns.
    RETURNS (bool): Whether it is `-DOCSTART-` in whatever form, CoNLL-U's
        `# newdoc` or CoNLL-2012's `#begin document`.
    """
    if row[0] == "#":
        marks = ("# newdoc", "#begin document", "#newdoc")
        return row.startswith(marks) and is_comment(row, layout)
    return row.startswith(DOCSTART) or (
        DOCSTART in row and layout.split(row)[layout.word : layout.word + 1] == [DOCSTART]
    )


def sample(rows: Iterator[str], size: int) -> list[str]:
    """RETURNS (list[str]): The first rows, up to a number of characters."""
    taken: list[str] = []
    for row in rows:
        taken.append(row)
        size -= len(row) + 1
        if size < 0:
            break
    return taken
