"""Column files: CoNLL-2003, CoNLL-2002, WNUT-17 and their like."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .documents import Document, Sentence
from .encodings import detect_encoding
from .tags import TagCounts, spans_from_tags, split_tag

DOCSTART = "-DOCSTART-"
# Blanks that part columns. Not str.split(): a no-break space belongs to its word.
BLANKS = re.compile(r"[ \t]+")


class ColumnFile:
    """A file with one word a row, the word in the first column and its tag in
    the last, sentences parted by blank rows and documents by `-DOCSTART-` in
    the first column, whatever follows it. Iterating reads the file as a stream;
    what was found out about it is there when that has ended.

    path (str | Path): The file.
    encoding (str | None): Its encoding; detected if None.
    sentences_per_document (int): Where the file marks no documents, how many
        sentences make one.
    RAISES: InputError, naming the line, if the file cannot be read as columns.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        encoding: str | None = None,
        sentences_per_document: int = 1,
    ):
        self.path = Path(path)
        self.encoding = encoding or detect_encoding(path)
        self.sentences_per_document = sentences_per_document
        self.columns: int | None = None
        self.marks_documents = False
        self.tags = TagCounts()
        self.documents = self.sentences = self.words = 0

    def __iter__(self) -> Iterator[Document]:
        document: list[Sentence] = []
        for sentence in self._sentences():
            ends = sentence is None or (
                not self.marks_documents and len(document) == self.sentences_per_document
            )
            if ends and document:
                self.documents += 1
                yield Document(tuple(document))
                document = []
            if sentence is not None:
                document.append(sentence)
        if document:
            self.documents += 1
            yield Document(tuple(document))
        if not self.words:
            raise InputError("holds no tagged words. Is it the right file?", path=self.path)

    def _sentences(self) -> Iterator[Sentence | None]:
        """Yield each sentence, and None where a document starts."""
        words: list[str] = []
        tags: list[str] = []
        first_line = 0
        line = 0
        for line, row in enumerate(self._rows(), start=1):
            if not row.strip(" \t"):
                starts_document = False
            elif row.startswith(DOCSTART):
                starts_document = True
            else:
                word, tag = self._split(row, line)
                first_line = first_line if words else line
                words.append(word)
                tags.append(tag)
                continue
            if words:
                yield self._sentence(words, tags, first_line)
                words, tags = [], []
            if starts_document:
                self.marks_documents = True
                yield None
        if words:
            yield self._sentence(words, tags, first_line)

    def _rows(self) -> Iterator[str]:
        """Yield the rows without their ends. A lone carriage return or a
        Unicode line separator does not end a row."""
        line = 0
        try:
            with open(self.path, encoding=self.encoding, newline="\n") as file:
                for line, row in enumerate(file, start=1):
                    row = row.rstrip("\r\n")
                    if "\r" in row or "\0" in row:
                        raise InputError(
                            "a carriage return or null within the row. Are the line ends those "
                            f"of old Macs? Save the file with Unix line ends: {_short(row)}",
                            path=self.path,
                            line=line,
                        )
                    yield row
        except (UnicodeError, LookupError) as error:
            raise InputError(
                f"cannot be read as {self.encoding}, near line {line + 1}: {error}. Say the "
                "right encoding with --encoding.",
                path=self.path,
            ) from None

    def _split(self, row: str, line: int) -> tuple[str, str]:
        # A row with a tab is parted by tabs alone: its word may hold spaces.
        cells = row.rstrip(" \t").split("\t") if "\t" in row else BLANKS.split(row.strip(" "))
        if self.columns is None:
            if len(cells) < 2:
                raise InputError(
                    f"one column only: {_short(row)}. Each row needs a word and, in its last "
                    "column, a tag, parted by spaces or a tab.",
                    path=self.path,
                    line=line,
                )
            self.columns = len(cells)
        if len(cells) != self.columns:
            raise InputError(
                f"{len(cells)} columns where the rows before have {self.columns}: "
                f"{_short(row)}. "
                "Mend this row.",
                path=self.path,
                line=line,
            )
        word, tag = cells[0].strip(" "), cells[-1].strip(" ")
        if not word.strip():
            raise InputError(
                f"the word of this row is blank: {_short(row)}. Remove the row, or leave it "
                "wholly blank if it ends a sentence.",
                path=self.path,
                line=line,
            )
        try:
            split_tag(tag)
        except ValueError as error:
            raise InputError(str(error), path=self.path, line=line) from None
        return word, tag

    def _sentence(self, words: list[str], tags: list[str], line: int) -> Sentence:
        self.sentences += 1
        self.words += len(words)
        return Sentence(tuple(words), spans_from_tags(tags, self.tags, line), line)


def _short(row: str, length: int = 80) -> str:
    return repr(row if len(row) <= length else f"{row[:length]}…")
