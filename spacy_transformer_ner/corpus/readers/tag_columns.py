"""Find the column of the tags in a column file."""

from collections import Counter
from collections.abc import Sequence

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
from .brackets import is_brackets
from .first_rows import FirstRows
from .headers import Role

# Labels of syntactic chunks in CoNLL-2000 and CoNLL-2003, and of clauses in LST20, which are tagged
# like entities.
CHUNKS = frozenset(
    ["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "CLS"]
)


class TagColumns:
    """Decides which column has the tags.

    first (FirstRows): The first rows.
    name (str): The file name, for errors.
    roles (Sequence[Role | None]): The role of each column, if it has a name.
    numbered (bool): Whether the first column is a token index.
    in_order (bool): Whether the first column of tags has the outer entities, as in GermEval-14 and
        HIPE.
    misc (int | None): The column of attributes.
    bare (bool | None): Whether the tags are labels without a prefix, if known.
    labels (Sequence[str] | None): The tags that numbers stand for, if given.
    """

    def __init__(
        self,
        first: FirstRows,
        name: str,
        *,
        roles: Sequence[Role | None],
        numbered: bool,
        in_order: bool,
        misc: int | None,
        bare: bool | None,
        labels: Sequence[str] | None,
    ):
        self.first = first
        self.name = name
        self.roles = roles
        self.numbered = numbered
        self.in_order = in_order
        self.misc = misc
        self.bare = bare
        # Messages about what is doubtful, each with a count.
        self.notes: list[tuple[str, int]] = []
        self.spellings = [
            find_spelling(counts, bare) or _named_bare(counts, role, bare)
            for counts, role in zip(first.counts, roles)
        ]
        if labels:
            named = [named_numbers(counts, labels) for counts in first.counts]
            self.spellings = [a or b for a, b in zip(self.spellings, named)]
            if numbered:
                self.spellings[0] = None
        # Columns with entities, without syntactic chunks and columns of words like B-12.
        self.filled = [i for i in range(first.columns) if self._has_entities(i)]
        if len(self.filled) == first.columns:
            self.filled.remove(min(self.filled, key=self._likeness))

    def find(self) -> int:
        """Find the column of the tags. It is the one that the header names, or else the last one
        that looks like tags, or the first one if columns are in order.

        RETURNS (int): The column.
        RAISES: InputError if no column looks like tags.
        """
        named = self.named()
        if named is not None:
            return named
        likely = self.likely()
        if not likely:
            raise _no_tags(self.first, self.name)
        return likely[0 if self.in_order else -1]

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
        return self._normal(column).count("O"), -len(counts)

    def named(self) -> int | None:
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

    def likely(self) -> list[int]:
        """Get the columns that can be the tags, best last."""
        columns = [i for i in range(self.first.columns) if self.roles[i] in (None, "text")]
        spelled = [i for i in columns if (s := self.spellings[i]) and not s.bare]
        bare = [i for i in columns if (s := self.spellings[i]) and s.bare]
        with_outside = [i for i in bare if "O" in self.first.counts[i]]
        brackets = [i for i in columns if self._is_brackets(i)]
        chunks = [i for i in spelled if set(self.first.counts[i]) != {"O"}]
        choices = (
            self._pair() or self._fullest([i for i in self.filled if i in columns]),
            with_outside if self.bare else self._fullest(with_outside),
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
        """Get the first of two columns of tags that mostly agree, if they are the last ones, as
        conlleval has gold tags and predictions.

        RAISES: InputError if they are elsewhere."""
        if len(self.filled) != 2 or any(self.roles):
            return []
        a, b = (self._normal(i) for i in self.filled)
        pairs = [(x, y) for x, y in zip(a, b) if (x, y) != ("O", "O")]
        known = {x[2:] for x, _ in pairs}
        same = sum(x[2:] == y[2:] for x, y in pairs)
        other = sum(y != "O" and y[2:] not in known for _, y in pairs)
        if a == b or 2 * same < len(pairs) or other > 0.1 * len(pairs):
            return []
        one, two = (i + 1 for i in self.filled)
        if two != self.first.columns or one != two - 1:
            raise InputError(
                f"columns {one} and {two} both have tags, and mostly the same, like gold tags and "
                f"predictions. Set the one to read with --tag-column {one} or --tag-column {two}.",
                path=self.name,
                line=self.first.lines[0],
            )
        return self.filled[:1]

    def _normal(self, column: int) -> list[str]:
        spelling = self.spellings[column]
        assert spelling is not None
        return [spelling.normal(tag) for tag in self.first.values[column]]

    def _is_brackets(self, column: int) -> bool:
        return is_brackets(self.first.counts[column])

    def spelling(self, tag: int, is_given: bool) -> Spelling | None:
        """Get the spelling of the tags. None if they are brackets."""
        counts = self.first.counts[tag]
        found = self.spellings[tag]
        if found is None:
            if self._is_brackets(tag):
                return None
            if set(map(str.lower, counts)) <= SIGNS:
                found = Spelling(frozenset(counts), bare=bool(self.bare))
            elif self.bare and not is_given:
                raise InputError(
                    f"no word has the tag O in column {tag + 1}, but {_examples(counts)}. Set the "
                    "tag's column with --tag-column.",
                    path=self.name,
                    line=self.first.lines[0],
                )
            else:
                # Each wrong tag is an error with its line.
                return Spelling(bare=bool(self.bare))
        if "O" not in found.outside and not found.names and not self.numbered:
            signs = " and ".join(sorted(map(repr, found.outside)))
            outside = sum(counts[sign] for sign in found.outside)
            self._note(f"words have the tag {signs}, which was read as O", outside)
        return found

    def label(self, tag: int) -> int | None:
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

    def note_others(self, tag: int) -> None:
        """Warn about other columns with different tags."""
        if self.spellings[tag] is None:
            return
        mine = self._normal(tag)
        n_mine = sum(t != "O" for t in mine)
        bare = [
            i for i, s in enumerate(self.spellings) if s and s.bare and "O" in self.first.counts[i]
        ]
        for other in [*self.filled, *bare]:
            if other == tag or self.roles[other] == "other":
                continue
            theirs = self._normal(other)
            differ = sum(a[2:] != b[2:] for a, b in zip(mine, theirs))
            n_theirs = sum(t != "O" for t in theirs)
            same = sum(a[2:] == b[2:] for a, b in zip(mine, theirs) if a != "O" or b != "O")
            is_sure = other in bare or (self.in_order and differ > same)
            if differ and (not is_sure or n_theirs > 2 * n_mine):
                self._note(
                    f"words have other tags in column {other + 1} than in column {tag + 1}, which "
                    f"was read. To read column {other + 1}, set --tag-column {other + 1}; to read "
                    f"both, --tag-column {tag + 1},{other + 1} --overlaps spans",
                    differ,
                )

    def _note(self, message: str, count: int = 1) -> None:
        self.notes.append((message, count))


def _named_bare(counts: Counter[str], role: Role | None, bare: bool | None) -> Spelling | None:
    """Get the spelling of a column that is named as the tags and has more labels than O."""
    is_bare = (
        bare is None
        and role in ("tag", "gold", "prediction")
        and counts["O"]
        and looks_bare(counts + Counter(O=counts.total()))
    )
    return Spelling(bare=True) if is_bare else None


def _examples(counts: Counter[str]) -> str:
    return ", ".join(shorten(value, 20) for value, _ in counts.most_common(4))


def _offset_columns(first: FirstRows) -> tuple[int, int] | None:
    """Find two columns of numbers of which the first is always smaller."""
    numbers = [i for i, counts in enumerate(first.counts) if all(map(str.isdecimal, counts))]
    for start, end in zip(numbers, numbers[1:]):
        if all(int(a[:9]) < int(b[:9]) for a, b in zip(first.values[start], first.values[end])):
            return start, end
    return None


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
    if len(first.lines) < 0.8 * first.rows and first.separator == " ":
        return InputError(
            f"looks like text without annotation: lines have different numbers of words, and no "
            f"column has tags: {first.row(0)}. Annotate it first, or pass a table or records with "
            "its entities.",
            path=name,
            line=first.lines[0],
        )
    if (offsets := _offset_columns(first)) is not None:
        start, end = offsets
        return InputError(
            f"looks like a table of entities with offsets in columns {start + 1} and {end + 1}, "
            f"but without a header: {first.row(0)}. Add a first line with the names of the "
            "columns, e.g. file, start, end, text, label. If the text of the document is not in "
            "it, add the file name of the text.",
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
