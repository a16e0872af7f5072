"""What was found or fixed while a file was read."""

from dataclasses import dataclass

from .tags import Seen


@dataclass(frozen=True)
class Note:
    """Something of a file that was not as it should be.

    message (str): What it was and how it was read.
    count (int): How often.
    places (tuple[str, ...]): Where first, as file:line; ten at most.
    """

    message: str
    count: int
    places: tuple[str, ...]


class Notes:
    """Collects what is noted of a file.

    name (str): The file's name.
    """

    def __init__(self, name: str):
        self.name = name
        self._seen: dict[str, Seen] = {}

    def add(self, message: str, line: int) -> None:
        """message (str): What was found and how it was read.
        line (int): Where."""
        self._seen.setdefault(message, Seen()).add(line)

    def take(self, message: str, seen: Seen) -> None:
        """message (str): What was found and how it was read.
        seen (Seen): How often and where."""
        if seen.count:
            self._seen[message] = seen

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): What was noted, in the order it was met."""
        return [
            Note(message, seen.count, tuple(f"{self.name}:{line}" for line in seen.lines))
            for message, seen in self._seen.items()
        ]
