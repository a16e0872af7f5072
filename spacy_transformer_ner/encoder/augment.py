"""Random changes to how texts are read in training: other case, misspelt words, and texts cut
into sentences or joined.

Only what the encoder sees changes. The Docs keep their tokens, so the gold tags stay aligned.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Optional

import numpy
from spacy.attrs import IS_PUNCT, ORTH, SENT_START
from spacy.pipeline import Sentencizer
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ..errors import InputError

# The longest word that headlines leave in lower case, in letters.
SHORT = 3
# How many misspellings of a word there are. The wordpieces of each are cached.
N_TYPOS = 7
# The shortest word that is misspelt, in letters.
MISSPELT = 4

SENTENCE_ENDS = [get_string_id(end) for end in Sentencizer.default_punct_chars]


def _headline(word: str) -> str:
    return word if len(word) <= SHORT else word.capitalize()


# Ways to write a word, by the number of a case. The first leaves it as it is.
CASES: tuple[Callable[[str], str], ...] = (
    str,
    str.lower,
    str.upper,
    str.capitalize,
    _headline,
)
# The variant of a word that is left out.
LEFT_OUT = len(CASES) * (1 + N_TYPOS)
N_VARIANTS = LEFT_OUT + 1


@dataclass(frozen=True)
class Reading:
    """How a batch of Docs is read.

    lengths (ndarray): The number of tokens of each text. Texts may be parts of Docs, or several
        Docs. Shape: (texts,), int64.
    variants (ndarray): The variant of each token, see `write_variant`; 0 for the token itself.
        Shape: (tokens,), int64.
    """

    lengths: numpy.ndarray
    variants: numpy.ndarray


@dataclass(frozen=True)
class Augmentation:
    """How texts are changed in training, as probabilities.

    recase (float): That all words of a text are read in lower, upper or title case.
    no_punctuation (float): That a text is read without its punctuation.
    typos (float): That a word is misspelt.
    regroup (float): That the texts of a batch are cut into sentences or groups of sentences, and
        short ones joined.

    RAISES: InputError if one of them is not a probability.
    """

    recase: float = 0.0
    no_punctuation: float = 0.0
    typos: float = 0.0
    regroup: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0.0 <= value <= 1.0:
                raise InputError(
                    f"the encoder's augment.{name} is {value}: it must be between 0 and 1."
                )

    @classmethod
    def of(cls, settings: Optional[dict[str, float]]) -> "Augmentation":
        """settings (dict[str, float] | None): The probabilities by name; others are 0.
        RETURNS (Augmentation): The augmentation.
        RAISES: InputError for an unknown name, and as the class."""
        names = [f.name for f in fields(cls)]
        for name in settings or ():
            if name not in names:
                raise InputError(
                    f"the encoder's augment has no setting {name!r}. Its settings are "
                    f"{', '.join(names)}."
                )
        return cls(**(settings or {}))

    def read(self, docs: Sequence[Doc], longest: int) -> Reading:
        """Draw a reading of a batch of Docs. Uses numpy's random numbers, and none where a
        probability is 0.

        docs (Sequence[Doc]): The Docs.
        longest (int): Texts are not joined to more tokens than this.
        RETURNS (Reading): The reading.
        """
        lengths = numpy.array([len(doc) for doc in docs], dtype="int64")
        variants = numpy.zeros(lengths.sum(), dtype="int64")
        if self.regroup and numpy.random.rand() < self.regroup:
            lengths = _regrouped(docs, longest, numpy.random.rand())
        n = len(lengths)
        if self.recase:
            cases = numpy.random.randint(1, len(CASES), n)
            cases *= numpy.random.rand(n) < self.recase
            variants += numpy.repeat(cases, lengths)
        if self.typos:
            typos = numpy.random.randint(1, 1 + N_TYPOS, len(variants))
            typos *= numpy.random.rand(len(variants)) < self.typos
            variants += len(CASES) * typos
        if self.no_punctuation:
            is_without = numpy.random.rand(n) < self.no_punctuation
            variants[numpy.repeat(is_without, lengths) & _is_punctuation(docs)] = LEFT_OUT
        return Reading(lengths, variants)


def _regrouped(docs: Sequence[Doc], longest: int, share: float) -> numpy.ndarray:
    """Cut Docs at a share of their sentences' starts, and join a share of neighbouring ones.

    RETURNS (ndarray): The number of tokens of each text.
    """
    lengths = []
    length = 0
    for doc in docs:
        starts = sentence_starts(doc)
        cuts = starts[numpy.random.rand(len(starts)) < share]
        is_joined = numpy.random.rand() < share and length + len(doc) <= longest
        if length and not is_joined:
            lengths.append(length)
            length = 0
        for part in numpy.diff(cuts, prepend=0).tolist():
            lengths.append(length + part)
            length = 0
        length += len(doc) - int(cuts[-1] if len(cuts) else 0)
    return numpy.array([*lengths, length], dtype="int64")


def _is_punctuation(docs: Sequence[Doc]) -> numpy.ndarray:
    return numpy.concatenate([doc.to_array(IS_PUNCT) for doc in docs]).astype("bool")


def sentence_starts(doc: Doc) -> numpy.ndarray:
    """doc (Doc): The Doc.
    RETURNS (ndarray): The first tokens of its sentences but the first. Where sentences are not
        set, they start after a token that ends one, such as a full stop."""
    if doc.has_annotation("SENT_START"):
        starts = numpy.flatnonzero(doc.to_array(SENT_START) == 1)
    else:
        starts = numpy.flatnonzero(numpy.isin(doc.to_array(ORTH), SENTENCE_ENDS)) + 1
    return starts[(starts > 0) & (starts < len(doc))]


def write_variant(word: str, variant: int) -> str:
    """Write a word in another case, or misspelt. The result is always the same.

    word (str): The word.
    variant (int): The number of its case, of `CASES`, plus `len(CASES)` times that of its
        misspelling, from 0 for none to `N_TYPOS`. Or `LEFT_OUT`.
    RETURNS (str): The word as it is read, empty if it is left out.
    """
    if variant == LEFT_OUT:
        return ""
    typo, case = divmod(variant, len(CASES))
    if typo and sum(map(str.isalpha, word)) >= MISSPELT:
        word = misspell(word, random.Random(f"{typo} {word}"))
    return CASES[case](word)


def misspell(word: str, chance: random.Random) -> str:
    """Misspell a word: swap two neighbouring letters, or leave one out, double or replace it.

    word (str): The word, of at least two letters.
    chance (Random): The random number generator.
    RETURNS (str): The misspelt word.
    """
    at = chance.randrange(len(word) - 1)
    before, letter, after, rest = word[:at], word[at], word[at + 1], word[at + 2 :]
    other = chance.choice(word)
    return (
        before
        + chance.choice((after + letter, after, letter + letter + after, other + after))
        + rest
    )
