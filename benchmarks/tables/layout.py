"""What all tables share."""

from collections.abc import Iterable, Sequence
from typing import Any

Result = dict[str, Any]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def hardware(result: Result, *more: str) -> str:
    made, versions = result["hardware"], result["versions"]
    parts = [
        f"Hardware: {made['cpu']}, threads: {made['threads']}"
        + (f", GPU: {made['gpu']}" if made["gpu"] else ""),
        f"torch {versions['torch']}",
        *more,
    ]
    return f"{'; '.join(parts)}."
