"""Markdown entities: `I live in [Oslo](LOC)`, as in Rasa's training data (nlu.md and nlu.yml),
and as lines of text. Also lines with the label in the brackets: `I live in [LOC Oslo]`."""

import json
import re
from collections.abc import Callable, Iterator

from ...errors import InputError
from ..notes import Notes
from ..options import ReadOptions
from ..sources import Source, shorten
from .annotated import Annotated, AnnotatedTexts, Mention, are_columns
from .tag_columns import CHUNKS

# [text](label), [text](label:value), [text]{"entity": "label", …}
ENTITY = re.compile(r"\[([^\[\]\n]+)\](?:\(([^()\n]*)\)|(\{[^{}\n]*\}|\[\{[^\[\]\n]*\}\]))")
# [LABEL text], as the Illinois tagger writes it, and [LABEL: text]
BRACKET = re.compile(r"\[([A-Z][A-Z_-]+):?[ \t]+([^\[\]\n]+)\]")
# Brackets for something else in texts.
NO_LABELS = frozenset(["SIC", "NB", "NOTE", "PS", "TODO", "FIG", "TABLE", "REF", "EDIT", "OCR"])
LABEL = re.compile(r"(?!(?:mailto|tel|https?):)[^\W\d][\w-]*(?::[^/\n]*)?")
LINK = re.compile(r"[a-z]+:|www\.|[#/.]|\S*[./]")
# A section of Rasa's Markdown.
SECTION = re.compile(r"##\s*([\w-]+)\s*:.*")
BULLET = re.compile(r"\s*[-*+]\s+")
# Rasa's YAML: a top-level key, and the key of an item.
KEY = re.compile(r"([\w-]+)\s*:.*")
ITEM = re.compile(r"\s*-\s*(intent|synonym|regex|lookup)\s*:.*")


def is_markdown(text: str) -> bool:
    """Check whether a file has Markdown entities.

    text (str): The start of the file.
    RETURNS (bool): Whether it is training data of Rasa, or some line contains an entity.
    """
    if is_rasa(text):
        return True
    has_entity = any(_label(match) for match in ENTITY.finditer(text)) or _has_brackets(text)
    return has_entity and not are_columns(text)


def _has_brackets(text: str) -> bool:
    """Whether there are brackets with labels of entities, and not of chunks or remarks."""
    labels = {match[1] for match in BRACKET.finditer(text)}
    return bool(labels) and not labels <= CHUNKS and labels.isdisjoint(NO_LABELS)


def is_rasa(text: str) -> bool:
    """Check whether a file is training data of Rasa, and not documentation or settings.

    text (str): The start of the file.
    RETURNS (bool): Whether it has examples of an intent.
    """
    return _is_rasa_markdown(text) or _is_rasa_yaml(text)


def _is_rasa_markdown(text: str) -> bool:
    return re.search(r"(?m)^##\s*intent\s*:", text) is not None


def _is_rasa_yaml(text: str) -> bool:
    has_examples = re.search(r"(?m)^\s*-?\s*examples\s*:", text) is not None
    return has_examples and re.search(r"(?m)^nlu\s*:", text) is not None


def open_markdown(source: Source, options: ReadOptions) -> AnnotatedTexts:
    """Open a file with Markdown entities. Each example or line is a text.

    source (Source): The file.
    options (ReadOptions): How to read the file.
    RETURNS (AnnotatedTexts): The reader.
    """
    start = source.start().decode("utf-8", errors="replace")
    if _is_rasa_yaml(start):
        return AnnotatedTexts(source, options, "Rasa YAML", _parser(_yaml_examples))
    if _is_rasa_markdown(start):
        return AnnotatedTexts(source, options, "Rasa Markdown", _parser(_markdown_examples))
    if not any(map(_label, ENTITY.finditer(start))) and _has_brackets(start):
        return AnnotatedTexts(
            source, options, "lines with labels in brackets", _parser(_lines, _bracketed)
        )
    return AnnotatedTexts(source, options, "lines with Markdown entities", _parser(_lines))


def _parser(examples: Callable, parse_example: Callable | None = None) -> Callable:
    def parse(source: Source, encoding: str, notes: Notes) -> Iterator[Annotated]:
        for line, row in examples(source.rows(encoding)):
            yield (parse_example or _example)(row, line, source.name, notes)

    return parse


def _bracketed(row: str, line: int, name: str, notes: Notes) -> Annotated:
    """Get the text and the entities of a line with labels in brackets."""
    text, position = "", 0
    mentions = []
    for match in BRACKET.finditer(row):
        if row[: match.start()].count("[") > row[: match.start()].count("]"):
            raise InputError(
                f"{shorten(match[0])} is within another bracket, and entities can't nest. Keep one "
                "of them. If the other bracket is text, write it as (.",
                path=name,
                line=line,
            )
        text += row[position : match.start()]
        said = match[2].strip()
        mentions.append(Mention(len(text), len(text) + len(said), match[1], line))
        text += said
        position = match.end()
    return Annotated(text + row[position:], mentions, line)


def _lines(rows: Iterator[str]) -> Iterator[tuple[int, str]]:
    for line, row in enumerate(rows, start=1):
        if row.strip():
            yield line, row.strip()


def _markdown_examples(rows: Iterator[str]) -> Iterator[tuple[int, str]]:
    section = ""
    for line, row in enumerate(rows, start=1):
        if match := SECTION.match(row):
            section = match[1]
        elif section == "intent" and (match := BULLET.match(row)):
            yield line, row[match.end() :].strip()


def _yaml_examples(rows: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield the examples of intents. They are a block of lines, or a list of strings or of
    objects with a text."""
    top = item = ""
    within = opened = False  # within the examples of an item; the text follows
    for line, row in enumerate(rows, start=1):
        stripped = row.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if match := KEY.match(row):
            top, item, within = match[1], "", False
        elif top != "nlu":
            continue
        elif match := ITEM.match(row):
            item, within, opened = match[1], False, False
        elif stripped.startswith("examples:"):
            within, opened = True, False
        elif within and item == "intent":
            bullet = BULLET.match(row)
            text = row[bullet.end() :].strip() if bullet else stripped
            if text.startswith("text:"):
                text = text.removeprefix("text:").strip()
                opened = text.rstrip("-+") in ("|", ">")
                if not opened:
                    yield line, _unquote(text)
            elif bullet or opened:
                yield line, _unquote(text)
                opened = False


def _unquote(text: str) -> str:
    """Remove the quotes of a YAML string."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def _example(row: str, line: int, name: str, notes: Notes) -> Annotated:
    """Get the text and the entities of an example."""
    text, position = "", 0
    mentions = []
    for match in ENTITY.finditer(row):
        label = _label(match)
        if not label and match[2] is not None and not LINK.match(match[2]):
            continue  # Brackets and parentheses of the text.
        if match[3] is not None and not label:
            raise InputError(
                f'expected one entity as {{"entity": "label"}}, found {shorten(match[3])}. Fix '
                "this line.",
                path=name,
                line=line,
            )
        text += row[position : match.start()]
        if label:
            mentions.append(Mention(len(text), len(text) + len(match[1]), label, line))
        else:
            notes.add("links were read as their text", line)
        text += match[1]
        position = match.end()
    return Annotated(text + row[position:], mentions, line)


def _label(match: re.Match) -> str:
    """RETURNS (str): The label of an entity, or "" if it is none."""
    if match[3] is None:
        return match[2].partition(":")[0].strip() if LABEL.fullmatch(match[2].strip()) else ""
    try:
        value = json.loads(match[3])
    except ValueError:
        return ""
    label = value.get("entity") if isinstance(value, dict) else None
    return label if isinstance(label, str) else ""
