"""Change the tags of column files."""

import re
from collections.abc import Iterator, Sequence

from spacy.tokens import Doc, Span

from ..corpus.docbin import sentences_of
from ..corpus.origin import origin_of
from ..corpus.readers.columns import ColumnFile
from ..corpus.readers.layout import NUMBER, Layout
from ..corpus.sources import BOM, shorten
from ..corpus.spelling import PREFIXES
from ..corpus.tags import SAME_AS, TagReader, write_tags
from ..errors import InputError
from .changes import Change, Edit, unchangeable

CELL = re.compile(r"[^ \t]+")


def column_edits(text: str, reader: ColumnFile, changes: Sequence[Change]) -> list[Edit]:
    """Get the edits of a column file. Only cells whose tag changes are replaced.

    text (str): The text of the file.
    reader (ColumnFile): Its reader, after it has read the file.
    changes (Sequence[Change]): The documents that change.
    RETURNS (list[Edit]): The edits.
    RAISES: InputError if the tag scheme of the file cannot express the entities, or tags are not
        written like B-PER.
    """
    if not _is_plain(reader.layout):
        raise unchangeable(reader.source.name)
    rows = _Rows(text, reader)
    return [
        edit
        for change in changes
        for token, tag in changed_tags(change, reader.tags)
        for edit in rows.edits(_origin(change.doc, token)[1], tag)
    ]


def _is_plain(layout: Layout) -> bool:
    spelling = layout.spelling
    return (
        layout.label is None
        and spelling.form is None
        and not (
            layout.brackets
            or layout.longer
            or any(layout.marks)
            or spelling.unlabelled
            or spelling.names
            or spelling.outside - {"O", "_"}
        )
    )


def changed_tags(change: Change, tags: TagReader) -> Iterator[tuple[int, str]]:
    """Get the tags that change.

    change (Change): The change of a document.
    tags (TagReader): The tags of the file, after it was read.
    YIELDS (tuple[int, str]): The index of a token, and its new tag in the scheme of the file.
    RAISES: InputError if the scheme cannot express the entities.
    """
    doc = change.doc
    after = [change.span(ent) for ent in change.entities]
    ends = {token.i for token in doc if token.is_sent_start and token.i}
    for span in after:
        if ends.intersection(range(span.start + 1, span.end)):
            raise InputError(
                f"{shorten(span.text, 40)} goes beyond the end of a sentence, so it cannot be "
                "tagged as one entity. Join the sentences, or remove this decision.",
                path=_origin(doc, span.start)[0],
                line=_origin(doc, span.start)[1],
            )
    for sentence in sentences_of(doc):
        pair = [
            [span for span in spans if sentence.start <= span.start < sentence.end]
            for spans in (list(doc.ents), after)
        ]
        old, new = (_tags(sentence, spans, tags) for spans in pair)
        for i, (tag, other) in enumerate(zip(old, new), start=sentence.start):
            if tag != other:
                yield i, other


def _origin(doc: Doc, token: int) -> tuple[str, int]:
    origin = origin_of(doc, token)
    assert origin is not None
    return origin


def _tags(sentence: Span, spans: Sequence[Span], tags: TagReader) -> list[str]:
    entities = [(s.start - sentence.start, s.end - sentence.start, s.label_) for s in spans]
    scheme = SAME_AS.get(tags.scheme, tags.scheme)
    if tags.scheme == "bare":
        scheme = "bare"
    elif scheme == "IO":
        # The same, but it can also express adjacent entities with the same label.
        scheme = "IOB1"
    if scheme == "bare" and any(
        a[1] == b[0] and a[2] == b[2] for a, b in zip(entities, entities[1:])
    ):
        path, line = _origin(sentence.doc, sentence.start)
        raise InputError(
            "two adjacent entities with the same label cannot be written as labels without a "
            "prefix. Convert the file to another scheme: spacy ner export … --scheme IOB2.",
            path=path,
            line=line,
        )
    letters = _letters(tags) if scheme == "BIOES" else {}
    written = write_tags(len(sentence), entities, scheme)
    return [tag if tag == "O" or not letters else letters[tag[0]] + tag[1:] for tag in written]


def _letters(tags: TagReader) -> dict[str, str]:
    """Get the letters of a file for those of BIOES: BILUO and BMES have others."""
    seen = {PREFIXES[tag[0]]: tag[0] for tag in tags.known if tag[0] in PREFIXES and "-" in tag}
    used = set(seen.values())
    usual = {"B": "B", "I": "I", "E": "E", "S": "S"}
    if used & set("LU"):
        usual |= {"E": "L", "S": "U"}
    elif "M" in used:
        usual["I"] = "M"
    elif "W" in used:
        usual |= {"I": "M"}
    return usual | seen


class _Rows:
    """The lines of a column file.

    text (str): The text.
    reader (ColumnFile): The reader.
    """

    def __init__(self, text: str, reader: ColumnFile):
        self.layout = reader.layout
        self.tags = reader.tags
        mark = re.escape(self.layout.separator)
        self._separated = re.compile(
            rf'(?<![^{mark}])(?:\s*"(?:[^"]|"")*"\s*|[^{mark}]*)(?![^{mark}])'
        )
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.text = text

    def edits(self, line: int, tag: str) -> Iterator[Edit]:
        """line (int): A line, counted from 1.
        tag (str): Its new tag.
        YIELDS (Edit): The edit of its cell. The tag of a multiword token of CoNLL-U may be in
            the lines of its parts."""
        tagged = [part for part in self._parts(line) if self._read(self._cell(part)[1]) != "O"]
        first, *others = tagged or [line]
        yield self._edit(first, tag)
        for part in others:
            yield self._edit(part, "O")

    def _parts(self, line: int) -> Iterator[int]:
        """Yield a line, and the lines of the parts of a multiword token."""
        yield line
        if not self.layout.numbered:
            return
        _, dash, last = self._number(line).partition("-")
        while dash:
            line += 1
            number = self._number(line)
            if not NUMBER.fullmatch(number) or float(number.replace("-", ".")) > int(last):
                return
            yield line

    def _row(self, line: int) -> tuple[int, str]:
        """The offset and the content of a line, without its end."""
        start = self.starts[line - 1]
        end = self.text.find("\n", start)
        row = self.text[start : len(self.text) if end < 0 else end].rstrip("\r")
        content = row.lstrip(BOM)
        return start + len(row) - len(content), content

    def _number(self, line: int) -> str:
        if line > len(self.starts):
            return ""
        cells = self.layout.split(self._row(line)[1])
        return cells[0] if len(cells) == self.layout.columns else ""

    def _cell(self, line: int) -> tuple[int, str]:
        """The offset and the content of the cell of the tag."""
        start, row = self._row(line)
        if self.layout.separator == "\t":
            before = row.split("\t")[: self.layout.tag]
            position = sum(map(len, before)) + len(before)
            cell = row[position:].partition("\t")[0]
        elif self.layout.separator != " ":
            matches = list(self._separated.finditer(row))
            # A word may contain the separator.
            more = len(matches) - self.layout.columns if self.layout.tag > self.layout.word else 0
            match = matches[self.layout.tag + more]
            position, cell = match.start(), match[0]
        else:
            match = [m for _, m in zip(range(self.layout.tag + 1), CELL.finditer(row))][-1]
            position, cell = match.start(), match[0]
        stripped = cell.strip(" ").strip('"') if self.layout.quoted else cell.strip(" ")
        # An empty last cell of MISC was stripped by the reader.
        return start + position + (cell.index(stripped) if stripped else 0), stripped

    def _read(self, cell: str) -> str:
        if self.layout.key:
            key = f"{self.layout.key}="
            notes = cell.split("|")
            return next((n[len(key) :] for n in notes if n.startswith(key)), "O")
        return "O" if cell == "_" and self.layout.numbered else cell

    def _edit(self, line: int, tag: str) -> Edit:
        start, cell = self._cell(line)
        if self.layout.key:
            new = self._misc(cell, tag)
        elif tag == "O" and self.layout.numbered and self._has_underscores:
            new = "_"
        else:
            new = tag
        return Edit(start, start + len(cell), new)

    def _misc(self, cell: str, tag: str) -> str:
        key = f"{self.layout.key}="
        notes = [note for note in cell.split("|") if note and note != "_"]
        places = [i for i, note in enumerate(notes) if note.startswith(key)]
        if places and (tag != "O" or f"{key}O" in self.text):
            notes[places[0]] = key + tag
        elif places:
            del notes[places[0]]
        elif tag != "O":
            notes.append(key + tag)
        return "|".join(notes) or "_"

    @property
    def _has_underscores(self) -> bool:
        """Whether the file writes _ for O."""
        for line in range(1, len(self.starts) + 1):
            _, row = self._row(line)
            if row.strip() and row[0] != "#" and len(self.layout.split(row)) == self.layout.columns:
                cell = self._cell(line)[1]
                if cell in ("_", "O"):
                    return cell == "_"
        return False
