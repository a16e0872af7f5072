"""The lines of a sentence in a column file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import sources
from ..documents import MAX_WORDS, Span
from ..notes import Notes

# Words that are rather marks of sentences and documents.
MARK = re.compile(
    r"(?i)</?(?:s|p|doc|document|text|sent|sentence|bos|eos)\b[^<>]*>|\[(?:cls|sep|pad|doc|bos|eos)\]"
    r"|end[_-]?of[_-]?(?:doc|sent)\w*|[=#]{3,}"
)
# A word with more characters of a script without spaces is a sentence.
LONG_WORD = 12


@dataclass(slots=True)
class Rows:
    """The lines of an incomplete sentence.

    words, tags, lines: One value per word.
    glued (set[int]): The words that are not followed by a space.
    tagged (bool): Whether there is an entity.
    characters (int): The number of characters of the long words. `MAX_WORDS` bounds the others.
    full (bool): Whether the sentence has too many words or characters.
    text (str): The text, if the file has it.
    """

    words: list[str] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    glued: set[int] = field(default_factory=set)
    tagged: bool = False
    characters: int = 0
    full: bool = False
    text: str = ""
    # Brackets that are not closed: the label, and the index of the first word.
    open: list[tuple[str, int]] = field(default_factory=list)
    # Entities within the brackets of others.
    nested: list[Span] = field(default_factory=list)
    # Words up to this number are parts of the last multiword token.
    range_end: int = 0

    def add(self, word: str, tag: tuple[str, str], line: int) -> None:
        """Add a word."""
        self.words.append(word)
        self.tags.append(tag)
        self.lines.append(line)
        if tag[1]:
            self.tagged = True
        if len(word) > LONG_WORD:
            self.characters += len(word)
            self.full = self.full or self.characters > sources.LONGEST_RECORD
        if len(self.words) >= MAX_WORDS:
            self.full = True

    def add_numbered(
        self, number: str, word: str, tag: tuple[str, str], line: int, glued: bool
    ) -> None:
        """Add a word with a token index. Parts of a multiword token only have its tag."""
        if number and self.range_end and int(number) <= self.range_end:
            # The text contains the multiword token. The tag may be on one of its parts.
            if tag[1] and not self.tags[-1][1]:
                self.tags[-1] = tag
                self.tagged = True
            return
        self.range_end = 0
        self.add(word, tag, line)
        if glued:
            self.glued.add(len(self.words) - 1)

    def open_range(
        self, number: str, word: str, tag: tuple[str, str], line: int, glued: bool
    ) -> None:
        """Add a multiword token, whose index is a range."""
        self.add_numbered("", word, tag, line, glued)
        self.range_end = int(number.partition("-")[2])


def note_marks(words: Sequence[str], lines: tuple[int, int], notes: Notes) -> None:
    """Note if the first or last word of a sentence is probably a mark and no word.

    words (Sequence[str]): The words.
    lines (tuple[int, int]): The lines of the first and of the last word.
    notes (Notes): Collects the note.
    """
    ends = dict(zip((words[0], words[-1]), lines))
    for word, line in ends.items():
        if word[0] in "<[=#eE" and MARK.fullmatch(word):
            notes.add(
                "marks like [CLS], <s> or ===== at the start or end of sentences were read as "
                "words. If they are not part of the text, remove them",
                line,
            )
