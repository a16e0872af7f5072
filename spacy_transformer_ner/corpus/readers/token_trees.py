"""Tokens as objects with their tags: spaCy 2's JSON, and the output of Stanza and CoreNLP."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..spelling import TAG
from .entities import offset
from .fields import is_list, simple
from .token_fields import are_spelled

if TYPE_CHECKING:
    from .dialects import Context, Rows

# Fields of a token, simplified.
WORDS = ("orth", "word", "text", "token", "form", "originaltext", "surface", "value")
TOKENS = ("tokens", "words")
NER = ("ner", "nertag", "nerlabel", "nertype", "iob", "bio", "iobtag", "entityiob")
SPACES = ("ws", "whitespace", "spaceafter")
STARTS = ("startchar", "characteroffsetbegin", "start", "startoffset", "idx")
ENDS = ("endchar", "characteroffsetend", "end", "endoffset")


def is_spacy2(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is a document in spaCy 2's JSON."""
    return is_list(found := record.get("paragraphs")) and any(
        isinstance(paragraph, Mapping) and is_list(paragraph.get("sentences"))
        for paragraph in found
    )


def read_spacy2(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a document. Each paragraph becomes a document, as in spaCy 2.

    record (Mapping): The document.
    context (Context): Collects notes.
    YIELDS (Mapping): A record with words, tags and spaces per sentence.
    """
    for number, paragraph in enumerate(record.get("paragraphs") or ()):
        if not isinstance(paragraph, Mapping) or not is_list(paragraph.get("sentences")):
            raise context.wrong(
                "expected a list of sentences in each paragraph. Fix this document."
            )
        made = []
        for sentence in paragraph["sentences"]:
            tokens = sentence.get("tokens") if isinstance(sentence, Mapping) else None
            if not is_list(tokens) or not all(isinstance(t, Mapping) for t in tokens):
                raise context.wrong(
                    "expected a list of tokens in each sentence. Fix this document."
                )
            words = [token.get("orth") for token in tokens]
            tags = [token.get("ner", "-") for token in tokens]
            if "-" in tags:
                context.note("sentences with tokens without entity annotation (-) were read as O")
                tags = ["O" if tag == "-" else tag for tag in tags]
            made.append({"tokens": words, "ner_tags": tags})
        spaces = _spaces_in(paragraph.get("raw"), [w for s in made for w in s["tokens"]])
        for found in made:
            if spaces is not None:
                found["spaces"] = spaces[: len(found["tokens"])]
                del spaces[: len(found["tokens"])]
            if found["tokens"]:
                yield {**found, "document_id": f"{context.line}.{record.get('id', 0)}.{number}"}


def _spaces_in(text: Any, words: Sequence[Any]) -> list[bool] | None:
    """Find out which words are followed by whitespace. None if the text has other words."""
    if not isinstance(text, str):
        return None
    spaces: list[bool] = []
    position = 0
    for word in words:
        start = text.find(word, position) if isinstance(word, str) else -1
        if start < 0 or text[position:start].strip():
            return None
        if spaces:
            spaces[-1] = start > position
        spaces.append(False)
        position = start + len(word)
    return spaces


def is_tree(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it has a list of tokens as objects with a word and a tag."""
    return _field_of_tokens(record) is not None


def _field_of_tokens(record: Mapping[str, Any]) -> str | None:
    """Find the field of the tokens. If it has another name than tokens or words, a tag must be O,
    so that it has not only entities."""
    names = [name for name in record if isinstance(name, str) and name not in TOKENS]
    for name in (*TOKENS, *names):
        tokens = [token for sentence in _sentences(record, (name,)) for token in sentence]
        if not tokens or _word_field(tokens) is None or (tag := _tag_field(tokens)) is None:
            continue
        if name in TOKENS or "O" in (token[tag] for token in tokens):
            return name
    return None


def _sentences(record: Mapping[str, Any], fields: Sequence[str]) -> list[list[Mapping[str, Any]]]:
    inner = record.get("sentences")
    is_outer = is_list(inner) and "sentences" not in fields
    parts = [p for p in inner or () if isinstance(p, Mapping)] if is_outer else [record]
    found = []
    for part in parts:
        tokens = next((part[f] for f in fields if is_list(part.get(f))), ())
        if not all(isinstance(token, Mapping) for token in tokens):
            return []
        found.append(list(tokens))
    return [sentence for sentence in found if sentence]


def _word_field(tokens: Sequence[Mapping[str, Any]]) -> str | None:
    names = {simple(name): name for name in tokens[0]}
    found = (names[name] for name in WORDS if name in names)
    return next((f for f in found if all(isinstance(t.get(f), str) for t in tokens)), None)


def _tag_field(tokens: Sequence[Mapping[str, Any]]) -> str | None:
    """Find the field of the tags: one with a usual name, or one that holds only tags."""
    names = {simple(name): name for name in tokens[0]}
    for name in NER:
        if name in names and all(isinstance(t.get(names[name]), str) for t in tokens):
            return names[name]
    for name in (name for key, name in names.items() if key not in WORDS):
        tags = [tag for t in tokens if isinstance(tag := t.get(name), str)]
        if len(tags) == len(tokens) and (all(map(TAG.fullmatch, tags)) or are_spelled(tags)):
            return name
    return None


def tag_field(
    first: Sequence[tuple[int, Mapping[str, Any]]], rows: "Rows", context: "Context"
) -> tuple[str, str, tuple[str, ...]]:
    """Find the fields of word and tag.

    first (Sequence[tuple[int, Mapping]]): The first records.
    rows (Callable): Not used.
    context (Context): The options.
    RETURNS (tuple[str, str, tuple[str, ...]]): The fields of a token, and those of the tokens.
    """
    words: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    held = Counter(filter(None, (_field_of_tokens(record) for _, record in first)))
    name = held.most_common(1)[0][0]
    fields = TOKENS if name in TOKENS else (name,)
    for _, record in first:
        for sentence in _sentences(record, fields):
            words.update(filter(None, [_word_field(sentence)]))
            tags.update(filter(None, [_tag_field(sentence)]))
    options = context.options
    return (
        options.word_column or words.most_common(1)[0][0],
        options.tag_column or tags.most_common(1)[0][0],
        fields,
    )


def read_tree(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a record.

    record (Mapping): The record.
    context (Context): The fields of word and tag.
    YIELDS (Mapping): A record with words and tags per sentence.
    """
    word_field, tag, fields = context.state
    sentences = _sentences(record, fields)
    if not sentences and not any(record.get(field) == [] for field in (*fields, "sentences")):
        raise context.wrong("expected a list of tokens with words and tags. Fix this record.")
    of_document: dict[str, Any] = {"document_id": context.line} if "sentences" in record else {}
    for field in ("document_id", "doc_id"):
        if field in record:
            of_document = {field: record[field]}
    for tokens in sentences:
        found = {
            "tokens": [token.get(word_field) for token in tokens],
            "ner_tags": [token.get(tag) for token in tokens],
            **of_document,
        }
        spaces = [_space(token, after) for token, after in zip(tokens, [*tokens[1:], None])]
        yield found if None in spaces else {**found, "spaces": spaces}


def _space(token: Mapping[str, Any], after: Mapping[str, Any] | None) -> bool | None:
    """Find out whether a token is followed by whitespace. None if it is not known."""
    names = {simple(name): value for name, value in token.items()}
    for name in SPACES:
        if name in names:
            return bool(names[name])
    if isinstance(names.get("after"), str):
        return bool(names["after"])
    if after is None:
        return True
    next_names = {simple(name): value for name, value in after.items()}
    end = next((n for f in ENDS if (n := offset(names.get(f))) is not None), None)
    start = next((n for f in STARTS if (n := offset(next_names.get(f))) is not None), None)
    return None if start is None or end is None else start > end
