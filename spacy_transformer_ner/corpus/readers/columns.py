"""Column files with one word per line: CoNLL-2002, CoNLL-2003, WNUT-17, GermEval-14, CoNLL-U,
CoNLL-U Plus, Universal NER, HIPE, OntoNotes in CoNLL-2012's columns and similar."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from ...errors import InputError
from .. import sources
from ..documents import MAX_WORDS, Document, Sentence
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten
from ..spacing import spaces_from_text
from ..tags import IllegalTags, Repair, Seen, TagReader
from .cells import CellReader
from .find_layout import find_layout
from .layout import (
    DOCSTART,
    DOCUMENT_ID,
    NO_SPACE,
    NUMBER,
    is_comment,
    is_docstart,
    sample,
    starts_document,
)
from .rows import LONG_WORD, Rows, note_marks

# The first characters of lines that can be comments or document marks.
SPECIAL = "#-<[*=–—"
# Number of characters from which the layout is detected.
SAMPLE = 1 << 18
# Maximum length of a line, in characters.
MAX_ROW = 1_000_000
# If the sentences of a file with more words have more words on average, blank lines are probably
# missing.
ONE_SENTENCE, LONG_SENTENCE = 500, 200
# Scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese.
UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
# A file with at least as many sentences of one word is suspicious, if most of them have one.
ONE_WORD = 10
MOST_ONE_WORD = 0.9


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
        first = sample(source.rows(self.encoding, MAX_ROW), SAMPLE)
        found = find_layout(
            first,
            source.name,
            word_column=options.word_column,
            tag_column=options.tag_column,
            bare=None if options.scheme is None else options.scheme == "bare",
            labels=options.labels,
        )
        self.layout = found.layout
        self._found = found.notes
        # A single mark at the start of a file is written by tools that don't mark documents.
        self._marks = self._find_marks(first)
        self.marks_documents = self._marks > 1
        self._scheme = options.scheme or ("bare" if self.layout.bare else None)
        self.tags = self._tag_reader()
        self._notes = Notes(source.name)

    @property
    def format(self) -> str:
        """RETURNS (str): The detected columns."""
        return str(self.layout)

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or is suspicious."""
        for message, seen in self.options.tag_notes(self.tags):
            self._notes.take(message, seen)
        return self._notes.notes()

    def __iter__(self) -> Iterator[Document]:
        repair = self.options.repair
        if repair != "conlleval" and self._scheme is None:
            # The scheme is detected from the whole file.
            for _ in self._documents():
                pass
            self._scheme = self.tags.scheme
        self.tags = self._tag_reader(repair)
        self._notes = Notes(self.source.name)
        for message, count, line in self._found:
            self._notes.take(message, Seen(count, [line]))
        self.marks_documents = self._marks > 1
        words = sentences = 0
        single = Seen()
        for document in self._documents():
            for sentence in document.sentences:
                words += len(sentence.words)
                if len(sentence.words) == 1:
                    single.add(sentence.lines[0])
            sentences += len(document.sentences)
            yield document
        if not words:
            raise InputError(
                "contains no tagged words. Is it the right file?", path=self.source.name
            )
        self._note_sentences(words, sentences, single)

    def _tag_reader(self, repair: Repair = "conlleval") -> TagReader:
        tags = TagReader(self._scheme, repair)
        tags.known.update((tag, tags.known["O"]) for tag in self.layout.spelling.outside)
        return tags

    def _find_marks(self, first: Sequence[str]) -> int:
        """RETURNS (int): The number of document marks in the first lines, or if there is one at
        the start, in the file. At most 2, which can stand for any mark but that one."""
        layout = self.layout
        marks = [
            row
            for row in first
            if row.strip()
            and (not row[0].isalnum() or "DOC" in row)
            and starts_document(row, layout)
        ]
        self._special = SPECIAL + "".join({row[0] for row in marks})
        if layout.document is not None:
            return 2
        if not marks or len(marks) > 1 or not is_docstart(marks[0]):
            return 2 * bool(marks)
        before = first[: first.index(marks[0])]
        if any(row.strip() and row[0] != "#" and row not in layout.header for row in before):
            return 2
        rows = self.source.rows(self.encoding, MAX_ROW)
        found = (row for row in rows if row.strip() and starts_document(row, layout))
        return len(list(islice(found, 2)))

    def _note_sentences(self, words: int, sentences: int, single: Seen) -> None:
        """Warn about sentences and documents that are unlikely."""
        if words > ONE_SENTENCE and words > LONG_SENTENCE * sentences:
            self._notes.take(
                f"sentences have {words // sentences:,} words on average: are blank lines missing?",
                Seen(sentences, [1]),
            )
        if sentences >= ONE_WORD and single.count > MOST_ONE_WORD * sentences:
            self._notes.take(
                "sentences have one word. Are there blank lines between the words of a sentence, "
                "or sentences that are not split into words? Remove the blank lines, or split them",
                single,
            )
        if self._marks == 1 and sentences > 1:
            self._notes.take(
                f"sentences follow a single {DOCSTART}, which was not read as the start of one "
                "document: each document has --n-sents sentences. Add such a line before each "
                "document, or join sentences with --n-sents",
                Seen(sentences, [1]),
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
        simple = layout.simple
        n, at_word, at_tag = layout.columns, layout.word, layout.tag
        separator, header, special = layout.separator, layout.header, self._special
        has_ids = layout.sentence is not None or layout.document is not None
        blank = f" \t{separator}"
        last_id = ""
        ids = "", ""
        reader = CellReader(self.source.name, layout, self.tags, self._notes, self.options.overlaps)
        rows = Rows()
        for line, row in enumerate(self.source.rows(self.encoding, MAX_ROW), start=1):
            cells = row.split(separator)
            if simple and len(cells) == n and row[0] not in special:
                # Fast path for most lines.
                word, tag = cells[at_word], known.get(cells[at_tag])
                if (
                    word
                    and tag is not None
                    and word.isprintable()
                    and (separator == " " or " " not in word)
                    and not rows.full
                ):
                    rows.add(word, tag, line)
                    continue
            if (
                not row.strip(blank)
                or row.strip() in ("", "EOS")
                or row in header
                or (layout.quoted and row[0] == '"' and not any(layout.split(row)))
            ):
                yield from self._sentence(rows)
                rows = Rows()
            elif starts_document(row, layout):
                # IDs may be repeated in each sentence.
                if not (DOCUMENT_ID.match(row) and row == last_id):
                    yield from self._sentence(rows)
                    rows = Rows()
                    self._mark(line)
                    yield None
                last_id = row
            elif row[0] == "#" and is_comment(row, layout):
                if rows.words and not layout.comments_anywhere:
                    raise InputError(
                        f"comment within a sentence, or a word without a tag: {shorten(row)}. "
                        "Add a blank line before it if a sentence ends there. Else remove it, "
                        "or add a tag.",
                        path=self.source.name,
                        line=line,
                    )
                if row.startswith("# text = "):
                    rows.text = row[len("# text = ") :]
            else:
                cells = reader.cells(row, line)
                if layout.restart and cells[layout.restart[0]] == layout.restart[1]:
                    yield from self._sentence(rows)
                    rows = Rows()
                if has_ids:
                    last_sentence, last_document = ids
                    ids = reader.ids(cells, ids)
                    if ids != (last_sentence, last_document):
                        yield from self._sentence(rows)
                        rows = Rows()
                        if ids[1] != last_document:
                            yield None
                self._row(reader, cells, line, rows)
                if layout.flags and reader.ends_sentence(cells, line):
                    yield from self._sentence(rows)
                    rows = Rows()
        yield from self._sentence(rows)

    def _mark(self, line: int) -> None:
        """Note that documents are marked."""
        if self._marks != 1 and not self.marks_documents:
            self.marks_documents = True
            self._notes.add(
                "document mark is the first one, but not near the start of the file: sentences "
                "before it are documents with --n-sents sentences",
                line,
            )

    def _row(self, reader: CellReader, cells: Sequence[str], line: int, rows: Rows) -> None:
        layout = self.layout
        if rows.full:
            raise self._endless(rows)
        number = cells[0] if layout.numbered else ""
        if layout.numbered and not NUMBER.fullmatch(number):
            raise InputError(
                f"expected a token index in column 1, found {shorten(number)}. Fix this line.",
                path=self.source.name,
                line=line,
            )
        if "." in number:
            return  # an empty node of CoNLL-U, which is not in the text
        word = cells[layout.word].removeprefix(layout.prefix)
        word = reader.word(word[:-1] if layout.with_digit else word, line)
        tag = reader.tag(cells, line, rows)
        if not word:
            self._notes.add("empty words were skipped", line)
            return
        notes = layout.notes(cells)
        glued = "SpaceAfter=No" in notes or NO_SPACE in notes
        if "-" in number:
            rows.open_range(number, word, tag, line, glued)
        else:
            rows.add_numbered(number, word, tag, line, glued)

    def _endless(self, rows: Rows) -> InputError:
        return InputError(
            f"a sentence of more than {MAX_WORDS:,} words or {sources.LONGEST_RECORD:,} characters "
            "starts here. Add a blank line after each sentence.",
            path=self.source.name,
            line=rows.lines[0],
        )

    def _sentence(self, rows: Rows) -> Iterator[Sentence]:
        if not rows.words:
            return
        if rows.open:
            raise InputError(
                f"the bracket of {rows.open[0][0]} is not closed before the end of the sentence. Fix "
                "this line.",
                path=self.source.name,
                line=rows.lines[-1],
            )
        if rows.characters and sum(map(len, rows.words)) > LONG_WORD * len(rows.words):
            for word, line in zip(rows.words, rows.lines):
                if len(word) > LONG_WORD and 2 * len(UNSPACED.findall(word)) > len(word):
                    self._notes.add(
                        f"words have more than {LONG_WORD} characters of a script without spaces, "
                        "like whole sentences. Split the text into words or characters",
                        line,
                    )
        first, last = rows.lines[0], rows.lines[-1]
        note_marks(rows.words, (first, last), self._notes)
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
            (*entities, *rows.nested),
            range(first, last + 1) if is_contiguous else tuple(rows.lines),
            None if spaces is None else tuple(spaces),
        )


class LayeredColumns:
    """A column file with several columns of tags, for entities that overlap. The file is read once
    for each column.

    source (Source): The file.
    options (ReadOptions): How to read the file, with the columns.
    columns (Sequence[str]): The columns, as in `ReadOptions.tag_column`.
    RAISES: InputError as for `ColumnFile`.
    """

    def __init__(self, source: Source, options: ReadOptions, columns: Sequence[str]):
        first = ColumnFile(source, replace(options, tag_column=columns[0]))
        options = replace(options, word_column=str(first.layout.word + 1))
        more = [ColumnFile(source, replace(options, tag_column=column)) for column in columns[1:]]
        self.layers = [first, *more]
        self.encoding = first.encoding

    @property
    def format(self) -> str:
        """RETURNS (str): The detected columns."""
        tags = ", ".join(str(layer.layout.tag + 1) for layer in self.layers)
        return f"{self.layers[0].format}, read from columns {tags}"

    @property
    def tags(self) -> TagReader:
        """RETURNS (TagReader): The reader of the tags of the first column."""
        return self.layers[0].tags

    @property
    def marks_documents(self) -> bool:
        """RETURNS (bool): Whether the file marks document boundaries."""
        return self.layers[0].marks_documents

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or is suspicious, each once."""
        return list(dict.fromkeys(note for layer in self.layers for note in layer.notes()))

    def __iter__(self) -> Iterator[Document]:
        for documents in zip(*self.layers, strict=True):
            sentences = zip(*(document.sentences for document in documents), strict=True)
            yield replace(
                documents[0],
                sentences=tuple(
                    replace(
                        same[0],
                        entities=tuple({span: None for one in same for span in one.entities}),
                    )
                    for same in sentences
                ),
            )


def open_columns(source: Source, options: ReadOptions) -> ColumnFile | LayeredColumns:
    """Open a column file.

    source (Source): The file.
    options (ReadOptions): How to read the file. `tag_column` can be several columns, separated by
        commas, if `overlaps` is "spans"; by default, both of GermEval-14 are read.
    RETURNS (ColumnFile | LayeredColumns): The reader.
    RAISES: InputError as for `ColumnFile`, or if several columns are given without `overlaps`.
    """
    columns = options.tag_column.split(",") if options.tag_column else []
    if options.overlaps != "spans":
        if len(columns) > 1:
            raise InputError(
                f"--tag-column {options.tag_column} are several columns, whose entities can "
                "overlap. Set --overlaps spans, or one column.",
                path=source.name,
            )
        return ColumnFile(source, options)
    if len(columns) > 1:
        return LayeredColumns(source, options, columns)
    reader = ColumnFile(source, options)
    if not columns and reader.layout.nested:
        found = (reader.layout.tag, *reader.layout.nested)
        return LayeredColumns(source, options, [str(column + 1) for column in found])
    return reader
