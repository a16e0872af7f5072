"""Detect the columns of a column file from its first lines."""

import re
from collections import Counter
from collections.abc import Sequence

from ...errors import InputError
from ..sources import shorten
from ..tags import TAG, advice, looks_bare
from .layout import DOCSTART, NUMBER, Layout, split_row

# Labels of syntactic chunks in CoNLL-2000 and CoNLL-2003, which are tagged like entities.
CHUNKS = frozenset(["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"])
# A key in the MISC column with tags as values.
MISC_TAG = re.compile(r"(?:^|\|)([A-Za-z][\w:-]*)=(?:O|[BIESLUMW]-[^|\s]+)(?=\||$)")
MISC_KEYS = frozenset(("ne", "ner", "entity", "named_entity", "name", "iob", "bio"))
HEADERS = frozenset(
    [
        "tag",
        "tags",
        "ner",
        "nertag",
        "ner_tag",
        "ner_tags",
        "ner-tag",
        "label",
        "labels",
        "iob",
        "iob2",
        "bio",
        "entity",
        "entities",
        "type",
    ]
)
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*:(?=.)")
# Names of the tag column in CoNLL-U Plus files.
TAG_COLUMNS = re.compile(r"(?i)(.*:)?(ne|ner|ner_tags?|entity|entities|named_?entity)")


def find_layout(
    rows: Sequence[str],
    name: str,
    *,
    word_column: int | None = None,
    tag_column: int | None = None,
    bare: bool | None = None,
) -> Layout:
    """Detect the columns of a file.

    rows (Sequence[str]): The first lines of the file.
    name (str): The file name, for errors.
    word_column, tag_column (int | None): The columns of word and tag, if known. Counted from 1,
        or from the end as -1.
    bare (bool | None): Whether the tags are labels without a prefix, if known.
    RETURNS (Layout): The columns. The tag is in the last column that looks like tags. If lines
        are numbered, it is in the first one, which has the outer entities in GermEval-14.
    RAISES: InputError if there are no columns, or none looks like tags.
    """
    plus = next((row for row in rows if row.startswith("# global.columns")), None)
    lines = [
        (line, row)
        for line, row in enumerate(rows, start=1)
        if row.strip(" \t") and not row.startswith((DOCSTART, "#"))
    ]
    if not lines:
        # All lines start with a number sign, so they can be words.
        lines = [
            (n, row) for n, row in enumerate(rows, 1) if row.startswith("#") and row.strip("# \t")
        ]
    if not lines:
        raise InputError("contains no tagged words. Is it the right file?", path=name)
    tabs = 2 * sum("\t" in row for _, row in lines) >= len(lines)
    table = [(line, split_row(row, tabs)) for line, row in lines]
    columns = Counter(len(cells) for _, cells in table).most_common(1)[0][0]
    if columns < 2:
        number = next(i for i, (_, cells) in enumerate(table) if len(cells) == columns)
        line, row = lines[number]
        raise InputError(
            f"only one column: {shorten(row)}. Each line needs a word and a tag, separated by "
            f"spaces or a tab{', not commas' if ',' in row else ''}.",
            path=name,
            line=line,
        )
    table = [
        (line, [cell.strip(" ") for cell in cells])
        for line, cells in table
        if len(cells) == columns
    ]
    values = list(zip(*(cells for _, cells in table)))
    titles = [t.upper() for t in plus.partition("=")[2].split()] if plus else []
    if len(titles) != columns:
        titles = []
    numbered = columns > 2 and _counts_words(values[0])
    misc = _misc(values, titles, numbered)
    # Columns of tags. Columns with O only are used if there is no other.
    tagged = _tag_columns(values)
    filled = [i for i in tagged if _has_entities(values[i])]
    key = ""
    if tag_column is not None:
        tag = _position(tag_column, columns, "tag", name)
        key = _misc_key(values[tag]) if tag == misc else ""
    else:
        found = _tag_position(values, titles, numbered, misc, bare, filled or tagged)
        if found is None:
            raise _no_tags(table, name)
        tag, key = found
    if word_column is not None:
        word = _position(word_column, columns, "word", name)
    elif "FORM" in titles:
        word = titles.index("FORM")
    else:
        word = 1 if numbered or tag == 0 else 0
    if word == tag:
        raise InputError(
            f"word and tag cannot both be in column {word + 1}. Set --word-column and "
            "--tag-column.",
            path=name,
        )
    if bare is None:
        bare = not key and looks_bare(values[tag])
    line, first = table[0]
    if first[tag].lower() in HEADERS and first[tag] not in values[tag][1:]:
        raise InputError(
            f"this line is a header: {shorten(' '.join(first))}. Remove it.", path=name, line=line
        )
    if word_column is None and word == 0 and columns > 2 and not titles:
        _check_words(values, tag, table, name)
    notes = () if misc is None else values[misc]
    return Layout(
        tabs,
        columns,
        word,
        tag,
        numbered,
        misc,
        key,
        bare,
        spaced=misc is not None and ("MISC" in titles or any("SpaceAfter=No" in n for n in notes)),
        labels=frozenset(values[tag]) if bare else frozenset(),
        prefix=_prefix(values[word]),
        others=() if key else tuple(i for i in filled if i not in (tag, word)),
    )


def _check_words(values: list[tuple[str, ...]], tag: int, table: list, name: str) -> None:
    """Raise an error if the first column doesn't look like words, and another column could be
    the words."""
    cells = values[0]
    others = [
        set(column)
        for i, column in enumerate(values)
        if i not in (0, tag) and 2 * sum(map(str.isalpha, column)) > len(column)
    ]
    numbers = sum(map(str.isdecimal, cells)) > 0.9 * len(cells) and any(
        len(other) >= len(set(cells)) for other in others
    )
    same = len(cells) >= 20 and len(set(cells)) <= max(1, 0.02 * len(cells))
    if numbers or same:
        line, row = table[0]
        raise InputError(
            f"the first column has {'numbers' if numbers else 'few different values'}, so it "
            f"probably isn't the words: {shorten(' '.join(row))}. Set the column of the words "
            "with --word-column.",
            path=name,
            line=line,
        )


def _prefix(words: tuple[str, ...]) -> str:
    """Get the language prefix that WikiANN adds to each word, e.g. "en:"."""
    start = LANGUAGE.match(words[0])
    if start and len(words) >= 5 and all(word.startswith(start[0]) for word in words):
        return start[0]
    return ""


def _tag_columns(values: list[tuple[str, ...]]) -> list[int]:
    """Get the columns that look like tags, without syntactic chunks."""
    found = []
    for i, cells in enumerate(values):
        tags = sum(map(bool, map(TAG.fullmatch, cells)))
        others = len(cells) - tags
        # Tolerate typos and a header.
        if others <= max(1, 0.1 * len(cells)) and tags > others and not _are_chunks(cells):
            found.append(i)
    return found


def _are_chunks(cells: tuple[str, ...]) -> bool:
    labels = {cell[2:] for cell in cells if cell != "O" and TAG.fullmatch(cell)}
    return bool(labels) and labels <= CHUNKS


def _has_entities(cells: tuple[str, ...]) -> bool:
    return any(cell != "O" for cell in cells)


def _counts_words(cells: Sequence[str]) -> bool:
    """Whether cells number the words of each sentence, or of the whole file."""
    last = -1
    for cell in cells:
        if not NUMBER.fullmatch(cell):
            return False
        if cell.isdecimal():
            number = int(cell[:9])
            if number not in (0, 1, last + 1):
                return False
            last = number
    return last >= 0


def _position(column: int, columns: int, what: str, name: str) -> int:
    position = column - 1 if column > 0 else columns + column
    if column == 0 or not 0 <= position < columns:
        raise InputError(
            f"no column {column} for the {what}: most lines have {columns} columns. Columns are "
            "counted from 1, or from the end as -1.",
            path=name,
        )
    return position


def _misc(values: list[tuple[str, ...]], titles: list[str], numbered: bool) -> int | None:
    if "MISC" in titles:
        return titles.index("MISC")
    return 9 if numbered and len(values) >= 10 else None


def _misc_key(cells: Sequence[str]) -> str:
    """Get the key in MISC that has tags: the one with the most entities, or else one with a
    common name."""
    keys: Counter[str] = Counter()
    for cell in cells:
        for match in MISC_TAG.finditer(cell):
            key, _, tag = match[0].lstrip("|").partition("=")
            keys[key] += 1 if tag == "O" else 1000
    named = [key for key in keys if keys[key] >= 1000 or key.lower() in MISC_KEYS]
    return max(named, key=lambda key: keys[key], default="")


def _tag_position(
    values: list[tuple[str, ...]],
    titles: list[str],
    numbered: bool,
    misc: int | None,
    bare: bool | None,
    likely: list[int],
) -> tuple[int, str] | None:
    """RETURNS (tuple[int, str] | None): The column of the tag, and its key if that is MISC."""
    named = [i for i, title in enumerate(titles) if TAG_COLUMNS.fullmatch(title)]
    if named:
        return named[0], ""
    if misc is not None and (key := _misc_key(values[misc])):
        return misc, key
    if bare:
        return len(values) - 1, ""
    if not likely and bare is None:
        likely = [i for i, cells in enumerate(values) if looks_bare(cells)][-1:]
    if not likely:
        # Chunks count as tags if there is nothing else.
        likely = [i for i, cells in enumerate(values) if all(map(TAG.fullmatch, cells))]
    if likely:
        return likely[0 if numbered else -1], ""
    return None


def _no_tags(table: list[tuple[int, list[str]]], name: str) -> InputError:
    """Create the error for a file without tags. It shows the first invalid tag of the last
    column."""
    for line, cells in table:
        if any("*" in cell and cell.strip("*")[:1] in ("(", ")", "") for cell in cells):
            return InputError(
                f"the bracket format of OntoNotes is not supported: {shorten(' '.join(cells))}. "
                "Convert it to one tag per word, like B-PER, I-PER and O.",
                path=name,
                line=line,
            )
    if all(" ".join(cells).count(",") > 1 for _, cells in table[:20]):
        return InputError(
            "the columns seem to be separated by commas. Save the table with tabs instead: "
            f"{shorten(' '.join(table[0][1]))}",
            path=name,
            line=table[0][0],
        )
    line, cells = next(
        ((line, cells) for line, cells in table if not TAG.fullmatch(cells[-1])), table[0]
    )
    seen = Counter(cells[-1] for _, cells in table).most_common(4)
    wrong = next((tag for tag, _ in seen if advice(tag)), None)
    if wrong is not None:
        line = next(line for line, cells in table if cells[-1] == wrong)
        return InputError(f"{shorten(wrong)} is not a tag{advice(wrong)}", path=name, line=line)
    return InputError(
        f"{shorten(cells[-1])} is not a tag (O, or a label with a prefix like B-PER), and no "
        f"column looks like tags. The last has {', '.join(shorten(v, 20) for v, _ in seen)}. "
        "Set the tag's column with --tag-column, or use --scheme bare if labels have no prefix. "
        "If the first line is a header, remove it.",
        path=name,
        line=line,
    )
