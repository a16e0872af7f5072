"""Column files with one word per line: CoNLL-2002, CoNLL-2003, WNUT-17, GermEval-14, CoNLL-U,
CoNLL-U Plus, Universal NER and similar."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...errors import InputError
from .. import sources
from ..documents import MAX_WORDS, Document, Sentence
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten
from ..spacing import spaces_from_text
from ..tags import IllegalTags, TagReader
from .find_layout import find_layout
from .layout import NUMBER, is_comment, sample, starts_document

# Number of characters from which the layout is detected.
SAMPLE = 1 << 18
# Maximum length of a line, in characters.
MAX_ROW = 1_000_000
# If a file with more words is one sentence, blank lines are probably missing.
ONE_SENTENCE = 500


class ColumnFile:
    """A file with one word per line. Blank lines end sentences, and marker lines start
    documents. The file is streamed. `tags.scheme` and `notes` are known after iterating.

    source (Source): The file.
    options (ReadOptions): How to read the file. By default, the layout is detected.
    RAISES: InputError with the line, if the file cannot be read as columns.
    """

    def __init__(self, source: Source, options: ReadOptions):
        self.source = source
        self.options = options
        self.encoding = options.encoding or source.encoding()
        self.layout = find_layout(
            sample(source.rows(self.encoding, MAX_ROW), SAMPLE),
            source.name,
            word_column=options.column_number("word"),
            tag_column=options.column_number("tag"),
            bare=None if options.scheme is None else options.scheme == "bare",
        )
        self.marks_documents = False
        self._scheme = options.scheme or ("bare" if self.layout.bare else None)
        self.tags = TagReader(self._scheme)
        self._notes = Notes(source.name)

    @property
    def format(self) -> str:
        """RETURNS (str): The detected columns."""
        return str(self.layout)

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or is suspicious."""
        self._notes.take(*self.options.illegal_note(self.tags))
        return self._notes.notes()

    def __iter__(self) -> Iterator[Document]:
        repair = self.options.repair
        if repair != "conlleval" and self._scheme is None:
            # The scheme is detected from the whole file.
            for _ in self._documents():
                pass
            self._scheme = self.tags.scheme
        self.tags = TagReader(self._scheme, repair)
        self._notes = Notes(self.source.name)
        self.marks_documents = False
        words = sentences = 0
        for document in self._documents():
            words += sum(len(sentence.words) for sentence in document.sentences)
            sentences += len(document.sentences)
            yield document
        if sentences == 1 and words > ONE_SENTENCE:
            self._notes.add(
                f"sentence is the whole file, of {words:,} words: are blank lines missing?", 1
            )
        if not words:
            raise InputError(
                "contains no tagged words. Is it the right file?", path=self.source.name
            )

    def _documents(self) -> Iterator[Document]:
        document: list[Sentence] = []
        words = characters = 0
        for sentence in self._sentences():
            if sentence is None:
                ends = True
            elif not self.marks_documents:
                ends = len(document) == self.options.sentences_per_document
            else:
                ends = (
                    words + len(sentence.words) > MAX_WORDS or characters > sources.LONGEST_RECORD
                )
                if ends and document:
                    self._notes.add(
                        f"documents of more than {MAX_WORDS:,} words were split at a sentence",
                        sentence.lines[0],
                    )
            if ends and document:
                yield Document(tuple(document), self.source.name)
                document, words, characters = [], 0, 0
            if sentence is not None:
                document.append(sentence)
                words += len(sentence.words)
                characters += sum(map(len, sentence.words))
        if document:
            yield Document(tuple(document), self.source.name)

    def _sentences(self) -> Iterator[Sentence | None]:
        """Yield the sentences, and None at the start of a document."""
        layout, known = self.layout, self.tags.known
        simple = not (layout.numbered or layout.key or layout.prefix or layout.misc is not None)
        n, at_word, at_tag = layout.columns, layout.word, layout.tag
        separator = "\t" if layout.tabs else " "
        rows = _Rows()
        for line, row in enumerate(self.source.rows(self.encoding, MAX_ROW), start=1):
            cells = row.split(separator)
            if simple and len(cells) == n and row[0] not in "#-":
                # Fast path for most lines.
                word, tag = cells[at_word], cells[at_tag]
                if word and word.strip() == word and tag in known and not rows.full:
                    rows.add(word, known[tag], line)
                    continue
            if row.strip(" \t"):
                if starts_document(row, layout):
                    self.marks_documents = True
                elif row[0] == "#" and is_comment(row, layout):
                    if rows.words and not layout.numbered:
                        raise InputError(
                            f"comment within a sentence, or a word without a tag: {shorten(row)}. "
                            "Add a blank line before it if a sentence ends there. Else remove it, "
                            "or add a tag.",
                            path=self.source.name,
                            line=line,
                        )
                    if row.startswith("# text = "):
                        rows.text = row[len("# text = ") :]
                    continue
                else:
                    self._row(row, line, rows)
                    continue
                yield from self._sentence(rows)
                rows = _Rows()
                yield None
            else:
                yield from self._sentence(rows)
                rows = _Rows()
        yield from self._sentence(rows)

    def _row(self, row: str, line: int, rows: "_Rows") -> None:
        layout = self.layout
        cells = layout.split(row)
        if len(cells) != layout.columns:
            raise self._ragged(row, line)
        if rows.full:
            raise self._endless(rows)
        word = cells[layout.word].strip(" ").removeprefix(layout.prefix)
        if not word.strip():
            raise InputError(
                f"empty word: {shorten(row)}. Remove this line, or replace it with a blank line "
                "if a sentence ends here.",
                path=self.source.name,
                line=line,
            )
        cell = cells[layout.tag].strip(" ")
        if layout.key:
            notes = cell.split("|")
            cell = next(
                (x[len(layout.key) + 1 :] for x in notes if x.startswith(f"{layout.key}=")), "O"
            )
        elif layout.numbered and cell == "_":
            cell = "O"
        try:
            tag = self.tags.split(cell)
        except ValueError as error:
            raise InputError(str(error), path=self.source.name, line=line) from None
        glued = layout.misc is not None and "SpaceAfter=No" in cells[layout.misc].split("|")
        number = cells[0] if layout.numbered else ""
        if layout.numbered and not NUMBER.fullmatch(number):
            raise InputError(
                f"expected a token index in column 1, found {shorten(number)}. Fix this line.",
                path=self.source.name,
                line=line,
            )
        if "." in number:
            return  # an empty node of CoNLL-U, which is not in the text
        if "-" in number:
            rows.open_range(number, word, tag, line, glued)
        else:
            rows.add_numbered(number, word, tag, line, glued)

    def _ragged(self, row: str, line: int) -> InputError:
        separators = "tabs" if self.layout.tabs else "spaces"
        return InputError(
            f"expected {self.layout.columns} columns separated by {separators}, found "
            f"{len(self.layout.split(row))}: {shorten(row)}. Fix this line.",
            path=self.source.name,
            line=line,
        )

    def _endless(self, rows: "_Rows") -> InputError:
        return InputError(
            f"a sentence of more than {MAX_WORDS:,} words or {sources.LONGEST_RECORD:,} characters "
            "starts here. Add a blank line after each sentence.",
            path=self.source.name,
            line=rows.lines[0],
        )

    def _sentence(self, rows: "_Rows") -> Iterator[Sentence]:
        if not rows.words:
            return
        first, last = rows.lines[0], rows.lines[-1]
        is_contiguous = last - first == len(rows.words) - 1
        try:
            entities = self.tags.read(rows.tags, rows.lines) if rows.tagged else ()
        except IllegalTags as error:
            raise InputError(
                str(error), path=self.source.name, line=rows.lines[error.word]
            ) from None
        spaces: list[bool] | None = None
        if rows.glued or self.layout.spaced:
            spaces = [i not in rows.glued for i in range(len(rows.words))]
        elif rows.text:
            spaces = spaces_from_text(rows.words, rows.text)
        yield Sentence(
            tuple(rows.words),
            entities,
            range(first, last + 1) if is_contiguous else tuple(rows.lines),
            None if spaces is None else tuple(spaces),
        )


@dataclass
class _Rows:
    """The lines of an incomplete sentence."""

    words: list[str] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    glued: set[int] = field(default_factory=set)
    tagged: bool = False
    characters: int = 0
    full: bool = False
    text: str = ""
    # Words up to this number are parts of the last multiword token.
    range_end: int = 0

    def add(self, word: str, tag: tuple[str, str], line: int) -> None:
        self.words.append(word)
        self.tags.append(tag)
        self.lines.append(line)
        self.characters += len(word)
        if tag[1]:
            self.tagged = True
        self.full = len(self.words) >= MAX_WORDS or self.characters > sources.LONGEST_RECORD

    def add_numbered(
        self, number: str, word: str, tag: tuple[str, str], line: int, glued: bool
    ) -> None:
        if number and self.range_end and int(number) <= self.range_end:
            # The text contains the multiword token. The tag may be on one of its parts.
            if tag[1] and not self.tags[-1][1]:
                self.tags[-1] = tag
                self.tagged = True
            return
        self.range_end = 0
        self.add(word, tag, line)
        if glued:
            self.glued.add(len(self.words) - 1)

    def open_range(
        self, number: str, word: str, tag: tuple[str, str], line: int, glued: bool
    ) -> None:
        self.add_numbered("", word, tag, line, glued)
        self.range_end = int(number.partition("-")[2])
