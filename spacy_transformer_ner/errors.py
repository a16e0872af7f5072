"""The one error a user can cause and mend."""

from pathlib import Path


class InputError(ValueError):
    """Something the user gave cannot be used: a file, a name, a setting.

    message (str): What was found and what to do about it.
    path (str | Path | None): The file it was found in.
    line (int | None): The line of that file, counted from 1.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None):
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{place}{message}")
        self.path = path
        self.line = line
