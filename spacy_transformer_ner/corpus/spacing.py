"""Restore the spaces of tokenized text.

A model that is trained on "did n't , he said ." is used on "didn't, he said.". The rules below
undo common tokenizers. Whether a quotation mark opens or closes depends on its position in the
sentence and on the quotation marks before it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

LEFT = frozenset(
    [
        ".",
        ",",
        ";",
        ":",
        "!",
        "?",
        "…",
        "%",
        ")",
        "]",
        "}",
        "’",
        "''",
        "..",
        "...",
        "!!",
        "??",
        "-RRB-",
        "-RSB-",
        "-RCB-",
    ]
)
RIGHT = frozenset(["(", "[", "{", "``", "`", "¿", "¡", "-LRB-", "-LSB-", "-LCB-"])
# Currencies that spaCy's tokenizer splits from the number.
CURRENCIES = frozenset(["$", "£", "€", "¥", "US$", "A$", "C$"])
MARKS = re.compile(r"[!?…]{2,}")
# "dit -il", "anar -hi"
ENCLITIC = re.compile(r"-[^\W\d_].*")
HYPHEN_ENCLITICS = frozenset(("fr", "ca", "pt"))
# Punctuation with a space before it in French.
FRENCH_APART = frozenset([";", ":", "!", "?", "«", "»", "!!", "??", "%"])
# Languages without spaces between words.
UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "km", "bo", "yue"))
# Quotation marks that can open or close, and the open marks that they close.
QUOTES = {"‘": "‚", "‚": "", "“": "„", "”": "“„”", "»": "«»", "«": "»", "„": ""}
# Languages that write ”so” and »so» or »so«.
SAME_QUOTES = frozenset(("sv", "fi", "nb", "nn", "da", "de"))
NUMBER = re.compile(r"[-.,]?\d")
CLOSES_AFTER = frozenset([".", ",", "!", "?", "…"])
CLOSES_BEFORE = frozenset([".", ",", ";", ":", "!", "?", "…", ")"])
APOSTROPHES = ("'", "’")
CLITICS = frozenset(["s", "re", "ve", "ll", "d", "m", "t"])
ENGLISH_CLITICS = frozenset(a + c for a in APOSTROPHES for c in CLITICS) | {"n't", "n’t"}
ELIDING = frozenset(("ca", "fr", "it"))


def restore_spaces(sentences: Iterable[Sequence[str]], lang: str = "en") -> Iterator[list[bool]]:
    """Predict which words of a document are followed by a space.

    sentences (Iterable[Sequence[str]]): The words of each sentence.
    lang (str): The language code. English attaches "'s" and "n't" to the previous word.
        French, Italian and Catalan attach "l'" to the next word. Chinese, Japanese and Thai
        have no spaces.
    YIELDS (list[bool]): For each sentence, one value per word. The last word of a sentence is
        followed by a space, except in languages without spaces.
    """
    open_quotes: set[str] = set()
    for words in sentences:
        if lang in UNSPACED:
            after = [*words[1:], ""]
            yield [_is_latin(w[-1]) and _is_latin(n[:1]) for w, n in zip(words, after)]
            continue
        joins = [_joins(words, i, open_quotes, lang) for i in range(len(words))]
        yield [
            i + 1 == len(words) or not (joins[i][1] or joins[i + 1][0]) for i in range(len(words))
        ]


def _joins(words: Sequence[str], i: int, open_quotes: set[str], lang: str) -> tuple[bool, bool]:
    """RETURNS (tuple[bool, bool]): Whether the word is attached to the previous word, and to the
    next word."""
    word = words[i]
    if lang == "en" and word in APOSTROPHES and _next(words, i) in CLITICS:
        # Some tokenizers split "it's" into three tokens.
        return i > 0, True
    if lang in ELIDING and word in APOSTROPHES and i and _elides(words[i - 1] + word):
        return True, True
    if word == '"' or word == "'":
        return _quote(words, i, open_quotes)
    if lang == "fr" and word in FRENCH_APART:
        return False, False
    if word in QUOTES:
        closes = any(mark in open_quotes for mark in QUOTES[word])
        if not closes and word in "”»":
            # The opening mark is in another sentence, or is the same character.
            closes = lang not in SAME_QUOTES
        open_quotes.difference_update(QUOTES[word]) if closes else open_quotes.add(word)
        return closes, not closes
    if word == "%":
        return lang != "de" and i > 0 and words[i - 1][-1:].isdigit(), False
    if word in CURRENCIES:
        # "5 €" but "€5"
        before_number = NUMBER.match(_next(words, i)) is not None
        after_number = lang != "en" and i > 0 and words[i - 1][-1:].isdigit()
        return False, before_number and not after_number
    if word in ("/", "\\/"):
        letters = 0 < i < len(words) - 1 and words[i - 1].isalpha() and words[i + 1].isalpha()
        return letters, letters
    if word == "." and i and words[i - 1].endswith("."):
        return False, False  # keep "the U.S. .", not "the U.S.."
    if word in LEFT or MARKS.fullmatch(word):
        return True, False
    if word in RIGHT:
        return False, True
    if lang == "en" and word.lower() in ENGLISH_CLITICS:
        return True, False
    if lang in ELIDING and _elides(word):
        return False, True
    if lang in HYPHEN_ENCLITICS and ENCLITIC.fullmatch(word):
        return True, False
    return False, False


def _elides(word: str) -> bool:
    """Whether the apostrophe at the end of a word replaces a vowel, as in l' and qu', and is not
    an accent (citta') or an abbreviation (po')."""
    stem = word[:-1].lower()
    return (
        bool(stem)
        and word.endswith(APOSTROPHES)
        and (stem.endswith("qu") or stem[-1] not in "aeiouàèéìòù" and stem[-1].isalpha())
    )


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _next(words: Sequence[str], i: int) -> str:
    return words[i + 1] if i + 1 < len(words) else ""


def _quote(words: Sequence[str], i: int, open_quotes: set[str]) -> tuple[bool, bool]:
    mark = words[i]
    before = words[i - 1] if i else ""
    after = _next(words, i)
    if not before:
        closes = not after
    elif not after or after in CLOSES_BEFORE or before in CLOSES_AFTER and mark in open_quotes:
        closes = True
    elif mark == "'" and mark not in open_quotes:
        # A single one in the sentence is an apostrophe: "the players ' union".
        closes = mark not in words[i + 1 :]
    else:
        closes = mark in open_quotes
    (open_quotes.discard if closes else open_quotes.add)(mark)
    return closes, not closes


def spaces_from_text(words: Sequence[str], text: str) -> list[bool] | None:
    """Read the spaces between words from the original text.

    words (Sequence[str]): The words of a sentence.
    text (str): The text of the sentence.
    RETURNS (list[bool] | None): Whether each word is followed by a space. Always true for the
        last word. None if the words don't match the text.
    """
    spaces: list[bool] = []
    end = 0
    for word in words:
        start = end
        while start < len(text) and text[start].isspace():
            start += 1
        if not text.startswith(word, start):
            return None
        spaces.append(start > end)
        end = start + len(word)
    # Shift from "space before" to "space after".
    return [*spaces[1:], True]
