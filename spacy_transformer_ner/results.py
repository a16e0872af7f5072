"""The base of results."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """A result that can be written as JSON."""

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)
