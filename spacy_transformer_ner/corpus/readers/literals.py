"""Lists and objects in the cells of tables: JSON, Python literals and arrays of numpy."""

import ast
import json
import re
from typing import Any

# ast.literal_eval needs a hundred times the memory.
LONGEST = 1 << 22
# ['Oslo' 'is'] and [3 0 0], which are not lists in Python.
ELEMENT = r"(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+)"
NUMPY = re.compile(rf"\[\s*{ELEMENT}(?:\s+{ELEMENT})+\s*\]")


def looks_like_literal(cell: str) -> bool:
    """cell (str): The cell of a table.
    RETURNS (bool): Whether it is in brackets or braces."""
    cell = cell.strip()
    return len(cell) > 1 and cell[0] + cell[-1] in ("[]", "{}", "()")


def parse_literal(cell: str) -> Any:
    """Read a list or an object. It is never executed.

    cell (str): The cell of a table.
    RETURNS (Any): The value.
    RAISES: ValueError if it is neither JSON nor a Python literal.
    """
    cell = cell.strip()
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    if len(cell) > LONGEST:
        raise ValueError("too long")
    try:
        if NUMPY.fullmatch(cell):
            # Python would join the strings.
            return [ast.literal_eval(element) for element in re.findall(ELEMENT, cell)]
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
