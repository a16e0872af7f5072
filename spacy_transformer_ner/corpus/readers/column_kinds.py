"""What a column of a column file holds: identifiers, numbers, parts of speech, or words."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .first_rows import FirstRows
from .headers import REPEATED
from .layout import FLAGS, NUMBER

# Parts of speech of Universal Dependencies and of the Penn Treebank.
POS = frozenset(
    """ADJ ADP ADV AUX CCONJ CONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X
    CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ PRT RB RBR RBS RP TO UH VB
    VBD VBG VBN VBP VBZ WDT WP WP$ WRB HYPH NFP ADD AFX GW XX -LRB- -RRB- . , : ; ( ) " '' `` # $
    - _ -X- ADJA ADJD ADV APPR APPRART ART CARD KON NE PPER PPOSAT VVFIN VAFIN $. $, $(""".split()  # noqa: SIM905
)
# A key in the MISC column with tags as values.
MISC_TAG = re.compile(r"(?:^|\|)([A-Za-z][\w:-]*)=(?:O|[BIESLUMW]-[^|\s]+)(?=\||$)")
MISC_KEYS = frozenset(("ne", "ner", "entity", "named_entity", "name", "iob", "bio"))
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*:(?=.)")
DIGITS = re.compile(r"[0-9]+")
# A path, a file name, or a long identifier such as a UUID.
CODE = re.compile(r"^(?=.*\d)[\w-]{8,}$")
NAME = re.compile(rf"\w/\w|\w\.[a-z]{{2,5}}$|{CODE.pattern}")
MOST = 0.95
# Words have at least this share of the different values of the column with the most.
VARIED = 0.5


@dataclass(frozen=True)
class Identifier:
    """A column of identifiers of sentences or documents.

    column (int): The column.
    starts (tuple[int, ...]): The rows where a new value starts.
    """

    column: int
    starts: tuple[int, ...]


def counts_words(cells: Sequence[str], blocks: Sequence[int]) -> bool:
    """Check whether cells number the words of each sentence, or of the whole file.

    cells (Sequence[str]): The cells of a column.
    blocks (Sequence[int]): The number of blank lines before each cell.
    RETURNS (bool): Whether each number is one more than the last, 0 or 1. Sentences of one word
        without a blank line between them are rare.
    """
    last = -1
    steps = repeated = 0
    block = blocks[0]
    for cell, new_block in zip(cells, blocks):
        if not NUMBER.fullmatch(cell):
            return False
        if cell.isdecimal():
            number = int(cell[:9])
            if number not in (0, 1, last + 1):
                return False
            steps += number == last + 1
            repeated += number == last and new_block == block
            last, block = number, new_block
    return last >= 0 and steps >= repeated


def restarts(first: FirstRows, column: int) -> bool:
    """first (FirstRows): The first rows.
    column (int): A column.
    RETURNS (bool): Whether it numbers the words of each of several sentences."""
    cells, counts = first.values[column], first.counts[column]
    return (
        cells[0] in ("0", "1")
        and counts[cells[0]] > 1
        and all(map(str.isdecimal, counts))
        and counts_words(cells, first.blocks)
    )


def find_identifier(first: FirstRows, column: int) -> Identifier | None:
    """Check whether a column identifies sentences or documents.

    first (FirstRows): The first rows.
    column (int): The column.
    RETURNS (Identifier | None): The identifier. None if the values of the column are not the same
        for several rows in a row, or a value occurs again later.
    """
    starts: dict[str, int] = {}
    last = None
    for row, cell in enumerate(first.values[column]):
        if cell != last and cell.lower() not in REPEATED:
            if cell in starts:
                return None
            starts[cell] = row
            last = cell
    if 1 < len(starts) <= 0.7 * len(first.lines) and _are_names(tuple(starts)):
        return Identifier(column, tuple(starts.values()))
    return None


def _are_names(values: Sequence[str]) -> bool:
    """Whether values are like "S1", "S2", or like file names."""
    if all(NAME.search(value) for value in values):
        return True
    numbers = [tuple(map(int, DIGITS.findall(value[:100]))) for value in values]
    shapes = {DIGITS.sub("0", value) for value in values}
    return len(shapes) == 1 and all(numbers) and numbers == sorted(numbers)


def find_words(first: FirstRows, taken: Sequence[int]) -> tuple[int, str] | None:
    """Find the column of the words.

    first (FirstRows): The first rows.
    taken (Sequence[int]): Columns that have no words.
    RETURNS (tuple[int, str] | None): The column, and what the columns before it hold, for a
        message. None if no column looks like words.
    """
    kinds = {i: _kind(first, i) for i in range(first.columns) if i not in taken}
    varied = max((len(first.counts[i]) for i, kind in kinds.items() if not kind), default=0)
    found = next(
        (i for i, k in kinds.items() if not k and len(first.counts[i]) >= VARIED * varied), None
    )
    if found is None:
        return None
    others = (i for i, kind in kinds.items() if not kind and _in_small_letters(first, found, i))
    if (cased := next(others, None)) is not None:
        return cased, "the words in small letters"
    before = [kinds[i] or "few different values" for i in kinds if i < found]
    return found, before[0] if before else ""


def _in_small_letters(first: FirstRows, column: int, other: int) -> bool:
    """Whether a column has mostly the values of another one in small letters, like lemmas."""
    small, cased = first.values[column], first.values[other]
    same = sum(a == b.lower() for a, b in zip(small, cased))
    return (
        small != cased
        and all(map(str.__eq__, small, map(str.lower, small)))
        and (2 * same > len(small) and any(map(str.__ne__, cased, map(str.lower, cased))))
    )


def _kind(first: FirstRows, column: int) -> str:
    """Describe what a column holds, if these are not words."""
    counts = first.counts[column]
    n = len(first.lines)
    shapes: Counter[str] = Counter()
    for cell, k in counts.items():
        shapes[DIGITS.sub("0", cell)] += k
    shape, most = shapes.most_common(1)[0]
    if n > 1 and len(counts) == 1:
        return "always the same value"
    if sum(k for cell, k in counts.items() if _is_number(cell)) > MOST * n:
        return "numbers"
    coded = sum(k for cell, k in counts.items() if CODE.search(cell))
    is_shaped = "0" in shape and most > MOST * n
    if find_identifier(first, column) or (n > 1 and (is_shaped or coded > MOST * n)):
        return "identifiers"
    if sum(k for cell, k in counts.items() if cell in POS) > MOST * n:
        return "parts of speech"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def are_flags(cells: Iterable[str]) -> bool:
    """cells (Iterable[str]): The cells of a column.
    RETURNS (bool): Whether it has only HIPE's flags."""
    held = {flag for cell in cells for flag in cell.split("|")}
    return not held.isdisjoint(FLAGS) and held <= FLAGS | {"_", "-", "O", ""}


def have_digits(words: Sequence[str]) -> bool:
    """words (Sequence[str]): The words.
    RETURNS (bool): Whether all are one character and the number of its position in the word."""
    is_pair = all(len(word) == 2 and word[1].isdecimal() for word in words)
    return is_pair and sum(word[0].isascii() for word in words) < 0.5 * len(words)


def find_starts(first: FirstRows) -> set[int]:
    """first (FirstRows): The first rows.
    RETURNS (set[int]): The rows after a blank line or document mark, and the first one."""
    blocks = first.blocks
    return {i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]}


def is_varied(counts: Counter[str]) -> bool:
    """counts (Counter[str]): How often each value of a column occurs.
    RETURNS (bool): Whether there are enough different ones for words."""
    return len(counts) > max(1, 0.02 * counts.total()) or counts.total() < 20


def language_prefix(words: tuple[str, ...]) -> str:
    """words (tuple[str, ...]): The words.
    RETURNS (str): The language prefix that WikiANN adds to each word, e.g. "en:", or ""."""
    start = LANGUAGE.match(words[0])
    if start and len(words) >= 5 and all(word.startswith(start[0]) for word in words):
        return start[0]
    return ""


def misc_key(cells: Sequence[str]) -> str:
    """cells (Sequence[str]): The cells of the MISC column.
    RETURNS (str): The key that has tags: the one with the most entities, or else one with a common
        name. "" if there is none."""
    keys: Counter[str] = Counter()
    for cell in cells:
        for match in MISC_TAG.finditer(cell):
            key, _, tag = match[0].lstrip("|").partition("=")
            keys[key] += 1 if tag == "O" else 1000
    named = [key for key in keys if keys[key] >= 1000 or key.lower() in MISC_KEYS]
    return max(named, key=lambda key: keys[key], default="")
