"""Find the fields of words and tags by what they hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import InputError
from ..spelling import TAG, find_spelling
from .fields import is_list, parsed

WORDS = ("tokens", "words")
TAGS = ("ner_tags", "tags", "ner", "labels", "ner_tag", "tag")


def as_list(value: Any) -> Any:
    """Read a list that is stored as text.

    value (Any): The value of a field.
    RETURNS (Any): The parsed list, or the words of a text that are separated by spaces. Other
        values are returned unchanged.
    """
    value = parsed(value)
    return value.split() if isinstance(value, str) and value.strip() else value


def usual_tags(first: Sequence[tuple[int, Mapping[str, Any]]], words: str | None) -> str | None:
    """Find the field of tags that has one of the usual names.

    first (Sequence[tuple[int, Mapping]]): The first records.
    words (str | None): The field of the words.
    RETURNS (str | None): The field. If there are several, the first one that has tags of entities
        or numbers.
    """
    record = first[0][1]
    in_text = words is not None and isinstance(record.get(words), str)
    found = [
        field
        for field in TAGS
        if is_list(record.get(field)) or (in_text and isinstance(record.get(field), str))
    ]
    for field in found if len(found) > 1 else ():
        values = [v for _, r in first if is_list(held := as_list(r.get(field))) for v in held]
        if any(not isinstance(v, str) or v == "O" or TAG.fullmatch(v) for v in values):
            return field
    return found[0] if found else None


def tagged_pairs(value: Any) -> Mapping[str, Any] | None:
    """Read a sentence as a list of words with their tags, like [["Oslo", "B-LOC"], …], or as a
    list of words and a list of tags.

    value (Any): The value.
    RETURNS (Mapping[str, Any] | None): The record. The tag is the last element of each list. None
        if the value has another form, or most of these elements are not tags.
    """
    if not is_list(value) or not value:
        return None
    if not all(
        is_list(pair) and len(pair) >= 2 and isinstance(pair[0], str) and isinstance(pair[-1], str)
        for pair in value
    ):
        return None
    if len(value) == 2 and len(value[0]) == len(value[1]) and all(map(TAG.fullmatch, value[1])):
        return {"tokens": value[0], "ner_tags": value[1]}
    tags = [pair[-1] for pair in value]
    if 2 * sum(TAG.fullmatch(tag) is not None for tag in tags) < len(tags) and not are_spelled(
        tags
    ):
        return None
    return {"tokens": [pair[0] for pair in value], "ner_tags": tags}


def are_spelled(values: Sequence[str]) -> bool:
    """RETURNS (bool): Whether all texts are tags with a prefix, like B-PER or B_PER, or O."""
    spelling = find_spelling(values)
    return spelling is not None and not spelling.bare and all(map(spelling.is_tag, values))


def columns_to_rows(value: Any, name: str, line: int) -> Iterator[Mapping[str, Any]] | None:
    """Read an object with a list per field, like {"tokens": [[…], …], "ner_tags": [[…], …]}.

    value (Any): The value.
    name (str): The file name.
    line (int): The line of the value.
    RETURNS (Iterator[Mapping] | None): The records. None if the value is a record itself.
    RAISES: InputError if the lists have different lengths.
    """
    if not isinstance(value, Mapping) or len(value) < 2:
        return None
    columns = {
        field: list(column.values()) if _is_numbered(column) else column
        for field, column in value.items()
        if _is_numbered(column) or is_list(column)
    }
    of_lists = [f for f, column in columns.items() if _holds_lists(column)]
    of_words = [f for f in of_lists if any(isinstance(w, str) for w in _first_list(columns[f]))]
    of_texts = [
        f
        for f, column in columns.items()
        if f not in of_lists and column and all(isinstance(text, str) for text in column[:20])
    ]
    numbered = any(map(_is_numbered, value.values()))
    if not (
        len(of_words) >= 1
        and len(of_lists) >= 2
        and (set(of_words) & {*WORDS, "tokenized_text"} or numbered)
        or (
            "text" in of_texts
            and (any(_holds_lists_of_entities(columns[f]) for f in of_lists) or numbered)
        )
    ):
        return None
    sizes = {field: len(column) for field, column in columns.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} in {field}" for field, size in list(sizes.items())[:6])
        raise InputError(
            f"the columns have different lengths: {found}. Each text needs an element in each "
            "column.",
            path=name,
            line=line,
        )
    return (dict(zip(columns, row)) for row in zip(*columns.values()))


def _is_numbered(column: Any) -> bool:
    """Whether a column is {"0": …, "1": …}, as pandas writes it."""
    return isinstance(column, Mapping) and bool(column) and all(str(k).isdecimal() for k in column)


def _holds_lists(column: Sequence[Any]) -> bool:
    return bool(column) and all(is_list(inner) for inner in column[:20])


def _holds_lists_of_entities(column: Sequence[Any]) -> bool:
    return all(is_list(e) or isinstance(e, Mapping) for entities in column[:20] for e in entities)


def _first_list(column: Sequence[Any]) -> Sequence[Any]:
    return next((inner for inner in column if inner), ())


def find_token_fields(
    name: str,
    first: Sequence[tuple[int, Mapping[str, Any]]],
    words: str | None,
    tags: str | None,
) -> tuple[str | None, str | None]:
    """Find the fields of words and tags by what they hold: lists of the same length, one of words
    and one of tags.

    name (str): The file name.
    first (Sequence[tuple[int, Mapping]]): The first records.
    words, tags (str | None): The fields, if they are known.
    RETURNS (tuple[str | None, str | None]): The fields. None if there is none.
    RAISES: InputError if several fields fit.
    """
    line, record = first[0]
    lists = {
        field: value
        for field in record
        if isinstance(field, str)
        and is_list(value := record[field])
        and all(is_list(other.get(field)) for _, other in first)
    }

    def held(field: str) -> list[Any]:
        return [value for _, other in first for value in other[field]]

    def same_length(one: str, other: str) -> bool:
        return all(len(r[one]) == len(r[other]) for _, r in first)

    are_tags = {}
    for field in lists:
        values = held(field)
        if values and all(isinstance(value, str) for value in values):
            # Words that look like tags are rare, and so are sentences without O.
            share = sum(TAG.fullmatch(value) is not None for value in values) / len(values)
            are_tags[field] = (
                share >= 0.9
                or ("O" in values and values.count("O") > 0.4 * len(values))
                or are_spelled(values)
            )
    if words is None:
        found = [
            f
            for f, tagged in are_tags.items()
            if not tagged
            and f != tags
            and (tags is None or (tags in lists and same_length(f, tags)))
        ]
        usual = [f for f in found if f.lower() in ("token", "word", "text", "sentence", "form")]
        words = _only(usual or found, "words", "--word-column", name, line)
    if tags is None and words is not None and words in lists:
        found = [f for f, tagged in are_tags.items() if tagged and same_length(f, words)]
        tags = _only(found, "tags", "--tag-column", name, line)
        if tags is None:
            numbers = [
                f
                for f in lists
                if f != words
                and "ner" in f.lower()
                and same_length(f, words)
                and all(isinstance(v, int) for v in held(f))
            ]
            tags = _only(numbers, "tags", "--tag-column", name, line)
    return words, tags


def _only(found: Sequence[str], what: str, option: str, name: str, line: int) -> str | None:
    if len(found) > 1:
        options = " or ".join(f"{option} {field}" for field in found[:4])
        raise InputError(
            f"several fields can have the {what}: {', '.join(found[:8])}. Set {options}.",
            path=name,
            line=line,
        )
    return found[0] if found else None
