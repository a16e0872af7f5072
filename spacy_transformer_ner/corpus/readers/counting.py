"""How offsets are counted, and how to tell from the entities of a file."""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from ...errors import InputError
from ..options import OFFSETS, Offsets
from ..tags import Seen
from .entities import Entry

ASTRAL = re.compile("[\U00010000-\U0010ffff]")
NOT_ASCII = re.compile("[^\x00-\x7f]")
# Ways of counting, and the characters for which they make a difference. None if it is all.
PATTERNS = (("inclusive", None), ("from-1", None), ("utf-16", ASTRAL), ("bytes", NOT_ASCII))
WHOLE = ("inclusive", "from-1")
# A way of counting is only told from so many entities without their text.
ENOUGH = 2

DESCRIPTIONS = {
    "characters": "in characters from 0, with an exclusive end",
    "inclusive": "with an inclusive end",
    "from-1": "from 1, with an inclusive end",
    "utf-16": "in UTF-16 units",
    "bytes": "in UTF-8 bytes",
}


def place(text: str, start: int, end: int, offsets: Offsets) -> tuple[int, int] | None:
    """Convert the offsets of an entity to characters, with an exclusive end.

    text (str): The text.
    start, end (int): The offsets.
    offsets (str): How they are counted.
    RETURNS (tuple[int, int] | None): The offsets in characters. None if one of them is within a
        character. They can be outside of the text.
    """
    if offsets == "inclusive":
        return start, end + 1
    if offsets == "from-1":
        return start - 1, end
    if offsets == "characters" or text.isascii():
        return start, end
    first = ASTRAL.search(text) if offsets == "utf-16" else NOT_ASCII.search(text)
    if first is None or end <= first.start():
        return start, end
    units = _units(text, offsets)
    found = []
    for number in (start, end):
        i = bisect_left(units, number)
        if i < len(units) and units[i] != number:
            return None
        found.append(i if i < len(units) else len(text) + number - units[-1])
    return found[0], found[1]


def _units(text: str, offsets: Offsets) -> array:
    """Get the position of each character, and of the end."""
    total, units = 0, array("q", [0])
    for character in text:
        if offsets == "utf-16":
            total += 1 + (character > "\uffff")
        else:
            total += len(character.encode("utf-8", "surrogatepass"))
        units.append(total)
    return units


@cache
def is_word(character: str) -> bool:
    """character (str): A character, or nothing.
    RETURNS (bool): Whether it is a digit, or a letter of a script with upper and lower case. Words
        of other scripts can be joined, so an entity within them is normal."""
    return character.isdigit() or character.lower() != character.upper()


def cuts(text: str, at: int) -> bool:
    """text (str): A text.
    at (int): An offset.
    RETURNS (bool): Whether it is within a word."""
    return 0 < at < len(text) and is_word(text[at]) and is_word(text[at - 1])


def _fits(text: str, at: tuple[int, int] | None, said: str | None) -> bool:
    if at is None or not 0 <= at[0] < at[1] <= len(text):
        return False
    if said is not None:
        held = text[at[0] : at[1]]
        return held == said or held.split() == said.split()
    return not cuts(text, at[0]) and not cuts(text, at[1])


def _fits_as(text: str, start: int, end: int, said: str | None, offsets: Offsets) -> bool:
    """Whether an entity fits if its offsets are counted in another way: then there is no whitespace
    at its ends."""
    at = place(text, start, end, offsets)
    return (
        _fits(text, at, said)
        and at is not None
        and not (text[at[0]].isspace() or text[at[1] - 1].isspace())
    )


@dataclass
class Evidence:
    """Collects how the offsets of a file are counted.

    entities, said (int): The number of entities, and of those whose text is in the file.
    cut (Seen): Entities that start or end within a word.
    """

    entities: int = 0
    said: int = 0
    cut: Seen = field(default_factory=Seen)
    # By way of counting: entities for which it makes a difference, those of them that only fit
    # in this way, and entities whose text contradicts it.
    _differ: Counter = field(default_factory=Counter)
    _fit: Counter = field(default_factory=Counter)
    _contradict: Counter = field(default_factory=Counter)
    _late: int = 0
    # Entities of ASCII texts that fit, which contradict WHOLE, and those with their text.
    _plain: int = 0
    _plain_said: int = 0

    def add(self, text: str, start: int, end: int, said: str | None, line: int) -> None:
        """Add an entity.

        text (str): The text.
        start, end (int): The offsets, as the file has them.
        said (str | None): The text of the entity according to the file.
        line (int): The line.
        """
        self.entities += 1
        said = said if said and said.strip() else None
        self.said += said is not None
        right = _fits(text, (start, end), said)
        if right and text.isascii():
            self._plain += 1
            self._plain_said += said is not None
            return
        inside = 0 <= start < end <= len(text)
        if not right:
            self._contradict["characters"] += said is not None
            if said is None and inside:
                self.cut.add(line)
                self._late += cuts(text, start) and not cuts(text, start - 1)
        for offsets, pattern in PATTERNS:
            first = None if pattern is None or text.isascii() else pattern.search(text)
            differs = pattern is None or (first is not None and end > first.start())
            fits = not right and differs and _fits_as(text, start, end, said, offsets)  # type: ignore[arg-type]
            self._differ[offsets] += differs
            self._fit[offsets] += fits
            self._contradict[offsets] += said is not None and not (fits or right > differs)

    def told(self) -> Offsets | None:
        """RETURNS (str | None): How the offsets are counted, if the texts of at least three
        entities are in the file and one way of counting, which is not characters, fits all."""
        if self.said < 3 or not self._contradict["characters"]:
            return None
        fitting = [
            offsets
            for offsets in OFFSETS[1:]
            if not self._contradict[offsets] and not (self._plain_said and offsets in WHOLE)
        ]
        return fitting[0] if len(fitting) == 1 else None  # type: ignore[return-value]

    def likely(self) -> Offsets | None:
        """RETURNS (str | None): How the offsets are counted, if as characters they cut words or
        are outside of the text, and another way of counting fits most of the entities for which
        it makes a difference."""
        best = max(OFFSETS[1:], key=lambda offsets: self._fit[offsets])
        enough, plain = (ENOUGH, self._plain) if best in WHOLE else (1, 0)
        if self._fit[best] >= enough and 2 * self._fit[best] > self._differ[best] + plain:
            return best  # type: ignore[return-value]
        return None

    def late(self) -> bool:
        """RETURNS (bool): Whether most entities lack the first letter of their first word, as if
        offsets were counted from 1."""
        return self._late >= ENOUGH and 2 * self._late > self.entities


def refuse_other_offsets(evidence: Evidence, name: str) -> None:
    """Refuse a file whose offsets are probably not counted in characters.

    evidence (Evidence): The entities of the file.
    name (str): The file name.
    RAISES: InputError if another way of counting fits better.
    """
    likely = evidence.likely()
    if likely is not None:
        raise InputError(
            f"the offsets of entities are probably counted {DESCRIPTIONS[likely]}: in characters "
            f"from 0 with an exclusive end, {max(evidence.cut.count, 1):,} of "
            f"{evidence.entities:,} entities don't match words of the text. Set --offsets "
            f"{likely}, or --offsets characters if they are right.",
            path=name,
            line=evidence.cut.lines[0] if evidence.cut.lines else None,
        )


def explained(text: str, start: int, end: int, said: str | None) -> Offsets | None:
    """Find how the offsets of one entity may be counted.

    text (str): The text.
    start, end (int): The offsets.
    said (str | None): The text of the entity according to the file.
    RETURNS (str | None): The way of counting that fits, if it is not characters.
    """
    for offsets in OFFSETS[1:]:
        if _fits_as(text, start, end, said, offsets):  # type: ignore[arg-type]
            return offsets  # type: ignore[return-value]
    return None


def all_fit(text: str, entities: Iterable[Entry]) -> bool:
    """Check whether offsets are in characters of a text.

    text (str): The text.
    entities (Iterable[Entry]): The entities.
    RETURNS (bool): Whether they are within the text, don't cut words, and have the right texts.
    """
    return all(_fits(text, (entity.start, entity.end), entity.said) for entity in entities)
