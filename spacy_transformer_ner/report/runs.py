"""Earlier evaluations on the same data."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from html import unescape
from pathlib import Path
from typing import Any

import srsly

from ..evaluation.evaluate import SCHEMA
from ..results import Result

# The page keeps its runs, so that a report that is written again shows the earlier ones. Quotes
# are escaped in all of the page's texts.
_IN_PAGE = re.compile(r'<body data-runs="([^"]*)">')
MAX_RUNS = 20


@dataclass(frozen=True)
class EvaluatedRun(Result):
    """An evaluation, in short.

    date (str): When its figures were written, in UTC, as "2026-01-31 12:00".
    model (str): The pipeline.
    corpus (str): The data.
    entities (int): The number of annotated entities.
    f, p, r (float): Its F1, precision and recall on raw text.
    """

    date: str
    model: str
    corpus: str
    entities: int
    f: float
    p: float
    r: float


def _run(evaluation: dict[str, Any], path: Path) -> EvaluatedRun:
    c = evaluation["text"]["entities"]
    return EvaluatedRun(
        date=datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).strftime("%Y-%m-%d %H:%M"),
        model=str(evaluation["model"]),
        corpus=str(evaluation["corpus"]),
        entities=int(c["tp"] + c["fn"]),
        f=float(c["f"]),
        p=float(c["p"]),
        r=float(c["r"]),
    )


def runs_of(evaluation: dict[str, Any], path: Path, page: Path) -> list[EvaluatedRun]:
    """Find evaluations on the same data: in other JSON files beside the figures, and in the page
    that is about to be replaced. Files that are something else are skipped.

    evaluation (dict): The output of the evaluate command.
    path (Path): Its file.
    page (Path): The report to write.
    RETURNS (list[EvaluatedRun]): The earlier runs, the newest 20 at most, the oldest first; and this one.
        Empty if the figures are not such an output.
    """
    try:
        this = _run(evaluation, path)
    except (LookupError, TypeError, ValueError):
        return []
    runs = {run for run in (*_beside(path), *_of_page(page)) if run.corpus == this.corpus}
    earlier = [run for run in runs if run != this and run.date <= this.date]
    return [*sorted(earlier, key=lambda run: (run.date, run.model))[-MAX_RUNS:], this]


def _beside(path: Path) -> Iterable[EvaluatedRun]:
    for other in sorted(path.parent.glob("*.json")):
        if other == path or not other.is_file():
            continue
        try:
            content = srsly.read_json(other)
            if isinstance(content, dict) and content.get("schema") == SCHEMA:
                yield _run(content, other)
        except (ValueError, LookupError, TypeError, OSError):
            continue


def _of_page(page: Path) -> Iterable[EvaluatedRun]:
    if not page.is_file():
        return
    found = _IN_PAGE.search(page.read_text("utf-8", errors="replace"))
    try:
        for record in json.loads(unescape(found[1])) if found else ():
            yield EvaluatedRun(**record)
    except (ValueError, TypeError):
        return
