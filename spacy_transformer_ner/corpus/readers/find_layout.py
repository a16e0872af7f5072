"""Detect the columns of a column file from its first lines."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..sources import shorten
from ..spelling import (
    MOST_LABELS,
    SIGNS,
    TAG,
    Spelling,
    advice,
    find_spelling,
    looks_bare,
    named_numbers,
)
from .column_kinds import counts_words, find_identifier, find_words
from .first_rows import FirstRows, read_first_rows
from .headers import Role, column_of, role_of
from .layout import FLAGS, Layout, split_row

# Labels of syntactic chunks in CoNLL-2000 and CoNLL-2003, and of clauses in LST20, which are tagged
# like entities.
CHUNKS = frozenset(
    ["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "CLS"]
)
# A key in the MISC column with tags as values.
MISC_TAG = re.compile(r"(?:^|\|)([A-Za-z][\w:-]*)=(?:O|[BIESLUMW]-[^|\s]+)(?=\||$)")
MISC_KEYS = frozenset(("ne", "ner", "entity", "named_entity", "name", "iob", "bio"))
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*:(?=.)")
# A cell of a column of brackets, e.g. "(PERSON*", "*)" or "(GPE)".
BRACKETS = re.compile(r"((?:\([^()*\s]+)*)\*?(\)*)")
# Brackets of syntax and semantic roles, not of entities.
SYNTAX = re.compile(r"[SV]|TOP|.*P|S[A-Z]+|WH\w+|FRAG|INTJ|[RC]-.*|ARG.*|V|PRN|PRT|LST|X")
# CoNLL-2012: words and brackets are always in these columns, and more columns follow.
CONLL_2012_WORD, CONLL_2012_TAG = 3, 10


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
    if _is_conll_2012(rows) and word_column is tag_column is None:
        return Found(
            Layout(
                " ",
                CONLL_2012_TAG + 1,
                CONLL_2012_WORD,
                CONLL_2012_TAG,
                brackets=True,
                longer=True,
            )
        )
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
        self.notes: list[tuple[str, int, int]] = []
        self.roles = first.roles or (None,) * first.columns
        self.numbered = (
            first.columns > 2
            and self.roles[0] not in ("sentence", "document")
            and counts_words(first.values[0], first.blocks)
        )
        self.misc = self._misc()
        self.flags = frozenset(
            flag
            for cell in (first.counts[self.misc] if self.misc is not None else ())
            for flag in cell.split("|")
            if flag in FLAGS
        )
        self.spellings = [
            find_spelling(counts, bare) or _named_bare(counts, role, bare)
            for counts, role in zip(first.counts, self.roles)
        ]
        if labels:
            numbered = [named_numbers(counts, labels) for counts in first.counts]
            self.spellings = [a or b for a, b in zip(self.spellings, numbered)]
            if self.numbered:
                self.spellings[0] = None
        # Columns with entities, without syntactic chunks and columns of words like B-12.
        self.filled = [i for i in range(first.columns) if self._has_entities(i)]
        if len(self.filled) == first.columns:
            self.filled.remove(min(self.filled, key=self._likeness))

    def found(self) -> Found:
        """RETURNS (Found): The layout.
        RAISES: InputError if there are no words or tags."""
        first = self.first
        tag, key = self._tag()
        spelling = self._spelling(tag, key)
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
        self._note_others(tag, key)
        label = self._label(tag) if spelling.unlabelled else None
        if spelling.example and label is None:
            self._note(f"words have tags like {spelling.example!r}, which were read as "
                       f"{spelling.normal(spelling.example)!r}", len(first.lines))  # fmt: skip
        with_digit = _have_digits(first.values[word])
        if with_digit:
            self._note("words end with a digit, which was removed", len(first.lines))
        notes = () if self.misc is None else first.counts[self.misc]
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
                or any("SpaceAfter=No" in note for note in notes)
            ),
            labels=frozenset(first.counts[tag] if spelling.bare else ()),
            prefix=_prefix(first.values[word]),
            marks=first.marks,
            label=label,
            with_digit=with_digit,
            others=() if key else tuple(i for i in self.filled if i not in (tag, word)),
            sentence=sentence,
            document=document,
            header=header,
            quoted=first.quoted,
            brackets=brackets,
            flags=self.flags,
        )
        return Found(layout, tuple(self.notes))

    def _misc(self) -> int | None:
        if "misc" in self.roles:
            return self.roles.index("misc")
        for column, counts in enumerate(self.first.counts):
            held = {flag for cell in counts for flag in cell.split("|")}
            if held & FLAGS and held <= FLAGS | {"_", ""}:
                return column
        return 9 if self.numbered and self.first.columns >= 10 else None

    def _has_entities(self, column: int) -> bool:
        spelling = self.spellings[column]
        if spelling is None or column == self.misc:
            return False
        if spelling.bare and not spelling.names:
            return False
        tags = {spelling.normal(tag) for tag in self.first.counts[column]} - {"O"}
        if spelling.names:
            return bool(tags)
        labels = {tag[2:] for tag in tags if TAG.fullmatch(tag)}
        return bool(tags) and not labels <= CHUNKS

    def _likeness(self, column: int) -> tuple[int, int]:
        """How much a column is like tags: the number of O, and few different values."""
        counts = self.first.counts[column]
        return sum(counts[tag] for tag in self.spellings[column].outside), -len(counts)

    def _tag(self) -> tuple[int, str]:
        """RETURNS (tuple[int, str]): The column of the tag, and its key if that is MISC."""
        if self.tag_column is not None:
            tag = self._position(self.tag_column, "tag")
            return tag, _misc_key(self.first.values[tag]) if tag == self.misc else ""
        named = self._named_tag()
        if named is not None:
            return named, ""
        if self.misc is not None and (key := _misc_key(self.first.values[self.misc])):
            return self.misc, key
        likely = self._likely_tags()
        if not likely:
            raise _no_tags(self.first, self.name)
        return likely[0 if self.numbered or self.flags else -1], ""

    def _named_tag(self) -> int | None:
        """Get the column that the header names as the tag: the one with the gold tags, or else
        the first one with entities."""
        for role in ("gold", "tag", "prediction"):
            columns = [i for i, r in enumerate(self.roles) if r == role]
            likely = [i for i in columns if self.spellings[i] or self._is_brackets(i)]
            # A column without entities can be any sign.
            likely += [i for i in columns if set(map(str.lower, self.first.counts[i])) <= SIGNS]
            if likely:
                tag = next((i for i in likely if i in self.filled), likely[0])
                if role == "prediction":
                    self._note(
                        f"column is named like predictions ({shorten(self.first.titles[tag])}), "
                        "and was read as the tags. Set another one with --tag-column"
                    )
                return tag
        return None

    def _likely_tags(self) -> list[int]:
        """Get the columns that can be the tags, best last."""
        columns = [i for i in range(self.first.columns) if self.roles[i] in (None, "text")]
        spelled = [i for i in columns if (s := self.spellings[i]) and not s.bare]
        bare = [i for i in columns if (s := self.spellings[i]) and s.bare]
        brackets = [i for i in columns if self._is_brackets(i)]
        chunks = [i for i in spelled if set(self.first.counts[i]) != {"O"}]
        choices = (
            self._pair() or self._fullest([i for i in self.filled if i in columns]),
            [i for i in bare if "O" in self.first.counts[i]],
            brackets,
            [i for i in spelled if i not in chunks],
            bare,
            columns[-1:] if self.bare else [],
        )
        found = next((choice for choice in choices if choice), [])
        if not found and chunks:
            self._note(
                "column has syntactic chunks, not entities, and was read as the tags. Set another "
                "one with --tag-column",
            )
        return found or chunks

    def _fullest(self, columns: list[int]) -> list[int]:
        """Leave out columns with far fewer entities than another, like nested entities."""
        numbers = {i: sum(tag != "O" for tag in self._normal(i)) for i in columns}
        most = max(numbers.values(), default=0)
        return [i for i, n in numbers.items() if 2 * n >= most]

    def _pair(self) -> list[int]:
        """Get the first of two columns of tags that mostly agree, as conlleval has gold tags and
        predictions."""
        if len(self.filled) != 2 or self.numbered or any(self.roles):
            return []
        a, b = (self._normal(i) for i in self.filled)
        pairs = [(x, y) for x, y in zip(a, b) if (x, y) != ("O", "O")]
        known = {x[2:] for x, _ in pairs}
        same = sum(x[2:] == y[2:] for x, y in pairs)
        other = sum(y != "O" and y[2:] not in known for _, y in pairs)
        if a == b or 2 * same < len(pairs) or other > 0.1 * len(pairs):
            return []
        return self.filled[:1]

    def _normal(self, column: int) -> list[str]:
        spelling = self.spellings[column]
        assert spelling is not None
        return [spelling.normal(tag) for tag in self.first.values[column]]

    def _is_brackets(self, column: int) -> bool:
        return _is_brackets(self.first.counts[column])

    def _spelling(self, tag: int, key: str) -> Spelling | None:
        """Get the spelling of the tags. None if they are brackets."""
        counts = self.first.counts[tag]
        if key:
            return Spelling(bare=bool(self.bare))
        found = self.spellings[tag]
        if found is None:
            if self._is_brackets(tag):
                return None
            if set(map(str.lower, counts)) <= SIGNS:
                found = Spelling(frozenset(counts), bare=bool(self.bare))
            elif self.bare and self.tag_column is None:
                raise self._wrong(
                    f"no word has the tag O in column {tag + 1}, but {_examples(counts)}. Set the "
                    "tag's column with --tag-column."
                )
            else:
                # Each wrong tag is an error with its line.
                return Spelling(bare=bool(self.bare))
        if "O" not in found.outside and not found.names and not self.numbered:
            signs = " and ".join(sorted(map(repr, found.outside)))
            outside = sum(counts[sign] for sign in found.outside)
            self._note(f"words have the tag {signs}, which was read as O", outside)
        return found

    def _label(self, tag: int) -> int | None:
        """Get the column of the labels, if the tags are only prefixes."""
        spelling = self.spellings[tag]
        assert spelling is not None
        is_outside = [spelling.normal(cell) == "O" for cell in self.first.values[tag]]
        for column, counts in enumerate(self.first.counts):
            cells = self.first.values[column]
            signs = {cell for cell, o in zip(cells, is_outside) if o}
            labels = {cell for cell, o in zip(cells, is_outside) if not o}
            if (
                column != tag
                and all(sign == "O" or sign.lower() in SIGNS for sign in signs)
                and all(label[:1].isalpha() for label in labels)
                and signs.isdisjoint(labels)
                and len(labels) <= MOST_LABELS
                and counts.total() > len(counts)
            ):
                return column
        return None

    def _word(self, tag: int) -> int:
        first = self.first
        if self.word_column is not None:
            return self._position(self.word_column, "word")
        named = column_of(self.roles, "word", "text")
        if named is not None and named != tag:
            return named
        known = [i for i, role in enumerate(self.roles) if role is not None]
        others = [i for i, s in enumerate(self.spellings) if s and (i in self.filled or not s.bare)]
        taken = {tag, self.misc, *known, *others, *([0] if self.numbered else [])}
        usual = 1 if self.numbered or tag == 0 else 0
        if first.columns - len({tag, *([0] if self.numbered else [])}) == 1 or _prefix(
            first.values[usual]
        ):
            return usual
        found = find_words(first, sorted(i for i in taken if i is not None))
        if found is None:
            if _is_varied(first.counts[usual]) and usual not in (tag, self.misc):
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
        free = set(range(first.columns)) - {word, tag, self.misc, *self.filled}
        free -= {0} if self.numbered else set()
        found = [
            identifier
            for i in sorted(free)
            if self.roles[i] in (None, "index") and (identifier := find_identifier(first, i))
        ]
        starts = _starts(first)
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

    def _note_others(self, tag: int, key: str) -> None:
        """Warn about other columns with different tags."""
        if key or self.tag_column is not None or self.spellings[tag] is None:
            return
        mine = self._normal(tag)
        n_mine = sum(t != "O" for t in mine)
        for other in self.filled:
            if other == tag:
                continue
            theirs = self._normal(other)
            differ = sum(a[2:] != b[2:] for a, b in zip(mine, theirs))
            n_theirs = sum(t != "O" for t in theirs)
            doubtful = (
                not (self.numbered or self.flags or self.first.roles) or n_theirs > 2 * n_mine
            )
            if differ and (doubtful or self.roles[other] in ("gold", "prediction")):
                self._note(
                    f"words have other tags in column {other + 1} than in column {tag + 1}, which "
                    f"was read. To read column {other + 1}, set --tag-column {other + 1}",
                    differ,
                )

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
        self.notes.append((message, count, self.first.lines[0]))

    def _wrong(self, message: str) -> InputError:
        return InputError(message, path=self.name, line=self.first.lines[0])


def _named_bare(counts: Counter[str], role: Role | None, bare: bool | None) -> Spelling | None:
    """Get the spelling of a column that is named as the tags and has more labels than O."""
    is_bare = (
        bare is None
        and role in ("tag", "gold", "prediction")
        and counts["O"]
        and looks_bare(counts + Counter(O=counts.total()))
    )
    return Spelling(bare=True) if is_bare else None


def _have_digits(words: Sequence[str]) -> bool:
    """Whether all words are one character and the number of its position in the word."""
    is_pair = all(len(word) == 2 and word[1].isdecimal() for word in words)
    return is_pair and sum(word[0].isascii() for word in words) < 0.5 * len(words)


def _is_number(column: str) -> bool:
    return column.lstrip("-").isdecimal()


def _starts(first: FirstRows) -> set[int]:
    """Rows after a blank line or document mark, and the first one."""
    blocks = first.blocks
    return {i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]}


def _is_varied(counts: Counter[str]) -> bool:
    return len(counts) > max(1, 0.02 * counts.total()) or counts.total() < 20


def _examples(counts: Counter[str]) -> str:
    return ", ".join(shorten(value, 20) for value, _ in counts.most_common(4))


def _prefix(words: tuple[str, ...]) -> str:
    """Get the language prefix that WikiANN adds to each word, e.g. "en:"."""
    start = LANGUAGE.match(words[0])
    if start and len(words) >= 5 and all(word.startswith(start[0]) for word in words):
        return start[0]
    return ""


def _is_conll_2012(rows: Sequence[str]) -> bool:
    table = [split_row(row, " ") for row in rows if row.strip() and row[0] != "#"][:1000]
    return bool(table) and all(
        len(cells) > CONLL_2012_TAG
        and cells[1].isdecimal()
        and cells[2].isdecimal()
        and BRACKETS.fullmatch(cells[CONLL_2012_TAG])
        for cells in table
    )


def _is_brackets(counts: Counter[str]) -> bool:
    """Whether a column has entities in brackets, like OntoNotes."""
    if not any("*" in cell for cell in counts):
        return False
    if not all(cell and BRACKETS.fullmatch(cell) for cell in counts):
        return False
    labels = {label for cell in counts for label in re.findall(r"\(([^()*]+)", cell)}
    return not labels or not all(map(SYNTAX.fullmatch, labels))


def _misc_key(cells: Sequence[str]) -> str:
    """Get the key in MISC that has tags: the one with the most entities, or else one with a
    common name."""
    keys: Counter[str] = Counter()
    for cell in cells:
        for match in MISC_TAG.finditer(cell):
            key, _, tag = match[0].lstrip("|").partition("=")
            keys[key] += 1 if tag == "O" else 1000
    named = [key for key in keys if keys[key] >= 1000 or key.lower() in MISC_KEYS]
    return max(named, key=lambda key: keys[key], default="")


def _no_tags(first: FirstRows, name: str) -> InputError:
    """Create the error for a file without tags. It shows the first invalid tag of the last
    column."""
    tags = first.values[-1]
    counts = first.counts[-1]
    if all(len(tag.split()) > 1 and all(map(TAG.fullmatch, tag.split())) for tag in tags[:20]):
        return InputError(
            f"the tags of several words are in one line: {shorten(tags[0])}. Write one word and "
            "its tag per line, and a blank line after each sentence.",
            path=name,
            line=first.lines[0],
        )
    if all(map(str.isdecimal, counts)):
        return InputError(
            f"the last column has numbers ({_examples(counts)}), and no column looks like tags. If "
            "they are tags, pass their names in order with --labels O,B-PER,I-PER,…, or a file "
            "with them. Else set the tag's column with --tag-column.",
            path=name,
            line=first.lines[0],
        )
    wrong = next((tag for tag, _ in counts.most_common(4) if advice(tag)), None)
    if wrong is not None:
        line = first.lines[tags.index(wrong)]
        return InputError(f"{shorten(wrong)} is not a tag{advice(wrong)}", path=name, line=line)
    number = next((i for i, tag in enumerate(tags) if not TAG.fullmatch(tag)), 0)
    return InputError(
        f"{shorten(tags[number])} is not a tag (O, or a label with a prefix like B-PER), and no "
        f"column looks like tags. The last has {_examples(counts)}. Set the tag's column with "
        "--tag-column, or use --scheme bare if labels have no prefix. If the first line is a "
        "header, remove it.",
        path=name,
        line=first.lines[number],
    )
