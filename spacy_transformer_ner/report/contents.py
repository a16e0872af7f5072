"""What a report is made of, and what can be joined from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

from ..corpus.splits import split_of
from ..evaluation.error_types import NONE
from .runs import EvaluatedRun

Record = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """The contents of a report, as written by the commands.

    evaluation (dict): The output of the evaluate command.
    mistakes (Sequence[dict]): Its mistakes on raw text, most confident first.
    check (dict | None): The output of the check command.
    suspects (Sequence[dict]): The output of the suspects command.
    calibration (dict | None): The output of the calibrate command.
    history (Sequence[dict]): The records of the training's HistoryLogger.
    learning_curve (dict | None): The output of the learning-curve command.
    runs (Sequence[EvaluatedRun]): Evaluations on the same data, the oldest first and this one last.
    made (dict[str, dict[str, str]]): Provenance tables: versions, data, commands.
    config (str): The pipeline's config.
    """

    evaluation: Record
    mistakes: Sequence[Record] = ()
    check: Optional[Record] = None
    suspects: Sequence[Record] = ()
    calibration: Optional[Record] = None
    history: Sequence[Record] = ()
    learning_curve: Optional[Record] = None
    runs: Sequence[EvaluatedRun] = ()
    made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config: str = ""

    @property
    def text(self) -> Record:
        """RETURNS (dict): The figures on raw text."""
        return self.evaluation["text"]

    @property
    def can_overlap(self) -> bool:
        """RETURNS (bool): Whether the entities are the spans of a spancat. They cannot be
        calibrated or reviewed."""
        return "spans_sc_f" in self.text

    @property
    def split(self) -> str:
        """RETURNS (str): The split that was evaluated, by the name of its file; or "the
        evaluated data"."""
        return split_of(Path(self.evaluation["corpus"])) or "the evaluated data"

    @property
    def splits(self) -> dict[str, Record]:
        """RETURNS (dict[str, dict]): The size of each split of the corpus, if it was checked."""
        return self.check["splits"] if self.check else {}

    @property
    def findings(self) -> list[Record]:
        """RETURNS (list[dict]): The findings of the check, if there was one."""
        return self.check["findings"] if self.check else []

    @property
    def n_mistakes(self) -> int:
        """RETURNS (int): The number of mistakes."""
        return sum(n for kind, n in self.text["error_types"].items() if kind != "right")

    @cached_property
    def per_split(self) -> dict[str, dict[str, int]]:
        """RETURNS (dict[str, dict[str, int]]): The entities of each type in each split. Only
        train if the corpus was not checked, and it was given to evaluate."""
        known = self.text.get("entities_in_training")
        counts = {"train": known} if known else {}
        return counts | {
            name: split["labels"] for name, split in self.splits.items() if "labels" in split
        }

    @cached_property
    def entities(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): The evaluated entities of each type."""
        types = self.text["entities_per_type"]
        return {label: row["tp"] + row["fn"] for label, row in types.items()}

    @cached_property
    def found_as(self) -> dict[str, Counter[str]]:
        """RETURNS (dict[str, Counter[str]]): For each type, what its entities were mistaken
        for; "" if they were missed."""
        return {
            label: Counter({other: n for other, n in row.items() if other != label and n})
            for label, row in self.text["confusion"].items()
            if label != NONE
        }

    @cached_property
    def doubted(self) -> dict[int, Record]:
        """RETURNS (dict[int, dict]): The suspects of the mistakes whose annotation is also
        suspicious to the check, by the index of the mistake."""
        here = [s for s in self.suspects if s["meta"]["split"] == self.split]
        by_document: dict[int, list[Record]] = {}
        for record in here:
            if "check" in record["suspect"]["sources"]:
                by_document.setdefault(record["suspect"]["document"], []).append(record)
        found = {}
        for i, mistake in enumerate(self.mistakes):
            for record in by_document.get(mistake["document"], ()):
                if _is_same(mistake, record["suspect"]):
                    found[i] = record
                    break
        return found

    def fixed(self, n: float) -> float:
        """Estimate the F1 with fewer mistakes.

        n (float): How many of the entities that are wrong or missed would be right.
        RETURNS (float): The F1. As many of these entities would be new predictions as are
            missed among all of them.
        """
        c = self.text["entities"]
        missed = self.text["error_types"]["missed"] / max(c["fn"], 1)
        n = min(n, c["fn"])
        return 2 * (c["tp"] + n) / max(2 * c["tp"] + c["fp"] + c["fn"] + missed * n, 1)


def _is_same(mistake: Record, suspect: Record) -> bool:
    """Whether a suspect overlaps with a mistake in the same document. The characters that they
    share must be equal, in case the files are of different versions of the corpus."""
    first = start_of(mistake)
    second = suspect["offset"] + suspect["start"]
    low = max(first, second)
    high = min(first + len(mistake["text"]), second + len(suspect["text"]))
    return (
        low < high
        and mistake["text"][low - first : high - first]
        == suspect["text"][low - second : high - second]
    )


def start_of(mistake: Record) -> int:
    """mistake (dict): A mistake.
    RETURNS (int): The start character of the text that either entity covers."""
    return min(mistake[of]["start"] for of in ("gold", "predicted") if mistake[of])
