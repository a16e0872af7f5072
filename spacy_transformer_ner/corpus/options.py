"""Options for reading a corpus."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..errors import InputError
from .tags import REPAIRS, SCHEME_NAMES, Repair, Seen, TagReader

Overlaps = Literal["refuse", "longest", "spans"]
OVERLAPS = ("refuse", "longest", "spans")
Discontinuous = Literal["refuse", "drop", "cover"]
DISCONTINUOUS = ("refuse", "drop", "cover")
Offsets = Literal["characters", "inclusive", "utf-16", "bytes", "from-1"]
OFFSETS = ("characters", "inclusive", "utf-16", "bytes", "from-1")


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a corpus. None means that the option is detected.

    format (str | None): One of formats.FORMATS.
    encoding (str | None): The encoding of text files, by its Python name.
    scheme (str | None): One of tags.SCHEME_NAMES.
    repair (str): How to handle tags that break their scheme. See `TagReader`.
    word_column, tag_column (str | None): For column files a number, counted from 1, or from
        the end as -1, or a name in the header. For records and tables the name of a field. If
        `overlaps` is "spans", `tag_column` can be several columns of a file: "3,4".
    text_field, spans_field (str | None): The fields of the text and of its entities, in records
        and tables of text.
    label_field (str | None): The field of the label in each entity.
    offsets (str | None): How the offsets of entities are counted: "characters" from 0 with an
        exclusive end, with an "inclusive" end, "from-1" with an inclusive end, or in "utf-16" units
        or UTF-8 "bytes".
    labels (tuple[str, ...] | None): The names of numbered tags in records.
    overlaps (str): How to handle entities that overlap: "refuse" the file, keep the "longest", or
        keep all of them as "spans", see `overlapping.set_entities`.
    discontinuous (str | None): How to handle entities with several parts: "refuse" the file,
        "drop" them, or "cover" all parts and what is between them with one entity. None is
        "refuse" if `overlaps` is, else "drop".
    sentences_per_document (int): Sentences per document, if the file doesn't mark documents.
    """

    format: str | None = None
    encoding: str | None = None
    scheme: str | None = None
    repair: Repair = "conlleval"
    word_column: str | None = None
    tag_column: str | None = None
    text_field: str | None = None
    spans_field: str | None = None
    label_field: str | None = None
    offsets: Offsets | None = None
    labels: tuple[str, ...] | None = None
    overlaps: Overlaps = "refuse"
    discontinuous: Discontinuous | None = None
    sentences_per_document: int = 1

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "ReadOptions":
        """Create options from the settings of a config.

        settings (Mapping[str, Any]): Options by name.
        RETURNS (ReadOptions): The options.
        RAISES: InputError if a name or value is unknown.
        """
        names = [field.name for field in fields(cls)]
        allowed = {
            "scheme": SCHEME_NAMES, "repair": REPAIRS, "offsets": OFFSETS, "overlaps": OVERLAPS,
            "discontinuous": DISCONTINUOUS,
        }  # fmt: skip
        for name, value in settings.items():
            if name not in names:
                raise InputError(
                    f"unknown option {name!r} of the corpus reader. Use one of {', '.join(names)}."
                )
            if value is not None and name in allowed and value not in allowed[name]:
                raise InputError(
                    f"{name} = {value!r} of the corpus reader: use one of "
                    f"{', '.join(allowed[name])}."
                )
        labels = settings.get("labels")
        return cls(**{**settings, "labels": None if labels is None else tuple(labels)})

    @property
    def of_parts(self) -> Discontinuous:
        """RETURNS (str): How to handle entities with several parts: "refuse", "drop" or "cover"."""
        return self.discontinuous or ("refuse" if self.overlaps == "refuse" else "drop")

    def column_number(self, what: Literal["word", "tag"]) -> int | None:
        """Get the number of a column in a column file.

        what (str): "word" or "tag".
        RETURNS (int | None): The number, if the option is set.
        RAISES: InputError if the option is not a number.
        """
        given = self.word_column if what == "word" else self.tag_column
        if given is None:
            return None
        try:
            return int(given)
        except ValueError:
            raise InputError(
                f"--{what}-column {given}: expected a number. Columns are counted from 1, or "
                "from the end as -1."
            ) from None

    def tag_notes(self, tags: TagReader) -> Iterator[tuple[str, Seen]]:
        """Describe the entities whose tags break their scheme, or are probably wrong.

        tags (TagReader): The reader, after it has read the tags.
        YIELDS (tuple[str, Seen]): The message of a note, and count and lines.
        """
        done = "dropped" if self.repair == "discard" else "read like conlleval"
        yield f"entities whose tags break {tags.scheme} were {done}", tags.illegal
        yield (
            "words with B- follow a word with the same tag, and no tag has I-: each was read as an "
            "entity. If they are one entity, write I- for all but its first word",
            tags.divided,
        )
