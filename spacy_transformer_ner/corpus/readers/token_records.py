"""Records with words and tags, as in Hugging Face's datasets."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...errors import InputError
from .. import sources
from ..documents import MAX_WORDS, Document, Sentence
from ..labels import by_number
from ..notes import Note, Notes
from ..options import ReadOptions
from ..sources import shorten
from ..spelling import Spelling, find_spelling, looks_bare
from ..tags import IllegalTags, TagReader
from .entities import offset
from .fields import is_list
from .offsets import check_characters
from .rows import note_marks
from .token_fields import as_list

# Names of the field with the document's ID.
DOCUMENT = ("document_id", "doc_id")
# Words that a tokenizer added.
SPECIAL = frozenset(("[CLS]", "[SEP]", "[PAD]"))
# The field with more lists of tags, for entities within others.
NESTED = "nested_ner_tags"
# The field that says which words are followed by a space.
SPACES = "spaces"


class TokenRecords:
    """Reads records with a list of words and a list of tags. Each record is a sentence.

    name (str): The file name.
    records (Iterable[tuple[int, Mapping]]): The records, each with its line or row number.
        Iterated more than once.
    words, tags (str): The fields with words and tags.
    options (ReadOptions): How to read the records.
    labels (Callable): Returns the names of numbered tags by field. The key "" is for any field.
    first (Sequence[tuple[int, Mapping]]): The first records.
    kind (str | None): The format, in words.
    RAISES: InputError if the tags are numbers without names.
    """

    encoding: str | None = None

    def __init__(
        self,
        name: str,
        records: Iterable[tuple[int, Mapping[str, Any]]],
        words: str,
        tags: str,
        options: ReadOptions,
        labels: Callable[[], Mapping[str, Sequence[str]]],
        first: Sequence[tuple[int, Mapping[str, Any]]],
        kind: str | None = None,
    ):
        self.name = name
        self.kind = kind
        self.records = records
        self.words_field = words
        self.tags_field = tags
        self.options = options
        seen = [
            (line, tag)
            for line, record in first
            if is_list(found := as_list(record.get(tags)))
            for tag in found
        ]
        self._names: dict[int, str] | None = None
        if seen and not isinstance(seen[0][1], str | int | None):
            raise InputError(
                f"expected one tag per word in {tags}, found {shorten(repr(seen[0][1]), 40)}. "
                "Entities with offsets need a text. Set the fields with --word-column and "
                "--tag-column.",
                path=name,
                line=seen[0][0],
            )
        if seen and all(offset(tag) is not None for _, tag in seen[:100]):
            names = options.labels or labels().get(tags) or labels().get("")
            if names is None:
                raise InputError(
                    f"{tags} are numbers without names. Pass the tags in order with --labels "
                    "O,B-PER,I-PER,…, or a file with them.",
                    path=name,
                    line=seen[0][0],
                )
            numbers = by_number(names, {0})
            assert numbers is not None
            self._names = numbers
        self._scheme = options.scheme
        self._spelling = Spelling()
        if self._names is None:
            is_bare = None if self._scheme is None else self._scheme == "bare"
            found_tags = Counter(tag or "" for _, tag in seen if isinstance(tag, str | None))
            self._spelling = find_spelling(found_tags, is_bare) or self._spelling
        if self._scheme is None:
            found = [self._spelling.normal(tag) for _, tag in seen if isinstance(tag, str)]
            if self._names is not None:
                # Add more O, because each name is in the list only once.
                listed = list(self._names.values())
                found = [*listed, *(["O"] * len(listed) if "O" in listed else [])]
            self._scheme = "bare" if looks_bare(found) else None
        self.tags = TagReader(self._scheme)
        self._notes = Notes(name)
        self.marks_documents = any(field in first[0][1] for field in DOCUMENT)

    @property
    def format(self) -> str:
        """RETURNS (str): The format, in words."""
        return self.kind or f"records of {self.words_field} and {self.tags_field}"

    @property
    def names(self) -> dict[int, str] | None:
        """RETURNS (dict[int, str] | None): The tags by number. None if tags are strings."""
        return self._names

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was fixed or skipped."""
        for message, seen in self.options.tag_notes(self.tags):
            self._notes.take(message, seen)
        more = getattr(self.records, "notes", None)
        return [*(more.notes() if isinstance(more, Notes) else ()), *self._notes.notes()]

    def __iter__(self) -> Iterator[Document]:
        if self.options.repair != "conlleval" and self._scheme is None:
            # The scheme is detected from the whole file.
            for _ in self._sentences():
                pass
            self._scheme = self.tags.scheme
        self.tags = TagReader(self._scheme, self.options.repair)
        self._notes = Notes(self.name)
        sentences: list[Sentence] = []
        current: object = None
        words = characters = 0
        for document, sentence in self._sentences():
            ends = (
                len(sentences) >= self.options.sentences_per_document
                if document is None
                else document != current
            )
            if sentences and (
                ends
                or words + len(sentence.words) > MAX_WORDS
                or characters > sources.LONGEST_RECORD
            ):
                yield self._document(sentences, current)
                sentences, words, characters = [], 0, 0
            current = document
            sentences.append(sentence)
            words += len(sentence.words)
            characters += sum(map(len, sentence.words))
        if not sentences:
            raise InputError("contains no tagged words. Is it the right file?", path=self.name)
        yield self._document(sentences, current)

    def _document(self, sentences: list[Sentence], number: object) -> Document:
        return Document(tuple(sentences), self.name, "" if number is None else str(number))

    def _sentences(self) -> Iterator[tuple[object, Sentence]]:
        """Yield the ID of the document, or None, and the sentence."""
        for line, record in self.records:
            sentence = self._sentence(record, line)
            if sentence is not None:
                yield next((record[f] for f in DOCUMENT if f in record), None), sentence

    def _sentence(self, record: Mapping[str, Any], line: int) -> Sentence | None:
        words = self._list(record, self.words_field, line)
        tags = self._list(record, self.tags_field, line)
        nested = record.get(NESTED) or ()
        if len(words) != len(tags):
            raise self._wrong(
                f"found {len(words)} {self.words_field}, but {len(tags)} {self.tags_field}. Each "
                "word needs one tag.",
                line,
            )
        if len(words) > MAX_WORDS:
            raise self._wrong(
                f"sentence of {len(words):,} words, more than {MAX_WORDS:,}. Split it into several "
                "records: a record is one sentence.",
                line,
            )
        given = record.get(SPACES)
        spaces = given if is_list(given) and len(given) == len(words) else None
        kept_words: list[str] = []
        kept_tags: list[tuple[str, str]] = []
        kept_nested: list[tuple[tuple[str, str], ...]] = []
        kept_spaces: list[bool] = []
        for i, (word, tag) in enumerate(zip(words, tags)):
            if not isinstance(word, str):
                raise self._wrong(
                    f"expected strings in {self.words_field}, found {shorten(repr(word), 40)}.",
                    line,
                )
            check_characters(word, self.name, line)
            if word in SPECIAL:
                self._notes.add("special tokens like [CLS] and [SEP] were skipped", line)
                continue
            split = self._split(tag, line)
            if word.strip():
                kept_words.append(word)
                kept_tags.append(split)
                kept_nested.append(tuple(self._split(layer[i], line) for layer in nested))
                if spaces is not None:
                    kept_spaces.append(bool(spaces[i]))
            else:
                self._notes.add("empty words were skipped", line)
        if not kept_words:
            return None
        note_marks(kept_words, (line, line), self._notes)
        lines = (line,) * len(kept_words)
        try:
            found = tuple(
                span
                for layer in (kept_tags, *zip(*kept_nested))
                for span in self.tags.read(layer, lines)
            )
        except IllegalTags as error:
            raise self._wrong(str(error), line) from None
        return Sentence(
            tuple(kept_words), found, lines, None if spaces is None else tuple(kept_spaces)
        )

    def _list(self, record: Mapping[str, Any], field: str, line: int) -> Sequence[Any]:
        value = as_list(record.get(field))
        if not is_list(value):
            found = "nothing" if value is None else shorten(repr(value), 40)
            raise self._wrong(f"expected a list in {field}, found {found}.", line)
        return value

    def _split(self, tag: Any, line: int) -> tuple[str, str]:
        if self._names is not None:
            number = offset(tag)
            if number is None:
                raise self._wrong(
                    f"expected numbers in {self.tags_field}, found {shorten(repr(tag), 40)}.", line
                )
            if number not in self._names:
                raise self._wrong(
                    f"the tag {number} has no name. The list has {len(self._names)} tags, counted "
                    f"from 0 ({', '.join(list(self._names.values())[:6])}…). Pass all of them with "
                    "--labels.",
                    line,
                )
            tag = self._names[number]
        known = self.tags.known.get(tag) if isinstance(tag, str) else None
        if known is not None:
            return known
        if not isinstance(tag, str | None):
            raise self._wrong(
                f"expected strings in {self.tags_field}, found {shorten(repr(tag), 40)}.", line
            )
        spelling = self._spelling
        normal = spelling.normal(tag or "")
        if normal == "O" and self._names is None:
            self._notes.add(f"words have the tag {tag!r}, which was read as O", line)
        elif spelling.example and normal != tag:
            self._notes.add(
                f"words have tags like {spelling.example!r}, which were read as "
                f"{spelling.normal(spelling.example)!r}",
                line,
            )
        try:
            return self.tags.split(normal)
        except ValueError as error:
            raise self._wrong(str(error), line) from None

    def _wrong(self, message: str, line: int) -> InputError:
        return InputError(message, path=self.name, line=line)
