"""The columns of a column file, comments and document boundaries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..tags import TAG

DOCSTART = "-DOCSTART-"
# Not str.split(), because a no-break space is part of a word.
SEPARATORS = re.compile(r"[ \t]+")
# A token index, or a range or empty node as in CoNLL-U.
NUMBER = re.compile(r"[0-9]+([-.][0-9]+)?")


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    tabs (bool): Whether columns are separated by tabs, so that words can contain spaces. Else
        they are separated by spaces or tabs.
    columns (int): The number of columns.
    word, tag (int): The columns of word and tag, counted from 0.
    numbered (bool): Whether the first column is a token index.
    misc (int | None): The column of attributes like SpaceAfter=No.
    key (str): The key of the tag in `misc`, if it is there. Else "".
    bare (bool): Whether tags are labels without a prefix.
    spaced (bool): Whether words without SpaceAfter=No are followed by a space.
    labels (frozenset[str]): The labels in the first lines, if they have no prefix.
    prefix (str): A prefix of all words that is not part of the text.
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
        """Split a line into cells.

        row (str): The line.
        RETURNS (list[str]): The cells.
        """
        return split_row(row, self.tabs)

    def __str__(self) -> str:
        tag = f"{self.key}= in column {self.tag + 1}" if self.key else f"tag in {self.tag + 1}"
        others = (
            f", tags also in {', '.join(str(i + 1) for i in self.others)}" if self.others else ""
        )
        return f"{self.columns} columns (word in {self.word + 1}, {tag}{others})"


def split_row(row: str, tabs: bool) -> list[str]:
    """Split a line into cells.

    row (str): The line.
    tabs (bool): Whether to split at tabs only, or at spaces and tabs.
    RETURNS (list[str]): The cells.
    """
    return row.rstrip(" \t").split("\t") if tabs else SEPARATORS.split(row.strip(" \t"))


def is_comment(row: str, layout: Layout) -> bool:
    """Distinguish comments from words that start with a number sign.

    row (str): A line that starts with `#`.
    layout (Layout): The columns of the file.
    RETURNS (bool): Whether it is a comment: words are numbered, the number of columns is
        different, or there is no tag.
    """
    if layout.numbered:
        return True
    cells = layout.split(row)
    if len(cells) != layout.columns:
        return True
    tag = cells[layout.tag].strip(" ")
    if layout.bare:
        # If columns are separated by spaces, a comment can look like a word and a label.
        return not layout.tabs and tag not in layout.labels
    return not (layout.key or TAG.fullmatch(tag))


def starts_document(row: str, layout: Layout) -> bool:
    """Check whether a line starts a new document.

    row (str): The line.
    layout (Layout): The columns of the file.
    RETURNS (bool): Whether it is `-DOCSTART-` in any form, CoNLL-U's `# newdoc`, or CoNLL-2012's
        `#begin document`.
    """
    if row[0] == "#":
        marks = ("# newdoc", "#begin document", "#newdoc")
        return row.startswith(marks) and is_comment(row, layout)
    return row.startswith(DOCSTART) or (
        DOCSTART in row and layout.split(row)[layout.word : layout.word + 1] == [DOCSTART]
    )


def sample(rows: Iterator[str], size: int) -> list[str]:
    """Take the first lines of a file.

    rows (Iterator[str]): The lines.
    size (int): The approximate number of characters to take.
    RETURNS (list[str]): The first lines.
    """
    taken: list[str] = []
    for row in rows:
        taken.append(row)
        size -= len(row) + 1
        if size < 0:
            break
    return taken
