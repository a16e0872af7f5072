"""The shape of words: the case of their letters, which uncased encoders do not see."""

import numpy

OTHER, LOWER, TITLE, UPPER, INITIAL, MIXED = range(6)
N_SHAPES = 6
# The share of words in lower case, of those with cased letters, from which the case of a text
# says nothing.
UNIFORM = 0.95


def word_shape(word: str) -> int:
    """Classify a word by the case of its letters.

    word (str): The word.
    RETURNS (int): OTHER if it has no cased letters ("1996", "!"), LOWER ("cat"),
        TITLE ("Paris", "Paris-based"), UPPER ("EU"), INITIAL for a single capital letter
        ("J."), or MIXED ("McDonald").
    """
    letters = [c for c in word if c.isupper() or c.islower()]
    if not letters:
        return OTHER
    if not any(c.isupper() for c in letters):
        return LOWER
    if len(letters) == 1:
        return INITIAL
    if not any(c.islower() for c in letters):
        return UPPER
    if letters[0].isupper() and not any(c.isupper() for c in letters[1:]):
        return TITLE
    return MIXED


def has_uniform_case(shapes: numpy.ndarray) -> bool:
    """Check whether the case of a text says nothing about its words, because nearly all of them
    are in lower case, or nearly none.

    shapes (ndarray): The shapes of its words. Shape: (words,)
    RETURNS (bool): Whether the case is uniform.
    """
    cased = shapes[shapes != OTHER]
    return not 1 - UNIFORM < (cased == LOWER).sum() / max(1, len(cased)) < UNIFORM
