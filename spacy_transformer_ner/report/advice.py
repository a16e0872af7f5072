"""What to do next: the causes of mistakes, ranked by how many mistakes they explain.

A cause is a function in `causes.CAUSES`. To add one, write a function and list it there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..wording import counted

# The pieces of advice that are shown first.
FIRST = 3
# Causes of fewer mistakes are left out.
FEW = 5


@dataclass(frozen=True)
class Advice:
    """A piece of advice. Its texts are HTML, see `bdi`.

    kind (str): The cause, e.g. "few-examples".
    do (Markup | str): What to do, as a sentence.
    why (Markup | str): The cause, in figures.
    mistakes (float): The number of mistakes that it explains: those beyond the rate of what the
        cause does not affect.
    gain (str): What it may give, and how that is known. If empty, it is estimated from the
        mistakes.
    section (str): The id of the section of the page with more about it.
    is_first (bool): Whether the figures mean little before it is followed.
    """

    kind: str
    do: Markup | str
    why: Markup | str
    mistakes: float = 0
    gain: str = ""
    section: str = ""
    is_first: bool = False


def bdi(name: str) -> Markup:
    """name (str): A name that users chose.
    RETURNS (Markup): The name as HTML. Bidirectional control characters in it do not affect
        the text that follows."""
    return Markup("<bdi>{}</bdi>").format(name)


def ranked(pieces: Iterable[Advice]) -> list[Advice]:
    """pieces (Iterable[Advice]): Pieces of advice.
    RETURNS (list[Advice]): Those that explain most mistakes first."""
    return sorted(pieces, key=lambda piece: (not piece.is_first, -piece.mistakes))


def as_text(pieces: Sequence[Advice], n: int = FIRST) -> list[str]:
    """Format advice for the console.

    pieces (Sequence[Advice]): The advice.
    n (int): How many pieces to show.
    RETURNS (list[str]): The lines.
    """
    lines = []
    for number, piece in enumerate(pieces[:n], start=1):
        share = counted(round(piece.mistakes), "[mistake|mistakes]") if piece.mistakes else ""
        lines.append(f"{number}. {_plain(piece.do)}{f' ({share})' if share else ''}")
        lines += [f"   {_plain(text)}" for text in (piece.why, piece.gain) if text]
    if len(pieces) > n:
        lines.append(f"The report has {len(pieces) - n} more.")
    return lines


def _plain(text: Markup | str) -> str:
    return escape(text).striptags()
