"""WebAnno TSV 3, which INCEpTION and WebAnno export.

The format is described in the INCEpTION User Guide, appendix "WebAnno TSV 3.3 File format".
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import chain, pairwise

from ...errors import InputError
from .. import sources
from ..documents import MAX_WORDS, Document, Sentence, Span
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import Source, shorten, too_long
from .layout import sample
from .offsets import arrange, check_span

FORMAT = "#FORMAT=WebAnno TSV "
LAYERS = ("#T_SP=", "#T_CH=", "#T_RL=")
ENTITIES = "NamedEntity"
# A feature that links to a knowledge base.
IDENTIFIER = "identifier"
# Sentence, token, part of a token; start and end.
TOKEN = re.compile(r"(\d+-\d+)(\.\d+)?\t(\d+)-(\d+)\t([^\t]*)(?:\t(.*))?")
# Marks with another meaning are escaped with a backslash.
ESCAPED = re.compile(r"\\(->|.)")
STACKED = re.compile(r"(?<!\\)\|")
NUMBERED = re.compile(r"(.*)(?<!\\)\[(\d+)\]", re.DOTALL)
# Rows of WebAnno TSV 1 and 2, without offsets.
OLD_ROW = re.compile(r"(?m)^1-1\t(?!\d+-\d+\t)")
# Number of characters from which the layers are read.
SAMPLE = 1 << 16


def is_webanno(text: str) -> bool:
    """Check whether a file is WebAnno TSV 3.

    text (str): The start of the file.
    RETURNS (bool): Whether it starts with the header of the format, or of its layers.
    """
    return text.lstrip().startswith((FORMAT, *LAYERS))


def is_old_webanno(text: str) -> bool:
    """Check whether a file is WebAnno TSV 1 or 2.

    text (str): The start of the file.
    RETURNS (bool): Whether tokens are numbered within sentences, and have no offsets.
    """
    has_header = text.lstrip().startswith("#") and not is_webanno(text)
    return has_header and OLD_ROW.search(text) is not None


@dataclass(frozen=True)
class Layer:
    """A layer of annotations.

    name (str): The full name of the layer.
    features (tuple[str, ...]): Its features, one per column. A layer without features has one
        column.
    column (int): The position of its first column, counted after the columns of the token.
    is_span (bool): Whether annotations are spans, and no chains or relations.
    """

    name: str
    features: tuple[str, ...]
    column: int
    is_span: bool

    @property
    def short(self) -> str:
        """RETURNS (str): The last part of the name, e.g. NamedEntity."""
        return self.name.rpartition(".")[2]


@dataclass
class _Token:
    """A token or part of a token: the offset where it starts, its text, line and cell."""

    start: int
    end: int
    text: str
    line: int
    cell: str
    parts: "list[_Token]" = field(default_factory=list)


class WebAnnoFile:
    """Reads a WebAnno TSV 3 file. The file is one document.

    source (Source): The file.
    options (ReadOptions): How to read the file. `tag_column` is a layer, a feature, or both as
        layer|feature. By default, it is the value of the layer NamedEntity.
    RAISES: InputError if the layer is ambiguous.
    """

    tags = None
    marks_documents = True

    def __init__(self, source: Source, options: ReadOptions):
        self.source = source
        self.options = options
        self.encoding = options.encoding or source.encoding()
        layers = _layers(sample(source.rows(self.encoding), SAMPLE))
        layer, feature = _choose(layers, options.tag_column, source.name)
        self._column = layer.column + feature
        # The label of annotations without features.
        self._label = "" if layer.features else layer.short
        name = f"{layer.short}|{layer.features[feature]}" if layer.features else layer.short
        self.format = f"WebAnno TSV 3, layer {name}"
        self._notes = Notes(source.name)

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        return self._notes.notes()

    def __iter__(self) -> Iterator[Document]:
        self._notes = Notes(self.source.name)
        self._before: Set[str] = set()  # the numbers in the sentence before
        sentences: list[Sentence] = []
        words = found = 0
        for tokens, following in pairwise(chain(self._sentences(), (None,))):
            assert tokens is not None
            sentence = self._sentence(tokens, following[0] if following else None)
            if sentence is None:
                self._notes.add("empty sentences were skipped", tokens[0].line)
                continue
            found += 1
            if sentences and words + len(sentence.words) > MAX_WORDS:
                self._notes.add(
                    f"documents of more than {MAX_WORDS:,} words were split at a sentence",
                    tokens[0].line,
                )
                yield Document(tuple(sentences), self.source.name)
                sentences, words = [], 0
            sentences.append(sentence)
            words += len(sentence.words)
        if not found:
            raise InputError("contains no tokens. Is it the right file?", path=self.source.name)
        yield Document(tuple(sentences), self.source.name)

    def _sentences(self) -> Iterator[list[_Token]]:
        tokens: list[_Token] = []
        number, last, size = "", "", 0
        for line, row in enumerate(self.source.rows(self.encoding), start=1):
            if not row.strip() or row.startswith("#"):
                continue
            match = TOKEN.fullmatch(row)
            if match is None:
                raise InputError(
                    "expected a token of WebAnno TSV 3 (1-1, a tab, start and end as 0-4, a tab, "
                    f"text), found {shorten(row)}. Fix this line.",
                    path=self.source.name,
                    line=line,
                )
            index, part, start, end, text, cells = match.groups()
            columns = (cells or "").split("\t")
            if self._column >= len(columns):
                raise InputError(
                    f"no column {self._column + 4} in this row, which the header says has the "
                    f"entities: {shorten(row)}. Fix this line.",
                    path=self.source.name,
                    line=line,
                )
            token = _Token(
                int(start[:12]), int(end[:12]), _unescape(text), line, columns[self._column]
            )
            if part:
                if index != last:
                    raise InputError(
                        f"{index}{part} is a part of a token that is not before it.",
                        path=self.source.name,
                        line=line,
                    )
                tokens[-1].parts.append(token)
                continue
            if index.partition("-")[0] != number:
                if tokens:
                    yield tokens
                number, tokens, size = index.partition("-")[0], [], 0
            size += len(row)
            if len(tokens) > MAX_WORDS or size > sources.LONGEST_RECORD:
                raise too_long(self.source.name, tokens[0].line)
            last = index
            tokens.append(token)
        if tokens:
            yield tokens

    def _sentence(self, tokens: list[_Token], following: _Token | None) -> Sentence | None:
        pieces = [piece for token in tokens for piece in self._pieces(token)]
        pieces = [piece for piece in pieces if piece.text.strip()]
        if not pieces:
            return None
        text, starts = "", []
        spaces = []
        for piece, after in zip(pieces, (*pieces[1:], following)):
            starts.append(len(text))
            spaces.append(after is not None and after.start > piece.end)
            text += piece.text + " " * spaces[-1]
        ends = [start + len(piece.text) for start, piece in zip(starts, pieces)]
        spans = self._spans(tokens, pieces, starts, ends, text)
        name = self.source.name
        kept = arrange(spans, text, name, self.options.overlaps, self._notes)
        first = {start: i for i, start in enumerate(starts)}
        last = {end: i for i, end in enumerate(ends, start=1)}
        return Sentence(
            tuple(piece.text for piece in pieces),
            tuple(Span(first[s.start], last[s.end], s.label) for s in kept),
            tuple(piece.line for piece in pieces),
            tuple(spaces),
        )

    def _pieces(self, token: _Token) -> list[_Token]:
        """Split a token at the ends of annotations of its parts."""
        cuts = {0, len(token.text)}
        for part in token.parts:
            start = _position(token.text, part.start - token.start)
            if part.cell == "_" and not part.text:
                continue
            if token.text[start : start + len(part.text)] != part.text:
                raise InputError(
                    f"{shorten(part.text)} is not in {shorten(token.text)} where its offset says. "
                    "Export the document again.",
                    path=self.source.name,
                    line=part.line,
                )
            cuts |= {start, start + len(part.text)}
        bounds = sorted(cuts)
        if len(bounds) == 2:
            return [token]
        return [
            _Token(
                token.start + _units(token.text[:a]),
                token.start + _units(token.text[:b]),
                token.text[a:b],
                token.line,
                "",
            )
            for a, b in zip(bounds, bounds[1:])
        ]

    def _spans(
        self,
        tokens: list[_Token],
        pieces: list[_Token],
        starts: list[int],
        ends: list[int],
        text: str,
    ) -> Iterator[tuple[Span, int]]:
        """Join the annotations of tokens that have the same number."""
        at_start = {piece.start: start for piece, start in zip(pieces, starts)}
        at_end = {piece.end: end for piece, end in zip(pieces, ends)}
        numbered: dict[str, Span] = {}
        lines: dict[str, int] = {}
        for token in (part for whole in tokens for part in (whole, *whole.parts)):
            end = at_end.get(token.start + _units(token.text))
            start = at_start.get(token.start)
            for label, number in self._annotations(token):
                if start is None or end is None:
                    continue  # an empty token
                span = check_span(start, end, label, None, text, self.source.name, token.line)
                if not number:
                    yield span, token.line
                elif number in numbered:
                    numbered[number] = Span(numbered[number].start, end, label)
                else:
                    numbered[number], lines[number] = span, token.line
        for number, span in numbered.items():
            if number in self._before:
                self._notes.add("entities that cross sentences were split", lines[number])
            yield span, lines[number]
        self._before = numbered.keys()

    def _annotations(self, token: _Token) -> Iterator[tuple[str, str]]:
        """RETURNS (Iterator[tuple[str, str]]): Label and number of the annotations of a token."""
        if token.cell in ("_", ""):
            return
        for cell in STACKED.split(token.cell):
            match = NUMBERED.fullmatch(cell)
            label, number = match.groups() if match else (cell, "")
            if label == "*" and self._label:
                yield self._label, number
            elif label in ("*", "_", ""):
                self._notes.add("annotations without a label were skipped", token.line)
            else:
                yield _unescape(label), number


def _layers(rows: list[str]) -> list[Layer]:
    layers, column = [], 0
    for row in rows:
        if row.startswith(LAYERS):
            name, *features = row[len(LAYERS[0]) :].split("|")
            features = [feature for feature in features if feature]
            is_span = row.startswith("#T_SP=")
            layers.append(Layer(name, tuple(features), column, is_span))
            column += max(1, len(features))
        elif row.startswith(("#Text=", "1-1\t")):
            break
    return layers


def _choose(layers: list[Layer], given: str | None, name: str) -> tuple[Layer, int]:
    """RETURNS (tuple[Layer, int]): The layer, and the position of the feature in it."""
    choices = [
        (layer, i)
        for layer in layers
        if layer.is_span
        for i, feature in enumerate(layer.features or ("",))
        if not feature.startswith("ROLE_")
    ]
    if given is not None:
        found = [c for c in choices if _is_called(*c, given)]
    else:
        choices = [c for c in choices if IDENTIFIER not in c[0].features[c[1] : c[1] + 1]]
        named = [c for c in choices if c[0].short == ENTITIES]
        found = named or choices
        found = [c for c in found if c[0].features[c[1] : c[1] + 1] == ("value",)] or found
    if len(found) > 1 and given is not None:
        # A layer may be given without its feature.
        found = [c for c in found if IDENTIFIER not in c[0].features[c[1] : c[1] + 1]]
    if len(found) == 1:
        return found[0]
    offered = ", ".join("|".join((c.short, *c.features[i : i + 1])) for c, i in choices) or "none"
    said = "has no layer of spans" if not choices else (
        f"has no layer or feature {given}" if given is not None and not found
        else "has more than one layer or feature that could be the entities"
    )  # fmt: skip
    raise InputError(
        f"{said} (found: {offered}). "
        + (
            "Set it with --tag-column, as layer|feature."
            if choices
            else "Export a document with a layer of named entities."
        ),
        path=name,
    )


def _is_called(layer: Layer, feature: int, given: str) -> bool:
    """Whether a feature is called by a name: the layer, the feature, or layer|feature."""
    name = layer.features[feature] if layer.features else ""
    head, bar, tail = given.partition("|")
    if bar:
        return head in (layer.name, layer.short) and tail == name
    return given in (layer.name, layer.short, name)


def _unescape(text: str) -> str:
    return ESCAPED.sub(r"\1", text)


def _units(text: str) -> int:
    """RETURNS (int): The length in UTF-16 units, which offsets are counted in."""
    return len(text) + sum(character > "\uffff" for character in text)


def _position(text: str, units: int) -> int:
    """RETURNS (int): The position in characters, for a position in UTF-16 units."""
    position = 0
    while units > 0 and position < len(text):
        units -= 1 + (text[position] > "\uffff")
        position += 1
    return position
