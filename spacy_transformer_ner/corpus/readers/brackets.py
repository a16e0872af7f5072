"""Entities in brackets, as in OntoNotes: "(PERSON*", "*" and "*)"."""

import re
from collections import Counter
from collections.abc import Sequence

from .layout import Layout, split_row

# A cell of a column of brackets, e.g. "(PERSON*", "*)" or "(GPE)".
BRACKETS = re.compile(r"((?:\([^()*\s]+)*)\*?(\)*)")
# Brackets of syntax and semantic roles, not of entities.
SYNTAX = re.compile(r"[SV]|TOP|.*P|S[A-Z]+|WH\w+|FRAG|INTJ|[RC]-.*|ARG.*|V|PRN|PRT|LST|X")
# CoNLL-2012: words and brackets are always in these columns, and more columns follow.
CONLL_2012_WORD, CONLL_2012_TAG = 3, 10
CONLL_2012 = Layout(
    " ", CONLL_2012_TAG + 1, CONLL_2012_WORD, CONLL_2012_TAG, brackets=True, longer=True
)


def is_conll_2012(rows: Sequence[str]) -> bool:
    """Check whether a file is in the format of CoNLL-2012.

    rows (Sequence[str]): The first lines.
    RETURNS (bool): Whether all lines with words have its columns.
    """
    table = [split_row(row, " ") for row in rows if row.strip() and row[0] != "#"][:1000]
    return bool(table) and all(
        len(cells) > CONLL_2012_TAG
        and cells[1].isdecimal()
        and cells[2].isdecimal()
        and BRACKETS.fullmatch(cells[CONLL_2012_TAG])
        for cells in table
    )


def is_brackets(counts: Counter[str]) -> bool:
    """Check whether a column has entities in brackets.

    counts (Counter[str]): How often each value of the column occurs.
    RETURNS (bool): Whether all cells are brackets, and not only of syntax or semantic roles.
    """
    if not any("*" in cell for cell in counts):
        return False
    if not all(cell and BRACKETS.fullmatch(cell) for cell in counts):
        return False
    labels = {label for cell in counts for label in re.findall(r"\(([^()*]+)", cell)}
    return not labels or not all(map(SYNTAX.fullmatch, labels))
