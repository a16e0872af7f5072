"""The spelling of tags: B-PER, b_per, BEGIN-PER or PER-B, labels without a prefix, and other signs
than O for words outside entities."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# BILUO and BMES(W) are BIOES with other letters.
PREFIXES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
TAG = re.compile(r"O|[BIESLUMW]-.+", re.DOTALL)
# Prefixes that are written out.
WRITTEN = {
    "BEGINNING": "B", "BEGIN": "B", "BEG": "B", "START": "B", "FIRST": "B",
    "INTERMEDIATE": "I", "INSIDE": "I", "INNER": "I", "INT": "I", "IN": "I", "NEXT": "I",
    "CONTINUATION": "I", "CONTINUE": "I", "CONT": "I", "MIDDLE": "M", "MID": "M",
    "END": "E", "LAST": "L", "SINGLETON": "S", "SINGLE": "S", "UNIT": "U", "UNIQUE": "U", "WHOLE": "W",
}  # fmt: skip
DASHES = frozenset("\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
# Signs for words outside entities, in lower case. The last letters are Cyrillic, Greek and
# fullwidth.
SIGNS = frozenset(
    ("", "_", "-", "--", "–", "—", "0", "o", "out", "outside", "none", "null", "nil", "nan", "na",
     "n/a", "#n/a", "*", "b-o", "i-o", "о", "ο", "ｏ")
)  # fmt: skip
# Words that stand for O if there is no O and none of the signs. Else they are labels.
OTHERS = frozenset(
    ("other", "others", "no", "false", "noentity", "no_entity", "no-entity", "empty")
)
# The label of entities in files with the tags B, I and O only.
UNLABELLED = "ENTITY"
# Files with more different labels than this have no labels.
MOST_LABELS = 100
# Usual labels. Labels like BPER and BLOC are these with a prefix.
USUAL = frozenset(("per", "pers", "person", "org", "organization", "organisation", "loc", "location",
                   "gpe", "fac", "facility", "misc", "date", "time", "event", "product"))  # fmt: skip
# A label with the number of its entity, as in WebAnno: PER[1]
NUMBERED = re.compile(r"\[\d+\]$")

_LETTER = "[BIESLUMW]"
_PREFIX = rf"(?P<prefix>(?i:{'|'.join(WRITTEN)}|{_LETTER}))"
_MARK = r"(?P<mark>[^\w\s]{1,2}|_{1,2}| - | )"
_BRACKETS = r"[<\[({'\"#]", r"[>\])}'\"]?"
# Forms of tags, other than TAG.
FORMS = (
    rf"{_PREFIX}{_MARK}(?P<label>\w.*)",
    rf"(?P<label>.*\w){_MARK}{_PREFIX}",
    rf"{_PREFIX}(?P<mark>)(?P<label>)",
    rf"(?P<prefix>{_LETTER})(?P<mark>)(?P<label>[^\W\d_]\w+)",
    rf"{_BRACKETS[0]}{_PREFIX}{_MARK}(?P<label>\w.*?){_BRACKETS[1]}",
)
_BEFORE, _AFTER, _ALONE, _GLUED, _WRAPPED = map(re.compile, FORMS)


@dataclass(frozen=True)
class Spelling:
    """How the tags of a file are written.

    outside (frozenset[str]): The tags of words outside entities, usually O.
    form (re.Pattern | None): The form of the other tags, with groups for prefix and label. If
        None, they are written like B-PER, or are labels without a prefix.
    bare (bool): Whether they are labels without a prefix.
    unlabelled (bool): Whether tags are prefixes without a label.
    example (str): A tag in this form, if it is not the usual one.
    names (tuple[str, ...]): The tags that numbers stand for. Empty if tags are not numbers.
    """

    outside: frozenset[str] = frozenset("O")
    form: re.Pattern | None = None
    bare: bool = False
    unlabelled: bool = False
    example: str = ""
    names: tuple[str, ...] = ()

    def normal(self, tag: str) -> str:
        """Write a tag like B-PER or O.

        tag (str): A tag of the file.
        RETURNS (str): The tag, with a capital letter as prefix and a hyphen, or O. Labels without
            a prefix, and tags that don't have the form, are returned unchanged.
        """
        if self.names:
            return self.names[int(tag)] if self._is_number(tag) else tag
        if tag in self.outside or tag.lower() in SIGNS:
            return "O"
        if self.form is not None:
            match = self.form.fullmatch(tag)
            if match is None:
                return tag
            return f"{_letter(match['prefix'])}-{match['label'] or UNLABELLED}"
        if not self.bare and tag[1:2] in DASHES and tag[0] in PREFIXES:
            return f"{tag[0]}-{tag[2:]}"
        return tag

    def _is_number(self, tag: str) -> bool:
        return tag.isdecimal() and int(tag[:9]) < len(self.names)

    def is_tag(self, tag: str) -> bool:
        """RETURNS (bool): Whether a cell is O or a tag with prefix and label in this form."""
        return TAG.fullmatch(self.normal(tag)) is not None


def find_spelling(tags: Iterable[str] | Counter[str], bare: bool | None = None) -> Spelling | None:
    """Detect how tags are written.

    tags (Iterable[str] | Counter[str]): The tags of some sentences, or how often each occurs.
    bare (bool | None): Whether they are labels without a prefix, if known.
    RETURNS (Spelling | None): The spelling. None if they don't look like tags. Few exceptions are
        tolerated, because of typos.
    """
    counts = tags if isinstance(tags, Counter) else Counter(tags)
    outside = frozenset(_outside(counts, bool(bare)))
    rest = {tag: n for tag, n in counts.items() if tag not in outside and tag.lower() not in SIGNS}
    n_rest = sum(rest.values())
    n_outside = counts.total() - n_rest
    if bare:
        return Spelling(outside, bare=True) if outside else None
    plain = Spelling(outside or frozenset("O"))
    # Not B--PER.
    n_tags = sum(n for tag, n in rest.items() if plain.is_tag(tag) and tag[2:3] not in "-_:./|")
    is_plain = _is_most(n_tags, n_rest, n_outside)
    if n_tags and is_plain:
        return plain
    for form in (_BEFORE, _AFTER, _ALONE, _GLUED, _WRAPPED):
        # A column of words has more different values.
        if 0 < len(rest) <= 5 * MOST_LABELS and (found := _spelled(rest, form, outside, n_outside)):
            return found
    if bare is None and looks_bare(counts, outside):
        return Spelling(outside, bare=True)
    # Without O, a column of signs is not a column of tags.
    return plain if is_plain and "O" in outside else None


def looks_bare(tags: Iterable[str] | Counter[str], outside: Iterable[str] = frozenset("O")) -> bool:
    """Check whether tags are labels without a prefix, like PER and O.

    tags (Iterable[str] | Counter[str]): The tags of some sentences.
    outside (Iterable[str]): The tags of words outside entities.
    RETURNS (bool): Whether at least half of the tags are O, and the others are few distinct
        words without a prefix.
    """
    counts = Counter(tags)
    n_outside = sum(counts.pop(tag, 0) for tag in outside)
    labels = [tag for tag in counts if tag.lower() not in SIGNS]
    return (
        0 < counts.total() <= n_outside
        and 0 < len(labels) <= MOST_LABELS
        and not any(TAG.fullmatch(tag) for tag in labels)
        and not all(_AFTER.fullmatch(tag) for tag in labels)
        and all(
            tag[:1].isalpha() and not advice(tag) and not NUMBERED.search(tag) for tag in labels
        )
    )


def advice(tag: str) -> str:
    """Suggest a fix for an invalid tag.

    tag (str): The invalid tag.
    RETURNS (str): The problem and the fix, as the end of a message. "" if unknown.
    """
    if not tag:
        return ": it is empty. Use O for words outside entities."
    if tag in PREFIXES or tag.rstrip("-") in PREFIXES:
        return ": its label is missing. Write a tag like B-PER."
    if tag != "O" and tag.lower() in SIGNS:
        return ". Use the capital letter O for words outside entities."
    if (match := _AFTER.fullmatch(tag)) and match["prefix"] in PREFIXES:
        return f": the prefix is at the end. Write {match['prefix']}-{match['label']}."
    if tag[0] in PREFIXES and tag[2:] and tag[1] != "-" and (tag[1] == "_" or not tag[1].isalnum()):
        return f". Separate prefix and label with a hyphen: {tag[0]}-{tag[2:].lstrip()}."
    if tag[0].islower() and tag[0].upper() in PREFIXES and tag[1:2] == "-" and tag[2:]:
        return f". Use a capital letter as prefix: {tag[0].upper()}{tag[1:]}."
    word, _, label = tag.partition("-")
    if word.upper() in WRITTEN and label:
        return f". Use a letter as prefix: {WRITTEN[word.upper()]}-{label}."
    if "*" in tag:
        return (
            ": brackets like those of OntoNotes cannot be mixed with other tags. Write one tag "
            "per word, like B-PER, I-PER and O."
        )
    return ""


def _letter(prefix: str) -> str:
    prefix = prefix.upper()
    return WRITTEN.get(prefix, prefix)


def _outside(counts: Counter[str], bare: bool) -> set[str]:
    """Get the tags of words outside entities: O, or else what is used in its place. This can be
    anything that most words have, if the other tags have a prefix."""
    if "O" in counts:
        return {"O"}
    for signs in (SIGNS, OTHERS):
        if found := {tag for tag in counts if tag.lower() in signs}:
            return found
    most, n = counts.most_common(1)[0] if counts else ("", 0)
    forms = (TAG, _BEFORE, _AFTER, _WRAPPED)
    others = [tag for tag in counts if tag != most]
    is_outside = 0 < len(others) <= MOST_LABELS and 2 * n >= counts.total()
    is_outside = is_outside and not any(form.fullmatch(most) for form in forms)
    if is_outside and (bare or all(any(f.fullmatch(tag) for f in forms) for tag in others)):
        return {most}
    return set()


def _is_most(n_tags: int, n_rest: int, n_outside: int) -> bool:
    # Tolerate typos and a header.
    others, tags = n_rest - n_tags, n_tags + n_outside
    return others <= max(1, 0.1 * (others + tags)) and tags > others


def _spelled(
    rest: dict[str, int], form: re.Pattern, outside: frozenset[str], n_outside: int
) -> Spelling | None:
    """Check whether tags have a form, all with the same mark between prefix and label."""
    marks: Counter[str] = Counter()
    for tag, n in rest.items():
        if match := form.fullmatch(tag):
            marks[match["mark"]] += n
    if not marks:
        return None
    mark = marks.most_common(1)[0][0]
    found = [m for tag in rest if (m := form.fullmatch(tag)) and m["mark"] == mark]
    if not _is_most(marks[mark], sum(rest.values()), n_outside):
        return None
    letters = {_letter(match["prefix"]) for match in found}
    stems = {
        letter: {m["label"] for m in found if _letter(m["prefix"]) == letter} for letter in letters
    }
    labels = set[str]().union(*stems.values())
    # Not only "e-mail", "i-phone" or "S_Building", and not a part of speech.
    capital = all(match["prefix"][0].isupper() for match in found)
    is_whole = len(found) == len(rest) and len(labels) > 1
    is_usual = is_whole and {label.lower() for label in labels} <= USUAL
    if not outside and len(letters) < 2:
        return None
    is_tagged = "B" in letters or ("I" in letters and (is_whole if form is _AFTER else capital))
    if not (is_tagged or is_usual):
        return None
    if form is _AFTER and len(letters) < 2 and len(labels) < 2:
        return None
    if form is _WRAPPED and len(found) < len(rest):
        return None
    if form is _ALONE and not outside:
        return None
    if form is _GLUED and not is_usual:
        pairs = stems.get("I", set())
        if len(found) < len(rest) or not pairs or not pairs <= stems["B"]:
            return None
    text = form.pattern.replace(_MARK, re.escape(mark)).replace("(?P<mark>)", "")
    return Spelling(
        outside or frozenset("O"),
        re.compile(text),
        unlabelled=form is _ALONE,
        example=found[0][0],
    )


def named_numbers(tags: Iterable[str], names: Sequence[str]) -> Spelling | None:
    """Check whether tags are numbers that stand for names.

    tags (Iterable[str]): The tags.
    names (Sequence[str]): The names, in the order of the numbers.
    RETURNS (Spelling | None): The spelling. None if a tag is not the number of a name.
    """
    if not all(tag.isdecimal() and int(tag[:9]) < len(names) for tag in tags):
        return None
    outside = frozenset(str(i) for i, name in enumerate(names) if name == "O")
    return Spelling(outside, bare=looks_bare([*names, *["O"] * len(names)]), names=tuple(names))
