"""The columns of a column file, comments and document boundaries."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..spelling import Spelling

DOCSTART = "-DOCSTART-"
# -DOCSTART- in other forms: #DOCSTART, --DOCSTART--, -DOCSTART, -DOCEND-, <DOCSTART>
DOCUMENT_MARK = re.compile(r"(?i)[^\w\s]*[ _]?DOC[ _-]?(?:START|END|BEGIN)[^\w\s]*")
# Comments that start a document: CoNLL-U's "# newdoc", CoNLL-2012's "#begin document" and
# JNLPBA's "###MEDLINE:1". IDs like HIPE's "# document_id = 1" may be repeated in each sentence.
NEW_DOCUMENT = re.compile(r"(?i)#\s?(newdoc|begin document)|#+MEDLINE:")
DOCUMENT_ID = re.compile(r"(?i)#\s?(meta::)?(document|doc|article)[ _]?(id)?\s*[=:]")
# Not str.split(), because a no-break space is part of a word.
SEPARATORS = re.compile(r"[ \t]+")
# A token index, or a range or empty node as in CoNLL-U.
NUMBER = re.compile(r"[0-9]+([-.][0-9]+)?")
# What HIPE has in its MISC column, in addition to SpaceAfter=No of CoNLL-U.
NO_SPACE, END_OF_LINE = "NoSpaceAfter", "EndOfLine"
# By hand, and found by pySBD as in HIPE-2022.
END_OF_SENTENCE = frozenset(("EndOfSentence", "PySBDSegment"))
FLAGS = frozenset((NO_SPACE, END_OF_LINE)) | END_OF_SENTENCE


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    separator (str): What separates columns. With a tab, words can contain spaces. " " stands for
        any number of spaces and tabs.
    columns (int): The number of columns.
    word, tag (int): The columns of word and tag, counted from 0.
    spelling (Spelling): How tags are written.
    numbered (bool): Whether the first column is a token index.
    misc (int | None): The column of attributes like SpaceAfter=No.
    key (str): The key of the tag in `misc`, if it is there. Else "".
    spaced (bool): Whether words without SpaceAfter=No are followed by a space.
    labels (frozenset[str]): The labels in the first lines, if they have no prefix.
    prefix (str): A prefix of all words that is not part of the text.
    marks (tuple[str, ...]): A mark at the end of all cells of each column, like a comma. Usually
        "".
    label (int | None): The column of the label, if the tag is only the prefix.
    with_digit (bool): Whether all words are a character with a digit, as in Weibo NER.
    others (tuple[int, ...]): Other columns with tags.
    nested (tuple[int, ...]): The columns of entities within others: GermEval-14's second column
        of tags, and those that the header calls like the column of the tags.
    sentence, document (int | None): The columns that identify sentence and document.
    restart (tuple[int, str] | None): The column that numbers the words of each sentence, and the
        number of the first one, if there are no blank lines.
    header (tuple[str, ...]): The rows of the header. Empty if there is none.
    quoted (bool): Whether cells can be quoted as in CSV.
    brackets (bool): Whether the tags are brackets like those of OntoNotes.
    longer (bool): Whether rows can have more columns, as in CoNLL-2012.
    flags (frozenset[str]): HIPE's flags that occur in `flagged`.
    flagged (tuple[int, ...]): `misc`, and other columns of flags, like SEG in HIPE-2022.
    """

    separator: str
    columns: int
    word: int
    tag: int
    spelling: Spelling = Spelling()
    numbered: bool = False
    misc: int | None = None
    key: str = ""
    spaced: bool = False
    labels: frozenset[str] = frozenset()
    prefix: str = ""
    marks: tuple[str, ...] = ()
    label: int | None = None
    with_digit: bool = False
    others: tuple[int, ...] = ()
    nested: tuple[int, ...] = ()
    sentence: int | None = None
    document: int | None = None
    restart: tuple[int, str] | None = None
    header: tuple[str, ...] = ()
    quoted: bool = False
    brackets: bool = False
    longer: bool = False
    flags: frozenset[str] = frozenset()
    flagged: tuple[int, ...] = ()

    @property
    def bare(self) -> bool:
        """RETURNS (bool): Whether tags are labels without a prefix."""
        return self.spelling.bare

    def notes(self, cells: Sequence[str]) -> list[str]:
        """cells (Sequence[str]): The cells of a row.
        RETURNS (list[str]): Its attributes and flags, like SpaceAfter=No."""
        return [note for column in self.flagged for note in cells[column].split("|")]

    @property
    def simple(self) -> bool:
        """RETURNS (bool): Whether rows can be read by splitting them, without further steps."""
        return not (
            self.numbered
            or self.key
            or self.prefix
            or bool(self.flagged)
            or self.label is not None
            or self.with_digit
            or any(self.marks)
            or self.sentence is not None
            or self.document is not None
            or self.restart is not None
            or self.quoted
            or self.brackets
            or self.longer
        )

    @property
    def comments_anywhere(self) -> bool:
        """RETURNS (bool): Whether comments can be within a sentence, as in HIPE."""
        return self.numbered or self.longer or bool(self.flags)

    def split(self, row: str) -> list[str]:
        """Split a line into cells.

        row (str): The line.
        RETURNS (list[str]): The cells, without the spaces around them.
        """
        cells = split_row(row, self.separator, self.quoted)
        if len(cells) < self.columns and self.separator == "\t":
            # Empty cells at the end.
            cells += [""] * min(self.columns - len(cells), row.count("\t") + 1 - len(cells))
        if len(cells) > self.columns and self.longer:
            cells = cells[: self.columns]
        elif len(cells) > self.columns and self.separator not in " \t":
            # The word contains the separator.
            n = len(cells) - self.columns
            word = self.separator.join(cells[self.word : self.word + n + 1])
            cells[self.word : self.word + n + 1] = [word]
        cells = [cell.strip(" ") for cell in cells]
        if self.marks and len(cells) == self.columns:
            cells = [cell.removesuffix(mark) for cell, mark in zip(cells, self.marks)]
        return cells

    def __str__(self) -> str:
        tag = f"{self.key}= in column {self.tag + 1}" if self.key else f"tag in {self.tag + 1}"
        header = "header, " if self.header else ""
        more = "".join(
            f", {what} in {column + 1}"
            for what, column in (
                ("label", self.label),
                ("sentence", self.sentence),
                ("document", self.document),
            )
            if column is not None
        )
        others = (
            f", tags also in {', '.join(str(i + 1) for i in self.others)}" if self.others else ""
        )
        columns = f"{self.columns}{' or more' * self.longer}"
        return f"{header}{columns} columns (word in {self.word + 1}, {tag}{more}{others})"


def split_row(row: str, separator: str, quoted: bool = False) -> list[str]:
    """Split a line into cells.

    row (str): The line.
    separator (str): See `Layout`.
    quoted (bool): Whether cells can be quoted as in CSV.
    RETURNS (list[str]): The cells.
    """
    if separator == " ":
        row = row.strip(" \t")
        return SEPARATORS.split(row) if "\t" in row or "  " in row else row.split(" ")
    if separator == "\t":
        row = row.rstrip(" \t")
    if quoted and '"' in row:
        try:
            reader = csv.reader([row], delimiter=separator, strict=True, skipinitialspace=True)
            cells = next(reader)
        except csv.Error:
            # A quotation mark as a word.
            return row.split(separator)
        return cells
    return row.split(separator)


def is_comment(row: str, layout: Layout) -> bool:
    """Distinguish comments from words that start with a number sign.

    row (str): A line that starts with `#`.
    layout (Layout): The columns of the file.
    RETURNS (bool): Whether it is a comment: words are numbered, the number of columns is
        different, or the tag is missing.
    """
    if layout.numbered:
        return True
    cells = layout.split(row)
    if len(cells) != layout.columns:
        return True
    tag = layout.spelling.normal(cells[layout.tag])
    if layout.bare:
        # If columns are separated by spaces, a comment can look like a word and a label.
        return layout.separator != "\t" and tag != "O" and tag not in layout.labels
    return not (layout.key or layout.brackets or layout.spelling.is_tag(tag))


def starts_document(row: str, layout: Layout) -> bool:
    """Check whether a line starts a new document.

    row (str): The line.
    layout (Layout): The columns of the file.
    RETURNS (bool): Whether it is `-DOCSTART-` in any form, or a comment like CoNLL-U's
        `# newdoc`, CoNLL-2012's `#begin document` or HIPE's `# document_id`.
    """
    if row[0] == "#" and (NEW_DOCUMENT.match(row) or DOCUMENT_ID.match(row)):
        return is_comment(row, layout)
    return is_docstart(row) or (
        DOCSTART in row and layout.split(row)[layout.word : layout.word + 1] == [DOCSTART]
    )


def is_docstart(row: str) -> bool:
    """RETURNS (bool): Whether a line starts with `-DOCSTART-` in any form."""
    if row.startswith(DOCSTART):
        return True
    if row[:1].isalnum() and row[:3].upper() != "DOC":
        return False
    found = DOCUMENT_MARK.match(row)
    if found is None or row[found.end() : found.end() + 1] not in ("", " ", "\t", ",", ";"):
        return False
    mark = found[0]
    # Not the word "doc-end".
    return mark.isupper() or not (mark[0].isalnum() and mark[-1].isalnum())


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
