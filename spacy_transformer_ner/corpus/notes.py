"""Problems that were found or fixed while reading a file."""

from dataclasses import dataclass

from .tags import Seen


@dataclass(frozen=True)
class Note:
    """A problem in a file.

    message (str): What was found, and how it was handled.
    count (int): The number of times it was found.
    places (tuple[str, ...]): The first places, as file:line. At most ten.
    """

    message: str
    count: int
    places: tuple[str, ...]


class Notes:
    """Collects the notes about a file.

    name (str): The file name.
    """

    def __init__(self, name: str):
        self.name = name
        self._seen: dict[str, Seen] = {}

    def add(self, message: str, line: int) -> None:
        """Count a problem.

        message (str): What was found, and how it was handled.
        line (int): The line.
        """
        self._seen.setdefault(message, Seen()).add(line)

    def take(self, message: str, seen: Seen) -> None:
        """Set the count of a problem, if there is any.

        message (str): What was found, and how it was handled.
        seen (Seen): The count and the lines.
        """
        if seen.count:
            self._seen[message] = seen

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): The notes, in the order they were added."""
        return [
            Note(message, seen.count, tuple(f"{self.name}:{line}" for line in seen.lines))
            for message, seen in self._seen.items()
        ]
