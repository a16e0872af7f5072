"""The error for invalid user input, and hints for installing extras."""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

PACKAGE = "spacy-transformer-ner"


class InputError(ValueError):
    """Raised for invalid user input: a file, a name or a setting.

    message (str): What was found and how to fix it.
    path (str | Path | None): The file.
    line (int | None): The line in the file, counted from 1.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None):
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{place}{message}")
        self.path = path
        self.line = line


def one_line(error: BaseException, max_length: int = 300) -> str:
    """Get the message of a library's error as one line, for an InputError.

    error (BaseException): The error.
    max_length (int): The maximum number of characters.
    RETURNS (str): The message, or the name of the error's type if it has none.
    """
    return " ".join(str(error).split())[:max_length] or type(error).__name__


def install_extra(extra: str) -> str:
    """Get the command that installs an extra of this package. It names the extra's
    requirements, so it works even if this package is not on an index.

    extra (str): The extra's name in pyproject.toml.
    RETURNS (str): The command, e.g. `pip install 'pyarrow>=15'`.
    """
    needed = _requirements_of(extra) or [f"{PACKAGE}[{extra}]"]
    return " ".join(["pip install", *(f"'{requirement}'" for requirement in needed)])


def _requirements_of(extra: str) -> list[str]:
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:  # the package is on the path, but not installed
        return []
    needed: list[str] = []
    for requirement in map(Requirement, lines):
        marker, requirement.marker = requirement.marker, None
        if marker is None or marker.evaluate({"extra": ""}):
            continue  # installed with the package
        if not marker.evaluate({"extra": extra}):
            continue
        if requirement.name == PACKAGE:  # an extra that includes others
            for other in sorted(requirement.extras):
                needed += _requirements_of(other)
        else:
            needed.append(str(requirement))
    return needed
