"""The one error a user can cause and fix, and how to install what is missing."""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

PACKAGE = "spacy-transformer-ner"


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


def one_line(error: BaseException, max_length: int = 300) -> str:
    """Put what another library says into one line, for an InputError.

    error (BaseException): The library's error.
    max_length (int): The most characters that are kept.
    RETURNS (str): Its message, or the name of its type if it has none.
    """
    return " ".join(str(error).split())[:max_length] or type(error).__name__


def install_extra(extra: str) -> str:
    """Say how to install an extra of this package. The command names the distributions
    that the extra needs, so it works whether or not an index has this package.

    extra (str): The extra's name in pyproject.toml.
    RETURNS (str): The command, such as `pip install 'pyarrow>=15'`.
    """
    needed = _requirements_of(extra) or [f"{PACKAGE}[{extra}]"]
    return " ".join(["pip install", *(f"'{requirement}'" for requirement in needed)])


def _requirements_of(extra: str) -> list[str]:
    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:  # the package is on the path without being installed
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
