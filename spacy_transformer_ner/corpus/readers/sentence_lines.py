"""One tokenized sentence per line: words with their tags, as `Oslo|NNP|B-LOC is|VBZ|O`, and
OpenNLP's `<START:location> Oslo <END> is`."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...errors import InputError
from ..options import ReadOptions
from ..sources import Source, shorten
from ..spelling import TAG, looks_bare
from .annotated import RecordFile, are_columns
from .layout import split_row
from .records import open_records

# Marks between a word and its tag.
SEPARATORS = ("|", "/", "_")
OPENNLP = re.compile(r"(<START(?::[^<>\s]*)?>|<END>)|[ \t]+")
# OpenNLP's name for entities without a type.
DEFAULT_TYPE = "default"
# Number of lines from which the format is detected.
SAMPLE = 200

Parse = Callable[[str, int], tuple[list[str], list[str]]]


class _Sentences:
    """The lines of a file as records of words and tags. Blank lines start a document, if some
    sentences are not followed by one.

    source (Source): The file.
    encoding (str): The encoding.
    parse (Callable): Gets the words and tags of a line.
    """

    def __init__(self, source: Source, encoding: str, parse: Parse):
        self.source = source
        self.encoding = encoding
        self.parse = parse
        self.marks_documents = _marks_documents(source, encoding)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        document, after_blank = 0, False
        for line, row in enumerate(self.source.rows(self.encoding), start=1):
            if not row.strip():
                after_blank = True
                continue
            document += after_blank
            after_blank = False
            words, tags = self.parse(row, line)
            record: dict[str, Any] = {"tokens": words, "ner_tags": tags}
            if self.marks_documents:
                record["doc_id"] = document
            yield line, record


def _marks_documents(source: Source, encoding: str) -> bool:
    """Whether there are blank lines between sentences, and sentences without."""
    adjacent = separated = is_after_text = is_after_blank = False
    for row in source.rows(encoding):
        is_text = bool(row.strip())
        if is_text and is_after_text:
            adjacent = adjacent or not is_after_blank
            separated = separated or is_after_blank
            if adjacent and separated:
                return True
        is_after_text = is_after_text or is_text
        is_after_blank = not is_text
    return False


def _open(source: Source, options: ReadOptions, format: str, parse: Parse) -> RecordFile:
    encoding = options.encoding or source.encoding()
    rows = _Sentences(source, encoding, parse)
    options = replace(options, word_column=None, tag_column=None)
    return RecordFile(open_records(source.name, rows, options, dict), format, encoding)


def is_tagged_lines(text: str) -> bool:
    """Check whether each line is a sentence of words with tags, like `Oslo|B-LOC is|O`.

    text (str): The start of the file.
    RETURNS (bool): Whether all words have a tag, and some line has several words.
    """
    return _separator(text.replace("\r\n", "\n").split("\n")[:SAMPLE]) is not None


def open_tagged_lines(source: Source, options: ReadOptions) -> RecordFile:
    """Open a file with a sentence per line, and a tag after each word. There may be more between
    word and tag, e.g. a part of speech.

    source (Source): The file.
    options (ReadOptions): How to read the file. `tag_column` is the number of the part with the
        tag, if it is not the last.
    RETURNS (RecordFile): The reader.
    RAISES: InputError if the first lines are something else.
    """
    encoding = options.encoding or source.encoding()
    rows = []
    for row in source.rows(encoding):
        rows.append(row)
        if len(rows) == SAMPLE:
            break
    found = _separator(rows)
    if found is None:
        raise InputError(
            "expected a sentence per line, and a tag after each word, e.g. Oslo|B-LOC is|O.",
            path=source.name,
        )
    separator, parts = found
    tag = options.column_number("tag")
    if tag is not None and not (1 < tag <= parts or -parts < tag < 0):
        raise InputError(
            f"no tag in part {tag}: a word has {parts} parts, of which the first is the word. "
            "Parts are counted from 1, or from the end as -1.",
            path=source.name,
        )
    at = parts - 1 if tag is None else tag - 1 if tag > 0 else parts + tag

    def parse(row: str, line: int) -> tuple[list[str], list[str]]:
        words, tags = [], []
        for token in split_row(row, " "):
            cells = token.rsplit(separator, parts - 1)
            if len(cells) < parts or not cells[0]:
                raise InputError(
                    f"expected {separator.join(['word', *['…'] * (parts - 2), 'tag'])}, found "
                    f"{shorten(token)}. Fix this word.",
                    path=source.name,
                    line=line,
                )
            words.append(cells[0])
            tags.append(cells[at])
        return words, tags

    return _open(source, options, f"a sentence per line, as word{separator}tag", parse)


def _separator(rows: Sequence[str]) -> tuple[str, int] | None:
    """RETURNS (tuple[str, int] | None): The mark between word and tag, and the number of parts of
    a word."""
    lines = [split_row(row, " ") for row in rows if row.strip()]
    # The last line may be cut off.
    lines = lines[:-1] if len(lines) > 3 else lines
    tokens = [token for line in lines for token in line]
    if not any(len(line) > 1 for line in lines):
        return None
    for separator in SEPARATORS:
        counts = [count for token in tokens if (count := token.count(separator))]
        # Tolerate few words without a tag, which are errors when they are read.
        if len(counts) < 0.95 * len(tokens):
            continue
        parts = min(counts) + 1
        tags = [token.rpartition(separator)[2] for token in tokens]
        tagged = sum(map(bool, map(TAG.fullmatch, tags)))
        if tagged >= 0.9 * len(tags) or looks_bare(tags):
            return separator, parts
    return None


def is_opennlp(text: str) -> bool:
    """Check whether a file is training data of OpenNLP's name finder.

    text (str): The start of the file.
    RETURNS (bool): Whether a line contains `<START>` or `<START:type>`, and `<END>`.
    """
    has_entity = re.search(r"<START(:[^<>\s]*)?>[^\n]*<END>", text) is not None
    return has_entity and not are_columns(text)


def open_opennlp(source: Source, options: ReadOptions) -> RecordFile:
    """Open training data of OpenNLP's name finder: a sentence per line, and blank lines between
    documents.

    source (Source): The file.
    options (ReadOptions): How to read the file.
    RETURNS (RecordFile): The reader.
    """

    def parse(row: str, line: int) -> tuple[list[str], list[str]]:
        words: list[str] = []
        tags: list[str] = []
        prefix = label = ""
        for piece in split_row(OPENNLP.sub(lambda m: f" {m[1] or ''} ", row), " "):
            ends = piece == "<END>"
            starts = not ends and OPENNLP.fullmatch(piece) is not None
            if ends and prefix != "I" or starts and label:
                raise InputError(
                    f"{piece} is not expected here: {shorten(row)}. An entity is <START:type> "
                    "words <END>, and doesn't contain others.",
                    path=source.name,
                    line=line,
                )
            if ends:
                prefix = label = ""
            elif starts:
                prefix, label = "B", piece[1:-1].partition(":")[2] or DEFAULT_TYPE
            else:
                words.append(piece)
                tags.append(f"{prefix}-{label}" if label else "O")
                prefix = "I" if label else ""
        if label:
            raise InputError(
                f"the entity of type {label} has no <END>: {shorten(row)}. Fix this line.",
                path=source.name,
                line=line,
            )
        return words, tags

    return _open(source, options, "OpenNLP", parse)
