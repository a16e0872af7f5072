"""Training data as Python code, like spaCy 2's TRAIN_DATA. The code is parsed and never run."""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

from ...errors import InputError
from ..sources import Source
from .fields import is_list

# Parsing code takes about a hundred times its size in memory.
LONGEST_CODE = 1 << 24
TO_JSON = 'Save it as JSON instead: json.dump(TRAIN_DATA, open("train.json", "w")).'

BEFORE = r"(?:\s*(?:#[^\n]*|(?:import|from)\s[^\n]*)?\n)*\s*"
QUOTE = r"(?:[ubrUBR]{0,2}['\"])"
START = re.compile(
    # NAME = [(", or without the name, if the brackets or quotes are not JSON's
    rf"{BEFORE}(?:\w+\s*(?::[^=\n]+)?=\s*[\[({{]"
    rf"|[\[\s]*\(\s*\(?\s*{QUOTE}"
    rf"|[\[\s]*\[\s*[ubrUBR]?'"
    rf"|[\[(\s]*\{{\s*[ubrUBR]?')"
)
ASSIGNED = re.compile(r"^[A-Za-z_]\w*\s*(?::[^=\n]+)?=\s*[\[(]\s*[\[({]", re.MULTILINE)
# An entity, in one of its forms.
ENTITY = re.compile(
    r"[\[(]\s*\d+\s*,\s*\d+\s*,\s*[ubrUBR]?['\"]|['\"](?:entities|start|spans)['\"]\s*:"
)


def looks_like_python(start: str) -> bool:
    """Check whether a file is training data as Python code.

    start (str): The start of the file.
    RETURNS (bool): Whether it starts like a list of Python tuples or dicts, or an assignment,
        and contains entities.
    """
    begins = START.match(start) or ASSIGNED.search(start)
    return begins is not None and ENTITY.search(start) is not None


class PythonRecords:
    """The records in a file of Python code: a list of pairs of text and annotation, or of dicts,
    with or without the assignment to a name; or one record per line.

    source (Source): The file.
    encoding (str): The encoding.
    """

    def __init__(self, source: Source, encoding: str):
        self.source = source
        self.encoding = encoding

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        name = self.source.name
        code = self.source.whole(self.encoding).removeprefix("\ufeff").replace("\r\n", "\n")
        if len(code) > LONGEST_CODE:
            raise InputError(
                f"is Python code of more than {LONGEST_CODE:,} characters. {TO_JSON}", path=name
            )
        tree = self._parse(code)
        found: list[tuple[str, list[tuple[int, Any]]]] = []
        for statement in tree.body:
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.List | ast.Tuple | ast.Dict):
                continue
            names = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name)][:1]
            is_named = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
            records = list(self._records(value))
            if records:
                found.append((names[0] if is_named and names else "", records))
        if not found:
            raise InputError(
                f"contains no list of texts with entities as Python code. {TO_JSON}", path=name
            )
        named = list(dict.fromkeys(name for name, _ in found))
        if len(named) > 1:
            line = found[1][1][0][0]
            raise InputError(
                f"contains several lists ({', '.join(n or 'without a name' for n in named)}). "
                "Save each list in a file of its own.",
                path=name,
                line=line,
            )
        for _, records in found:
            yield from records

    def _parse(self, code: str) -> ast.Module:
        for text in (code, textwrap.dedent(code)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # about escapes in strings
                    return ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                failed = error
        line = failed.lineno if isinstance(failed, SyntaxError) else 1
        said = failed.msg if isinstance(failed, SyntaxError) else "nested too deeply"
        raise InputError(
            f"is not valid Python code ({said}). Fix this line, or save the data as JSON.",
            path=self.source.name,
            line=line,
        )

    def _records(self, node: ast.expr) -> Iterator[tuple[int, Any]]:
        """Yield the records of a literal. Other literals, like a list of labels, have none."""
        if isinstance(node, ast.Dict):
            value = self._literal(node)
            if isinstance(value, dict) and any(isinstance(v, list | tuple) for v in value.values()):
                yield node.lineno, value
            return
        assert isinstance(node, ast.List | ast.Tuple)
        if self._is_record(node):
            yield node.lineno, self._literal(node)
            return
        for inner in node.elts:
            if self._is_record(inner):
                yield inner.lineno, self._literal(inner)
            elif isinstance(inner, ast.Constant) and inner.value is None:
                continue
            elif isinstance(inner, ast.Constant):
                return  # a list of names
            elif isinstance(inner, ast.List | ast.Tuple | ast.Dict):
                yield from self._records(inner)
            else:
                raise self._no_literal(inner)

    @staticmethod
    def _is_record(node: ast.expr) -> bool:
        """Whether a literal is a text with its annotation, or a sentence of words with tags."""
        if isinstance(node, ast.Dict):
            return True
        return (
            isinstance(node, ast.List | ast.Tuple)
            and len(node.elts) >= 2
            and (
                isinstance(node.elts[0], ast.Constant | ast.JoinedStr | ast.BinOp)
                and isinstance(node.elts[1], ast.List | ast.Tuple | ast.Dict)
            )
        )

    def _literal(self, node: ast.expr) -> Any:
        try:
            return _lists(ast.literal_eval(node))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            raise self._no_literal(node) from None

    def _no_literal(self, node: ast.expr) -> InputError:
        return InputError(
            "this record is computed, and code is not run. Only texts, numbers, lists, tuples and "
            f"dicts can be read. {TO_JSON}",
            path=self.source.name,
            line=node.lineno,
        )


def _lists(value: Any) -> Any:
    """Convert sets, which have no order, to sorted lists."""
    if isinstance(value, set | frozenset):
        return sorted(map(_lists, value), key=repr)
    if isinstance(value, dict):
        return {key: _lists(inner) for key, inner in value.items()}
    if is_list(value):
        return [_lists(inner) for inner in value]
    return value
