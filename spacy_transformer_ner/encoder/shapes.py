"""The shape of words: the case of their letters, which uncased encoders do not see."""

OTHER, LOWER, TITLE, UPPER, INITIAL, MIXED = range(6)
N_SHAPES = 6


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
