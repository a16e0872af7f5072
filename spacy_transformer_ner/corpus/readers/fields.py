"""Dotted paths to the fields of nested records, and the names of fields."""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

# Warnings and errors name at most this many fields.
SHOWN = 12


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    """value (Any): A value of a record.
    RETURNS (bool): Whether it is a list."""
    return isinstance(value, list | tuple)


def simple(name: Any) -> str:
    """Simplify the name of a field, so that startOffset, start_offset and "Start Offset" are equal.

    name (Any): The name.
    RETURNS (str): Its letters and digits, in lower case.
    """
    name = str(name)
    if name.isalpha() and name.islower():
        return name
    return "".join(c for c in name.lower() if c.isalnum())


def parsed(value: Any) -> Any:
    """Parse a list or object that is stored as text, as in the cells of tables.

    value (Any): A value of a record.
    RETURNS (Any): The content of JSON or a Python literal. Other values are returned unchanged.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", "("):
        return value
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return found if isinstance(found, list | tuple | Mapping) else value
    return value


def get(value: Any, path: str) -> Any:
    """Get a field of a record.

    value (Any): The record.
    path (str): The name of the field, or a dotted path of names, e.g. "data.text". In a list, a
        number selects an element. A name selects the field of all elements and joins their lists.
    RETURNS (Any): The value, or None if there is none.
    """
    if isinstance(value, dict) and path in value:  # most records
        return value[path]
    value = parsed(value)
    if isinstance(value, Mapping):
        if path in value:
            return value[path]
        # Names can contain dots: try the longest name first.
        end = path.rfind(".")
        while end >= 0:
            if path[:end] in value:
                return get(value[path[:end]], path[end + 1 :])
            end = path.rfind(".", 0, end)
        return None
    if not is_list(value):
        return None
    first, _, rest = path.partition(".")
    if first.removeprefix("-").isdecimal() and len(first) < 10:
        number = int(first)
        inner = value[number] if -len(value) <= number < len(value) else None
        return get(inner, rest) if rest else inner
    found: list[Any] = []
    for inner in value:
        inner = get(inner, path)
        if is_list(inner):
            found.extend(inner)
        elif inner is not None:
            found.append(inner)
    return found


def join(prefix: str, name: Any) -> str:
    """prefix (str): The path of a record.
    name (Any): The name of a field in it.
    RETURNS (str): The path of the field."""
    return f"{prefix}.{name}" if prefix else str(name)
