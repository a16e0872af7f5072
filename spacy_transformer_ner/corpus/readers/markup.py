"""Text with inline tags: `<PER>Ann Lee</PER> lives in <ENAMEX TYPE="LOCATION">Oslo</ENAMEX>.`

Which elements are entities is decided by their names: those of documents, paragraphs and HTML
are not, all others are. The label is an attribute like TYPE for elements with a general name
like ENAMEX or entity, and else the name.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...errors import InputError
from .. import sources
from ..notes import Notes
from ..options import ReadOptions
from ..sources import Source, too_long
from .annotated import Annotated, AnnotatedTexts, Mention, are_columns
from .refused import RECORDS

NAME = r"[^\W\d][\w.:-]*"
# A tag, or a comment, declaration or processing instruction.
MARK = re.compile(
    rf"<!--.*?-->|<[?!][^>]*>|<(/?)({NAME})((?:[\s=/][^<>]*)?)>", re.DOTALL
)  # fmt: skip
NO_SPACE = re.compile(r"\S")
# A tag or comment that continues on the next line.
OPEN_MARK = re.compile(rf"<!--(?:(?!-->).)*$|<(?:[?!]|/?{NAME}(?:\s|$))[^<>]*$", re.DOTALL)
ATTRIBUTE = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'/>]+))")
# Not all that html.unescape knows, because a semicolon may be missing in text like AT&T.
CHARACTER = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
# An element, also as MUC-6 writes it: <b_enamex type="PERSON">Ann<e_enamex>
ELEMENT = re.compile(rf"<(?:b_)?({NAME})(?:[\s=][^<>]*)?>[^<>]*<(?:/|e_)\1>")
BEGIN_END = re.compile(rf"<(?:b_|(e_))(?={NAME})")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Elements, by name in lower case.
DOCUMENTS = _names("doc document article record report example item instance")
ONE_SENTENCE = _names("s sent sentence utterance")
SENTENCES = ONE_SENTENCE | _names("sentences p para paragraph line")
STRUCTURE = DOCUMENTS | SENTENCES | _names("root corpus dataset data documents docs articles text txt body head header content abstract "
    "set section sec div br hr hl headline dateline dd so in tok token w ul ol li h1 h2 h3 h4 h5 "
    "h6 b i u em strong a span font small sub sup tt code blockquote table tr td th")  # fmt: skip
# Elements that are not entities if there are documents or sentences.
IN_DOCUMENTS = _names("title")
# Elements within words, and elements that no one takes for entities.
INLINE = _names("b i u em strong a span font small sub sup tt code w tok token")
EXPECTED = DOCUMENTS | SENTENCES | _names("root corpus dataset text body tok token w")
# Information about a document, which is not its text.
ABOUT = _names(
    "docno docid docnum doctype storyid slug nwords preamble trailer date_time endtime id"
)
# Elements whose label is an attribute, if they have it.
GENERAL = _names(
    "enamex timex timex2 timex3 numex entity ent ne namedentity named_entity named-entity mention "
    "annotation tag term cons category name rs span mark phrase"
)
LABELS = ("type", "label", "sem", "class", "category", "ne", "ner", "entity", "tag", "kind")
# Attributes of an element that is not around its text.
OFFSETS = re.compile(r"(?i)\s(?:start|begin|from|offset)\w*\s*=\s*[\"']?\d")
# Number of characters from which the elements are listed.
SAMPLE = 1 << 18
# Number of lines of a tag. With more, the bracket is text.
MAX_LINES = 20
# If more of the text is marked, by many elements, the file is data with elements for everything.
MOST_MARKED = 0.9
MANY = 10
# Number of lines of an entity. With more, it isn't closed.
MAX_ENTITY = 3


def is_markup(text: str) -> bool:
    """Check whether a file is text with inline tags.

    text (str): The start of the file.
    RETURNS (bool): Whether there is an element with text, and lines are not a word and its tag.
    """
    if ELEMENT.search(text) is None:
        return False
    return not are_columns(text)


def open_markup(source: Source, options: ReadOptions) -> AnnotatedTexts:
    """Open a file of text with inline tags.

    source (Source): The file.
    options (ReadOptions): How to read the file.
    RETURNS (AnnotatedTexts): The reader.
    """
    return AnnotatedTexts(source, options, "inline XML tags", _parse)


@dataclass(frozen=True)
class _Structure:
    """The elements that are not entities.

    texts (frozenset[str]): The elements that are a text each. If none, each line is a text.
    others (frozenset[str]): Other elements, whose tags are ignored.
    """

    texts: frozenset[str]
    others: frozenset[str]


@dataclass
class _Text:
    """An incomplete text."""

    line: int = 0
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    # The open entities: name, label, start, line.
    opened: list[tuple[str, str, int, int]] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    # The start offsets of sentences.
    sentences: list[int] = field(default_factory=list)

    def add(self, text: str, line: int) -> None:
        """Add text. Leading whitespace of the whole text is dropped."""
        if not self.length:
            text = text.lstrip()
            self.line = line
        if text:
            self.pieces.append(text)
            self.length += len(text)

    def separate(self) -> None:
        """Add a space, if there is no whitespace at the end."""
        if self.pieces and not self.pieces[-1][-1].isspace():
            self.add(" ", self.line)

    def end(self) -> Iterator[Annotated]:
        """Yield the text, if there is any, and clear it."""
        text = "".join(self.pieces).rstrip()
        if text:
            end = len(text)
            inner = [replace(m, end=min(m.end, end)) for m in self.mentions if m.start < end]
            found = (NO_SPACE.search(text, start) for start in self.sentences)
            starts = tuple(match.start() for match in found if match)
            yield Annotated(text, inner, self.line, sentences=starts or None)
        self.pieces, self.length, self.mentions, self.sentences = [], 0, [], []


def _marks(rows: Iterator[str]) -> Iterator[tuple[int, str, re.Match | None]]:
    """Yield the line, the text before a mark, and the mark. None is the end of a line."""
    held, first, line = "", 0, 0
    for line, row in enumerate(rows, start=1):
        if "<e_" in row and "</e_" not in row:
            row = BEGIN_END.sub(lambda match: "</" if match[1] else "<", row)
        held, first = (f"{held}\n{row}", first) if held else (row, line)
        # A tag can continue on the next line.
        if not OPEN_MARK.search(held) or line - first >= MAX_LINES:
            yield from _marks_within(held, first)
            held = ""
    if held:
        yield from _marks_within(held, first)


def _marks_within(rows: str, line: int) -> Iterator[tuple[int, str, re.Match | None]]:
    position = 0
    for mark in (*MARK.finditer(rows), None):
        *whole, text = rows[position : mark.start() if mark else None].split("\n")
        for row in whole:
            yield line, row, None
            line += 1
        yield line, text, mark
        if mark is not None:
            line += mark[0].count("\n")
            position = mark.end()


def _structure(source: Source, encoding: str) -> _Structure:
    """Find the elements that are not entities in the first lines: those with a known name, and
    the root, which contains all others."""
    opened: list[str] = []
    names: set[str] = set()
    children: list[str] = []
    root, begun, size = "", 0, 0
    between = False  # whether there is text directly in the root
    for line, text, mark in _marks(source.rows(encoding)):
        size += len(text) + 1
        if text.strip() and (not names or (root and not opened)):
            root = ""
            names.add("")  # The first element is not the root.
        elif text.strip() and opened == [root]:
            between = True
        if mark is not None and mark[2]:
            name = mark[2].lower()
            if mark[1]:
                if name in opened:
                    del opened[len(opened) - 1 - opened[::-1].index(name) :]
                if not opened and begun == line and len(children) < 2:
                    root = ""
            elif not mark[3].endswith("/"):
                if not names:
                    root, begun = name, line
                elif root and not opened:
                    root = ""
                elif opened == [root]:
                    children.append(name)
                names.add(name)
                opened.append(name)
        if size > SAMPLE:
            break
    if not children:
        root = ""
    texts = (
        names & DOCUMENTS
        or (set(children) - ABOUT if root and not between else set())
        or names & SENTENCES
    )
    others = STRUCTURE | {root} | (IN_DOCUMENTS if texts else set())
    return _Structure(frozenset(texts), frozenset(others - texts))


def _parse(source: Source, encoding: str, notes: Notes) -> Iterator[Annotated]:
    structure = _structure(source, encoding)
    now, skipped = _Text(), ""
    marked = size = n_entities = 0
    for line, text, mark in _marks(source.rows(encoding)):
        name = mark[2].lower() if mark is not None and mark[2] else ""
        if skipped and name not in structure.texts:
            if name == skipped and mark is not None and mark[1]:
                skipped = ""
            continue
        skipped = ""
        size += len(text.strip())
        marked += len(text.strip()) if now.opened else 0
        now.add(CHARACTER.sub(lambda match: html.unescape(match[0]), text), line)
        if now.length > sources.LONGEST_RECORD:
            raise too_long(source.name, now.line)
        if mark is None:
            if not structure.texts and not now.opened:
                yield from now.end()
            else:
                _check_open(now, line, source.name)
                now.add("\n", line)
        elif mark[0].startswith("<![CDATA["):
            raise InputError(
                "CDATA, which is not supported. Write the text without it, with &lt; for <.",
                path=source.name,
                line=line,
            )
        elif not name:
            pass  # a comment or declaration
        elif name in structure.texts:
            _check_closed(now, source.name)
            yield from now.end()
        elif name in ABOUT:
            notes.add(f"elements <{mark[2]}>, which are not part of the text, were left out", line)
            skipped = "" if mark[1] or mark[3].endswith("/") else name
        elif name in structure.others:
            if name not in INLINE:
                now.separate()
            if name in ONE_SENTENCE and not mark[1]:
                now.sentences.append(now.length)
            if name not in EXPECTED and not mark[1]:
                notes.add(f"tags <{mark[2]}>, which are not entities, were ignored", line)
        elif mark[1]:
            _close(now, mark[2], line, source.name)
            n_entities += 1
        elif mark[3].endswith("/"):
            notes.add(f"tags <{mark[2]}/>, which have no text, were ignored", line)
        else:
            if OFFSETS.search(mark[3]):
                raise InputError(
                    f"{mark[0]} has offsets, so the text is elsewhere. {RECORDS}",
                    path=source.name,
                    line=line,
                )
            now.opened.append((mark[2], _label(mark), now.length, line))
    _check_closed(now, source.name)
    yield from now.end()
    if not n_entities or (n_entities >= MANY and marked > MOST_MARKED * size):
        what = (
            "no element is" if not n_entities else "nearly all text is in elements, so they aren't"
        )
        raise InputError(
            f"{what} an entity in this XML. Expected text in which only the entities have tags, "
            "e.g. <LOC>Oslo</LOC> is far.",
            path=source.name,
        )


def _label(mark: re.Match) -> str:
    if mark[3].startswith("="):
        return mark[3][1:].strip().strip("\"'")
    if mark[2].lower() in GENERAL:
        found = {
            key.lower(): a or b or c for key, a, b, c in ATTRIBUTE.findall(mark[3]) if a or b or c
        }
        return next((found[key] for key in LABELS if key in found), mark[2])
    return mark[2]


def _close(now: _Text, name: str, line: int, path: str) -> None:
    opened = now.opened.pop() if now.opened else ("", "", 0, 0)
    if opened[0].lower() != name.lower():
        raise InputError(
            f"</{name}> closes {f'<{opened[0]}> of line {opened[3]}' if opened[0] else 'no tag'}. "
            "Fix the tags. If it is text, write &lt; for <.",
            path=path,
            line=line,
        )
    if now.length > opened[2]:
        now.mentions.append(Mention(opened[2], now.length, opened[1], line))


def _check_open(now: _Text, line: int, path: str) -> None:
    """Check that no entity has many lines."""
    for name, _, _, begun in now.opened:
        if line - begun >= MAX_ENTITY:
            raise InputError(
                f"<{name}> is not closed within {MAX_ENTITY} lines. Close it after the entity. If "
                f"it is not an entity, remove the tags <{name}> and </{name}>.",
                path=path,
                line=begun,
            )


def _check_closed(now: _Text, path: str) -> None:
    for name, _, _, begun in now.opened:
        raise InputError(
            f"<{name}> is not closed. Add </{name}> after the entity. If it is text, write &lt; "
            "for <.",
            path=path,
            line=begun,
        )
