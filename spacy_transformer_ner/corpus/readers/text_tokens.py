"""Tokens and sentences of records of text, as in spaCy, Prodigy and Argilla."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from ...errors import InputError
from ..sources import shorten


def read_tokens(tokens: Any, text: str, name: str, line: int) -> tuple[tuple[int, int], ...] | None:
    if not isinstance(tokens, list | tuple) or not tokens:
        return None
    offsets: list[tuple[int, int]] = []
    start: Any
    end: Any
    position = 0
    for token in tokens:
        if isinstance(token, str):
            start = text.find(token, position)
            end = start + len(token)
        else:
            start, end = (
                (token.get("start"), token.get("end")) if isinstance(token, Mapping) else (-1, -1)
            )
        if (
            not (_is_offset(start) and _is_offset(end))
            or not position <= start < end <= len(text)
            or text[position:start].strip()
        ):
            raise _wrong(
                f"the token {shorten(repr(token), 60)} doesn't match the text, or text before "
                "it is in no token. Fix tokens, or remove the field.",
                name,
                line,
            )
        offsets.append((start, end))
        position = end
    if text[position:].strip():
        raise _wrong(
            f"tokens end before the text: {shorten(text[position:], 40)} is in no token. Fix "
            "tokens, or remove the field.",
            name,
            line,
        )
    return tuple(offsets)


def read_sentences(sents: Any, text: str, name: str, line: int) -> tuple[int, ...] | None:
    if not isinstance(sents, list | tuple) or not sents:
        return None
    starts: list[Any] = [s.get("start") if isinstance(s, Mapping) else None for s in sents]
    if not all(_is_offset(start) and start < len(text) for start in starts):
        raise _wrong(
            f"expected sents with a start within the text, found {shorten(repr(sents), 60)}.",
            name,
            line,
        )
    return tuple(starts)


def _wrong(message: str, name: str, line: int) -> InputError:
    return InputError(message, path=name, line=line)


def _is_offset(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
