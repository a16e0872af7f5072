"""Detect the columns of a column file from its first lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..sources import shorten
from ..spelling import SIGNS, Spelling
from .brackets import CONLL_2012, is_conll_2012
from .column_kinds import (
    are_flags,
    counts_words,
    find_identifier,
    find_starts,
    find_words,
    have_digits,
    is_varied,
    language_prefix,
    misc_key,
    restarts,
)
from .first_rows import FirstRows, read_first_rows
from .headers import column_of, role_of
from .layout import FLAGS, Layout
from .tag_columns import TagColumns


@dataclass(frozen=True)
class Found:
    """The layout of a column file, and what is doubtful about it.

    layout (Layout): The columns.
    notes (tuple[tuple[str, int, int], ...]): Messages, each with a count and a line.
    """

    layout: Layout
    notes: tuple[tuple[str, int, int], ...] = ()


def find_layout(
    rows: Sequence[str],
    name: str,
    *,
    word_column: str | None = None,
    tag_column: str | None = None,
    bare: bool | None = None,
    labels: Sequence[str] | None = None,
) -> Found:
    """Detect the columns of a file.

    rows (Sequence[str]): The first lines of the file.
    name (str): The file name, for errors.
    word_column, tag_column (str | None): The columns of word and tag, if known. Counted from 1,
        from the end as -1, or a name in the header.
    bare (bool | None): Whether the tags are labels without a prefix, if known.
    labels (Sequence[str] | None): The tags that numbers stand for, if given.
    RETURNS (Found): The columns. They are named by the header, if there is one. Else the tag is in
        the last column that looks like tags, or if lines are numbered in the first one, which has
        the outer entities in GermEval-14.
    RAISES: InputError if there are no columns, or none looks like tags or words.
    """
    if is_conll_2012(rows) and word_column is tag_column is None:
        return Found(CONLL_2012)
    given = (word_column, tag_column)
    titles = {column.lower() for column in given if column and not _is_number(column)}
    return _Finder(
        read_first_rows(rows, name, titles), name, word_column, tag_column, bare, labels
    ).found()


class _Finder:
    """Decides about the columns of one file. Takes the parameters of `find_layout`."""

    def __init__(
        self,
        first: FirstRows,
        name: str,
        word_column: str | None,
        tag_column: str | None,
        bare: bool | None,
        labels: Sequence[str] | None,
    ):
        self.first = first
        self.name = name
        self.bare = bare
        self.word_column = word_column
        self.tag_column = tag_column
        self.notes: list[tuple[str, int]] = []
        self.roles = first.roles or (None,) * first.columns
        self.numbered = (
            first.columns > 2
            and self.roles[0] not in ("sentence", "document")
            and counts_words(first.values[0], first.blocks)
        )
        self.misc = self._misc()
        self.flagged = tuple(
            column
            for column, counts in enumerate(first.counts)
            if column == self.misc or are_flags(counts)
        )
        held = (cell for column in self.flagged for cell in first.counts[column])
        self.flags = FLAGS.intersection(flag for cell in held for flag in cell.split("|"))
        self.tags = TagColumns(
            first,
            name,
            roles=self.roles,
            numbered=self.numbered,
            in_order=self.numbered or bool(self.flags),
            misc=self.misc,
            bare=bare,
            labels=labels,
        )

    def found(self) -> Found:
        """RETURNS (Found): The layout.
        RAISES: InputError if there are no words or tags."""
        first = self.first
        tag, key = self._tag()
        if key:
            spelling: Spelling | None = Spelling(bare=bool(self.bare))
        else:
            spelling = self.tags.spelling(tag, self.tag_column is not None)
        brackets = not key and spelling is None
        spelling = spelling or Spelling()
        word = self._word(tag)
        if word == tag:
            raise self._wrong(
                f"word and tag cannot both be in column {word + 1}. Set --word-column and "
                "--tag-column."
            )
        header = first.header or self._half_a_header(word, tag, spelling)
        sentence, document = self._identifiers(word, tag)
        for mark in first.marks:
            if mark:
                self._note(f"cells end with {mark!r}, which was removed", len(first.lines))
        if not key and self.tag_column is None:
            self.tags.note_others(tag)
        label = self.tags.label(tag) if spelling.unlabelled else None
        if spelling.example and label is None:
            self._note(f"words have tags like {spelling.example!r}, which were read as "
                       f"{spelling.normal(spelling.example)!r}", len(first.lines))  # fmt: skip
        with_digit = have_digits(first.values[word])
        if with_digit:
            self._note("words end with a digit, which was removed", len(first.lines))
        attributes = () if self.misc is None else first.counts[self.misc]
        layout = Layout(
            first.separator,
            first.columns,
            word,
            tag,
            spelling,
            self.numbered,
            self.misc,
            key,
            spaced=self.misc is not None
            and (
                "misc" in self.roles
                or bool(self.flags)
                or any("SpaceAfter=No" in note for note in attributes)
            ),
            labels=frozenset(first.counts[tag] if spelling.bare else ()),
            prefix=language_prefix(first.values[word]),
            marks=first.marks,
            label=label,
            with_digit=with_digit,
            others=() if key else tuple(i for i in self.tags.filled if i not in (tag, word)),
            nested=() if key else self._nested(word, tag),
            sentence=sentence,
            document=document,
            restart=None if sentence is not None else self._restart({word, tag, self.misc}),
            header=header,
            quoted=first.quoted,
            brackets=brackets,
            flags=self.flags,
            flagged=self.flagged,
        )
        line = first.lines[0]
        notes = (*self.tags.notes, *self.notes)
        return Found(layout, tuple((message, count, line) for message, count in notes))

    def _nested(self, word: int, tag: int) -> tuple[int, ...]:
        """Get the columns of entities within others."""
        titles, counts = self.first.titles, self.first.counts
        if titles:
            return tuple(i for i in range(tag + 1, len(titles)) if titles[i] == titles[tag])
        is_germeval = self.numbered and self.misc is None and (word, tag, len(counts)) == (1, 2, 4)
        is_tags = 3 in self.tags.filled or set(map(str.lower, counts[-1])) <= SIGNS
        return (3,) if is_germeval and is_tags else ()

    def _misc(self) -> int | None:
        if "misc" in self.roles:
            return self.roles.index("misc")
        for column, counts in enumerate(self.first.counts):
            if are_flags(counts):
                return column
        return 9 if self.numbered and self.first.columns >= 10 else None

    def _tag(self) -> tuple[int, str]:
        """RETURNS (tuple[int, str]): The column of the tag, and its key if that is MISC."""
        if self.tag_column is not None:
            tag = self._position(self.tag_column, "tag")
            return tag, misc_key(self.first.values[tag]) if tag == self.misc else ""
        if self.misc is not None and not {"tag", "gold"} & set(self.roles):
            key = misc_key(self.first.values[self.misc])
            if key:
                return self.misc, key
        return self.tags.find(), ""

    def _word(self, tag: int) -> int:
        first = self.first
        if self.word_column is not None:
            return self._position(self.word_column, "word")
        named = column_of(self.roles, "word", "text")
        if named is not None and named != tag:
            return named
        known = [i for i, role in enumerate(self.roles) if role is not None]
        others = [
            i
            for i, s in enumerate(self.tags.spellings)
            if s and (i in self.tags.filled or not s.bare)
        ]
        taken = {tag, self.misc, *known, *others, *([0] if self.numbered else [])}
        usual = 1 if self.numbered or tag == 0 else 0
        if first.columns - len({tag, *([0] if self.numbered else [])}) == 1 or language_prefix(
            first.values[usual]
        ):
            return usual
        found = find_words(first, sorted(i for i in taken if i is not None))
        if found is None:
            if is_varied(first.counts[usual]) and usual not in (tag, self.misc):
                return usual
            raise self._wrong(
                f"no column looks like words: {first.row(0)}. Set the column of the words with "
                "--word-column."
            )
        word, before = found
        if before and word != usual:
            self._note(
                f"column of words was found by its contents: column {word + 1}, because column "
                f"{usual + 1} has {before}. Set another one with --word-column"
            )
        return word

    def _half_a_header(self, word: int, tag: int, spelling: Spelling) -> tuple[str, ...]:
        """Get the first row if it is a header of which only one name is known."""
        first = self.first
        title = first.values[tag][0]
        names_words = role_of(first.values[word][0]) in ("word", "text")
        if (
            not (names_words or role_of(title) in ("tag", "gold"))
            or first.counts[tag][title] > 1
            or len(first.lines) < 2
            or spelling.normal(title) == "O"
            or (spelling.is_tag(title) and not spelling.bare)
        ):
            return ()
        self._note(f"line was read as the names of the columns: {first.row(0)}")
        return (first.opening,)

    def _identifiers(self, word: int, tag: int) -> tuple[int | None, int | None]:
        """Get the columns that identify sentence and document."""
        first = self.first
        sentence, document = (column_of(self.roles, role) for role in ("sentence", "document"))
        if "sentence" in self.roles or "document" in self.roles:
            return sentence, document
        free = set(range(first.columns)) - {word, tag, self.misc, *self.tags.filled}
        free -= {0} if self.numbered else set()
        found = [
            identifier
            for i in sorted(free)
            if self.roles[i] in (None, "index") and (identifier := find_identifier(first, i))
        ]
        starts = find_starts(first)
        if found and len(starts) == 1:
            # There are no blank lines.
            finest = max(found, key=lambda identifier: len(identifier.starts))
            sentence, starts = finest.column, set(finest.starts)
        document = next(
            (i.column for i in found if i.column != sentence and set(i.starts) < starts), None
        )
        for what, column in (("sentence", sentence), ("document", document)):
            if column is not None:
                self._note(
                    f"column was read as the identifier of the {what}: column {column + 1}, e.g. "
                    f"{shorten(first.values[column][0], 30)}. If it is not, remove the column"
                )
        return sentence, document

    def _restart(self, taken: set[int | None]) -> tuple[int, str] | None:
        """Get the column that numbers the words of each sentence, and the first number, if there
        are no blank lines."""
        if len(find_starts(self.first)) > 1:
            return None
        free = [i for i in range(self.first.columns) if i not in taken]
        found = [i for i in free if self.roles[i] in (None, "index", "other")]
        column = next((i for i in found if restarts(self.first, i)), None)
        return None if column is None else (column, self.first.values[column][0])

    def _position(self, column: str, what: str) -> int:
        titles = [title.lower() for title in self.first.titles]
        if column.lower() in titles:
            return titles.index(column.lower())
        try:
            number = int(column)
        except ValueError:
            names = f", or one of {', '.join(self.first.titles)}" if titles else ""
            raise InputError(
                f"--{what}-column {column}: expected a number{names}. Columns are counted from 1, "
                "or from the end as -1.",
                path=self.name,
            ) from None
        columns = self.first.columns
        position = number - 1 if number > 0 else columns + number
        if number == 0 or not 0 <= position < columns:
            raise InputError(
                f"no column {column} for the {what}: most lines have {columns} columns. Columns "
                "are counted from 1, or from the end as -1.",
                path=self.name,
            )
        return position

    def _note(self, message: str, count: int = 1) -> None:
        self.notes.append((message, count))

    def _wrong(self, message: str) -> InputError:
        return InputError(message, path=self.name, line=self.first.lines[0])


def _is_number(column: str) -> bool:
    return column.lstrip("-").isdecimal()
