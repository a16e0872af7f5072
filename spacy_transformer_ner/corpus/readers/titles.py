"""Find the columns of tables with text by their titles and cells."""

import re
from collections.abc import Collection, Sequence

from ...errors import InputError
from .delimited import Table
from .headers import role_of

# Titles of offsets, in lower case and without other characters.
BEFORE = "(?:char|character|span|entity|ent|mention)?"
AFTER = "(?:char|character|offset|index|idx|pos|position)?"
START = re.compile(f"{BEFORE}(?:start|begin|from){AFTER}")
END = re.compile(f"{BEFORE}(?:end|stop|to|until){AFTER}")


def _plain(title: str) -> str:
    return re.sub(r"[\W_]", "", title.lower())


def is_start(title: str) -> bool:
    """title (str): The title of a column, or the name of a field.
    RETURNS (bool): Whether it is the start of an entity."""
    return START.fullmatch(_plain(title)) is not None


def offset_columns(titles: Sequence[str]) -> tuple[int, int] | None:
    """Find the columns with the offsets of an entity.

    titles (Sequence[str]): The titles of the columns.
    RETURNS (tuple[int, int] | None): The columns of start and end, counted from 0.
    """
    starts = [i for i, title in enumerate(titles) if is_start(title)]
    ends = [i for i, title in enumerate(titles) if END.fullmatch(_plain(title))]
    return (starts[0], ends[0]) if starts and ends else None


def find_text(
    table: Table, rows: Sequence[Sequence[str]], others: Collection[int | None], name: str
) -> int:
    """Find the column of the text: the one with the longest cells.

    table (Table): The start of the table.
    rows (Sequence[Sequence[str]]): Its rows.
    others (Collection[int | None]): Columns with other contents.
    name (str): The file name, for the error.
    RETURNS (int): The column, counted from 0.
    RAISES: InputError if no column is text.
    """
    lengths = {
        i: sum(map(len, column)) / len(column)
        for i, column in enumerate(zip(*rows))
        if i not in others and any(any(c.isalpha() for c in cell) for cell in column)
    }
    named = {i: n for i, n in lengths.items() if role_of(table.titles[i]) in ("text", "word")}
    named = named or {
        i: n for i, n in lengths.items() if role_of(table.titles[i]) in ("sentence", "document")
    }
    longest = max(lengths, key=lengths.__getitem__, default=None)
    if longest is None:
        raise InputError(
            f"no column for the text (found: {', '.join(table.titles)}). Set it with --text-field.",
            path=name,
        )
    if not named:
        return longest
    best = max(named, key=named.__getitem__)
    # A column "text" may be the text of the entity, beside that of the sentence.
    contains = all(row[best] in row[longest] for row in rows)
    return longest if contains and lengths[longest] > lengths[best] else best


def number_of(titles: Sequence[str], given: str | None, option: str, name: str) -> int | None:
    """Get the position of a column that is given by its title or number.

    titles (Sequence[str]): The titles of the columns.
    given (str | None): The title, or the number, counted from 1, or from the end as -1.
    option (str): The option it is given with, for the error.
    name (str): The file name, for the error.
    RETURNS (int | None): The position, counted from 0. None if none is given.
    RAISES: InputError if there is no such column.
    """
    if given is None:
        return None
    if given in titles:
        return titles.index(given)
    if re.fullmatch(r"-?[0-9]{1,4}", given):
        number = int(given)
        position = number - 1 if number > 0 else len(titles) + number
        if number and 0 <= position < len(titles):
            return position
    raise InputError(
        f"no column {given} for {option}. The columns are {', '.join(titles)}.", path=name
    )
