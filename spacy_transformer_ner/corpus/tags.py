"""Tag schemes: convert tags to entities, and entities to tags.

All schemes are read with the rule of the conlleval script, extended to prefixes for the end of
an entity. For legal tags this is correct in every scheme. The scheme of a file is detected by
counting how its entities are tagged.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .documents import Span
from .spelling import PREFIXES, advice

Repair = Literal["conlleval", "discard", "none"]
REPAIRS = ("conlleval", "discard", "none")
PLACES = 10

NO_TAG = (
    " (O, or a label with a prefix like B-PER). Set the tag's column with --tag-column, or use "
    "--scheme bare if labels have no prefix. If this row is a header, remove it."
)
# A score after a tag, e.g. B-PER/0.98.
SCORE = re.compile(r"[:/|=(\s][01]?\.\d+\)?$")
# Several tags in one cell.
SEVERAL = re.compile(r"[|,;/](O|[BIESLUMW]-.*)(?=$|[|,;/])")


@dataclass(frozen=True)
class Form:
    """How an entity is tagged.

    first, last (str): The first and last prefix, in the letters of BIOES.
    single (bool): Whether the entity is a single word.
    after_same, before_same (bool): Whether it directly follows, and directly precedes, an
        entity with the same label.
    """

    first: str
    last: str
    single: bool
    after_same: bool
    before_same: bool


def _iob1(form: Form) -> bool:
    return form.first == ("B" if form.after_same else "I") and (form.single or form.last == "I")


def _ioe1(form: Form) -> bool:
    last = "E" if form.before_same else "I"
    return form.last == last and (form.single or form.first == "I")


# The forms that each scheme allows. If two schemes have equally few exceptions in a file, the
# first one is used.
SCHEMES: dict[str, Callable[[Form], bool]] = {
    "IOB2": lambda form: form.first == "B" and (form.single or form.last == "I"),
    "BIOES": lambda form: (form.first, form.last) == (("S", "S") if form.single else ("B", "E")),
    "IOE2": lambda form: form.last == "E" and (form.single or form.first == "I"),
    "IO": lambda form: form.first == form.last == "I" and not form.after_same,
    "IOB1": _iob1,
    "IOE1": _ioe1,
}
# Schemes that only differ in their letters, or have none.
SAME_AS = {"BILUO": "BIOES", "BMES": "BIOES", "bare": "IO"}
SCHEME_NAMES = ("IOB1", "IOB2", "BIOES", "BILUO", "IOE1", "IOE2", "IO", "bare")


class IllegalTags(ValueError):
    """Raised for tags that break the scheme, if `repair` is "none".

    message (str): The message.
    word (int): Index of the word in the sentence.
    """

    def __init__(self, message: str, word: int):
        super().__init__(message)
        self.word = word


@dataclass
class Seen:
    """A count with the first lines.

    count (int): The count.
    lines (list[int]): The first lines, at most ten.
    """

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one occurrence.

        line (int): The line.
        """
        self.count += 1
        if len(self.lines) < PLACES:
            self.lines.append(line)


class TagReader:
    """Reads the tags of a file, sentence by sentence, and detects the scheme.

    scheme (str | None): The scheme, if it is known. One of SCHEME_NAMES. "bare" stands for
        labels without a prefix.
    repair (str): How to handle entities whose tags break the scheme, with the names of SeqScore
        (Palen-Michel et al. 2021): "conlleval" reads them like the conlleval script, "discard"
        drops them, "none" raises an error. The last two require `scheme`.
    """

    def __init__(self, scheme: str | None = None, repair: Repair = "conlleval"):
        if repair != "conlleval" and scheme is None:
            raise ValueError(f"repair {repair!r} requires a scheme")
        self.bare = scheme == "bare"
        self.repair = repair
        # Cache of split tags.
        self.known: dict[str, tuple[str, str]] = {"O": ("O", "")}
        self._given = scheme
        self._legal = None if scheme is None else SCHEMES[SAME_AS.get(scheme, scheme)]
        self._letters: set[str] = set()
        self._forms: dict[Form, Seen] = {}

    def split(self, tag: str) -> tuple[str, str]:
        """Split a tag into prefix and label.

        tag (str): E.g. "O", "B-PER", "U-PER".
        RETURNS (tuple[str, str]): E.g. ("O", ""), ("B", "PER"), ("S", "PER").
        RAISES: ValueError if it is not a tag. The message suggests a fix.
        """
        known = self.known.get(tag)
        if known is None:
            known = self.known[tag] = self._split(tag)
        return known

    def _split(self, tag: str) -> tuple[str, str]:
        if not tag or (self.bare and tag in PREFIXES):
            raise ValueError(f"{tag!r} is not a tag{advice(tag)}")
        prefix, dash, label = tag.partition("-")
        is_prefixed = bool(dash) and prefix in PREFIXES
        if self.bare and not is_prefixed:
            prefix, label = "I", tag
        if not label.isprintable() or label != label.strip():
            raise ValueError(
                f"the label of {tag!r} has leading or trailing whitespace, or invisible "
                "characters. Remove them."
            )
        if self.bare and is_prefixed:
            raise ValueError(
                f"{tag!r} has a prefix, but the other tags of this file are labels without a "
                "prefix. Use the same scheme for all tags."
            )
        if not label or prefix not in PREFIXES:
            raise ValueError(f"{tag!r} is not a tag{advice(tag) or NO_TAG}")
        if SEVERAL.search(label):
            raise ValueError(f"{tag!r} is more than one tag. Keep one tag per word.")
        if SCORE.search(label):
            raise ValueError(f"{tag!r} has a score. Keep the tag only, or split it from the score.")
        if not self.bare:
            self._letters.add(prefix)
        return PREFIXES[prefix], label

    def read(self, tags: Sequence[tuple[str, str]], lines: Sequence[int]) -> tuple[Span, ...]:
        """Read the entities of one sentence.

        tags (Sequence[tuple[str, str]]): Prefix and label of each word, as returned by `split`.
        lines (Sequence[int]): The line of each word.
        RETURNS (tuple[Span, ...]): The entities.
        RAISES: IllegalTags if the tags break the scheme and `repair` is "none".
        """
        spans: list[Span] = []
        for start, end, label in _chunks(tags):
            form = Form(
                first=tags[start][0],
                last=tags[end - 1][0],
                single=end - start == 1,
                after_same=start > 0 and tags[start - 1][1] == label,
                before_same=end < len(tags) and tags[end][1] == label,
            )
            seen = self._forms.get(form)
            if seen is None:
                seen = self._forms[form] = Seen()
            seen.add(lines[start])
            if self.repair != "conlleval" and self._legal is not None and not self._legal(form):
                if self.repair == "discard":
                    continue
                raise IllegalTags(
                    f"the tags of this {label} entity break {self.scheme}. Fix them, or use "
                    "--repair conlleval to read them like the conlleval script, or --repair "
                    "discard to drop the entity.",
                    start,
                )
            spans.append(Span(start, end, label))
        return tuple(spans)

    @property
    def scheme(self) -> str:
        """RETURNS (str): The given scheme, or else the scheme with the fewest exceptions so far.
        "IO" can also be IOB1 without adjacent entities of the same label."""
        if self._given is not None:
            return self._given
        scheme = min(SCHEMES, key=lambda name: self._exceptions(SCHEMES[name]))
        if scheme == "BIOES":
            return (
                "BILUO" if self._letters & set("LU") else "BMES" if "M" in self._letters else scheme
            )
        return "bare" if self.bare else scheme

    @property
    def illegal(self) -> Seen:
        """RETURNS (Seen): Count and first lines of entities whose tags break the scheme."""
        scheme = self.scheme
        legal = SCHEMES[SAME_AS.get(scheme, scheme)]
        broken = [seen for form, seen in self._forms.items() if not legal(form)]
        lines = sorted(line for seen in broken for line in seen.lines)
        return Seen(sum(seen.count for seen in broken), lines[:PLACES])

    @property
    def divided(self) -> Seen:
        """RETURNS (Seen): Count and first lines of entities that directly follow another one with
        the same label, if no entity has more than one word and all tags have the prefix B."""
        found = Seen()
        for form, seen in self._forms.items():
            if form.first != "B" or not form.single:
                return Seen()
            if form.after_same:
                found.count += seen.count
                found.lines = sorted(found.lines + seen.lines)[:PLACES]
        return found

    def _exceptions(self, legal: Callable[[Form], bool]) -> int:
        return sum(seen.count for form, seen in self._forms.items() if not legal(form))


def _chunks(tags: Sequence[tuple[str, str]]) -> Iterable[tuple[int, int, str]]:
    """Yield start, end and label of entities with the rule of conlleval: an entity starts at B
    and S, at a new label, and after E and S."""
    start, previous, label = 0, "O", ""
    for i, (prefix, new_label) in enumerate(tags):
        if new_label != label or prefix in "BS" or previous in "ES":
            if label:
                yield start, i, label
            start, label = i, new_label
        previous = prefix
    if label:
        yield start, len(tags), label


def write_tags(
    length: int, entities: Iterable[tuple[int, int, str]], scheme: str = "IOB2"
) -> list[str]:
    """Convert entities to tags.

    length (int): The number of tokens.
    entities (Iterable[tuple[int, int, str]]): Start, end and label of each entity, sorted and
        without overlap.
    scheme (str): One of SCHEME_NAMES. "IO" and "bare" merge adjacent entities with the same
        label.
    RETURNS (list[str]): One tag per token.
    """
    tags = ["O"] * length
    begin, inside, end_, single = {
        "IOB1": "IIII",
        "IOB2": "BIIB",
        "BIOES": "BIES",
        "BILUO": "BILU",
        "IOE1": "IIII",
        "IOE2": "IIEE",
        "IO": "IIII",
        "bare": ("", "", "", ""),
    }[scheme]
    dash = "" if scheme == "bare" else "-"
    last_end, last_label = -1, ""
    for start, end, label in entities:
        tags[start:end] = [f"{inside}{dash}{label}"] * (end - start)
        tags[end - 1] = f"{end_}{dash}{label}"
        tags[start] = f"{begin if end - start > 1 else single}{dash}{label}"
        if start == last_end and label == last_label:
            if scheme == "IOB1":
                tags[start] = f"B-{label}"
            elif scheme == "IOE1":
                tags[start - 1] = f"E-{label}"
        last_end, last_label = end, label
    return tags
