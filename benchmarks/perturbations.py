"""Perturbations of annotated texts, for benchmarks of robustness. Entities are kept: each
perturbation takes the tokens of a text and returns tokens."""

import random
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from spacy.tokens import Doc
from spacy.vocab import Vocab

SWAPPED = 0.15
MISSPELT = 0.15
MISREAD = 0.15
JOINED = 0.05
SPLIT = 0.05
# Letters next to each other on a keyboard.
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
OCR = (
    ("rn", "m"), ("m", "rn"), ("cl", "d"), ("l", "1"), ("i", "l"), ("I", "l"), ("O", "0"),
    ("o", "0"), ("e", "c"), ("h", "b"), ("S", "5"), ("B", "8"), ("g", "q"), ("u", "ii"),
)  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A token.

    text (str): Its text.
    space (bool): Whether a space follows.
    starts (bool): Whether it starts a sentence.
    tag (str): Its tag in IOB2.
    """

    text: str
    space: bool
    starts: bool
    tag: str

    @property
    def is_inside(self) -> bool:
        """RETURNS (bool): Whether it continues an entity."""
        return self.tag.startswith("I-")


Perturbation = Callable[[Sequence[Word], random.Random], list[Word]]


def to_words(doc: Doc) -> list[Word]:
    """RETURNS (list[Word]): The tokens of a Doc. Without sentence boundaries, it is a single
    sentence."""
    has_sentences = doc.has_annotation("SENT_START")
    return [
        Word(
            token.text,
            bool(token.whitespace_),
            bool(token.is_sent_start) if has_sentences else token.i == 0,
            f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O",
        )
        for token in doc
    ]


def to_doc(words: Sequence[Word], vocab: Vocab) -> Doc:
    """RETURNS (Doc): A Doc of tokens, with sentences and entities."""
    return Doc(
        vocab,
        words=[word.text for word in words],
        spaces=[word.space for word in words],
        sent_starts=[word.starts for word in words],
        ents=[word.tag for word in words],
    )


def rewrite(change: Callable[[str], str]) -> Perturbation:
    """change (Callable[[str], str]): Changes a token's text.
    RETURNS (Perturbation): The change of all tokens that it leaves something of."""
    return lambda words, _: [replace(w, text=change(w.text) or w.text) for w in words]


def sometimes(
    share: float, change: Callable[[str, random.Random], str], shortest: int = 4
) -> Perturbation:
    """share (float): The share of the words to change.
    change (Callable[[str, Random], str]): Changes a word.
    shortest (int): The shortest word to change, in letters.
    RETURNS (Perturbation): The change of some words."""

    def perturb(words: Sequence[Word], chance: random.Random) -> list[Word]:
        return [
            replace(word, text=change(word.text, chance))
            if sum(map(str.isalpha, word.text)) >= shortest and chance.random() < share
            else word
            for word in words
        ]

    return perturb


def swap(word: str, chance: random.Random) -> str:
    """RETURNS (str): A word with two neighbouring letters swapped, but not the first."""
    at = chance.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def misspell(word: str, chance: random.Random) -> str:
    """RETURNS (str): A word with two letters swapped, or one left out, doubled, or replaced by
    its neighbour on the keyboard."""
    at = chance.randrange(1, len(word))
    rows = [row for row in KEYS if word[at].lower() in row]
    near = word[at]
    if rows:
        column = rows[0].index(word[at].lower())
        near = chance.choice(rows[0][max(0, column - 1) : column] + rows[0][column + 1 :][:1])
    return chance.choice(
        (
            swap(word, chance),
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + near + word[at + 1 :],
        )
    )


def misread(word: str, chance: random.Random) -> str:
    """RETURNS (str): A word with a confusion of OCR, if there is one for its letters."""
    found = [(a, b) for a, b in OCR if a in word]
    if not found:
        return word
    return word.replace(*chance.choice(found), 1)


def without_diacritics(text: str) -> str:
    """RETURNS (str): The text without diacritics."""
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


def without_punctuation(words: Sequence[Word], _: random.Random) -> list[Word]:
    """RETURNS (list[Word]): The tokens but for punctuation outside of entities."""
    kept: list[Word] = []
    starts = space = False
    for word in words:
        starts |= word.starts
        if word.tag == "O" and not any(map(str.isalnum, word.text)):
            space |= word.space
            continue
        if kept and space:
            kept[-1] = replace(kept[-1], space=True)
        kept.append(replace(word, starts=starts))
        starts = space = False
    return kept


def join(words: Sequence[Word], chance: random.Random) -> list[Word]:
    """RETURNS (list[Word]): The tokens, some of which are joined with the next one. Boundaries
    of entities are kept."""
    joined: list[Word] = []
    for word in words:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.space
            and not word.starts
            and (word.is_inside or word.tag == last.tag == "O")
            and chance.random() < JOINED
        ):
            joined[-1] = replace(last, text=last.text + word.text, space=word.space)
        else:
            joined.append(word)
    return joined


def split(words: Sequence[Word], chance: random.Random) -> list[Word]:
    """RETURNS (list[Word]): The tokens, with a space inside some long ones."""
    found = []
    for word in words:
        if len(word.text) < 6 or chance.random() >= SPLIT:
            found.append(word)
            continue
        at = chance.randrange(2, len(word.text) - 1)
        found.append(replace(word, text=word.text[:at], space=True))
        tag = word.tag if word.tag == "O" else f"I{word.tag[1:]}"
        found.append(Word(word.text[at:], word.space, False, tag))
    return found


def swap_names(texts: Iterable[Sequence[Word]]) -> Perturbation:
    """texts (Iterable[Sequence[Word]]): The texts with the names.
    RETURNS (Perturbation): Replaces each name by any name of its type."""
    names: dict[str, dict[tuple[str, ...], None]] = {}
    for words in texts:
        for label, name in _entities(words):
            if label:
                names.setdefault(label, {})[tuple(word.text for word in name)] = None
    choices = {label: list(of_label) for label, of_label in names.items()}

    def perturb(words: Sequence[Word], chance: random.Random) -> list[Word]:
        found: list[Word] = []
        for label, group in _entities(words):
            if not label:
                found.extend(group)
                continue
            name = chance.choice(choices[label])
            for i, text in enumerate(name):
                is_last = i == len(name) - 1
                found.append(
                    Word(
                        text,
                        group[-1].space if is_last else True,
                        group[0].starts and i == 0,
                        f"{'I' if i else 'B'}-{label}",
                    )
                )
        return found

    return perturb


def _entities(words: Sequence[Word]) -> Iterable[tuple[str, list[Word]]]:
    """YIELDS (tuple[str, list[Word]]): The label and the tokens of each entity, and of what is
    between them with an empty label."""
    count = 0
    numbers = []
    for word in words:
        count += not word.is_inside
        numbers.append(count)
    for _, group in groupby(zip(numbers, words), key=lambda pair: pair[0]):
        found = [word for _, word in group]
        yield found[0].tag[2:], found


def alone(words: Sequence[Word]) -> list[list[Word]]:
    """RETURNS (list[list[Word]]): Each sentence as a text."""
    sentences: list[list[Word]] = []
    for word in words:
        if word.starts or not sentences:
            sentences.append([])
        sentences[-1].append(word)
    return sentences


PERTURBATIONS: dict[str, Perturbation] = {
    "lower case": rewrite(str.lower),
    "upper case": rewrite(str.upper),
    "title case": rewrite(str.capitalize),
    "letters swapped": sometimes(SWAPPED, swap),
    "misspelt": sometimes(MISSPELT, misspell),
    "OCR confusions": sometimes(MISREAD, misread, shortest=1),
    "no punctuation": without_punctuation,
    "words joined": join,
    "words split": split,
    "no diacritics": rewrite(without_diacritics),
}
