"""Shared by the benchmarked trainings: gold entities, F1, and results."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Optional

import spacy
from spacy.tokens import Doc
from spacy.training import Corpus

from spacy_transformer_ner.files import write_json

Span = tuple[int, int, str]


def read_docs(corpus: Path, split: str, lang: str) -> list[Doc]:
    """RETURNS (list[Doc]): The Docs of a split, with the corpus' own tokens, sentences and
    entities."""
    return [example.reference for example in Corpus(corpus / f"{split}.spacy")(spacy.blank(lang))]


def further_splits(corpus: Path) -> list[str]:
    """RETURNS (list[str]): The other splits of a corpus that a trained model is tested on."""
    known = {"train", "dev", "test"}
    return sorted(path.stem for path in corpus.glob("*.spacy") if path.stem not in known)


def gold_spans(doc: Doc) -> list[Span]:
    """RETURNS (list[Span]): The start token, end token and label of each entity."""
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def f_score(gold: Iterable[Sequence[Span]], found: Iterable[Sequence[Span]]) -> float:
    """Compute the F1 of entities, which are correct if tokens and label are equal.

    gold, found (Iterable[Sequence[Span]]): The entities of each text.
    RETURNS (float): The micro-averaged F1.
    """
    pairs = [(set(a), set(b)) for a, b in zip(gold, found, strict=True)]
    right = sum(len(a & b) for a, b in pairs)
    return 2 * right / max(1, sum(len(a) + len(b) for a, b in pairs))


@dataclass
class Training:
    """The result of a training.

    system (str): The name of the system.
    seed (int): The random seed.
    curve (list[tuple[float, float]]): Seconds of training, without evaluations, and dev F1.
    dev_f, test_f (float): F1 of the final model on the corpus' tokens and sentences.
    dev_f_text, test_f_text (float | None): F1 on raw text.
    further_f (dict[str, float]): F1 on further splits, on their tokens and sentences.
    epochs (float): The number of epochs.
    """

    system: str
    seed: int
    curve: list[tuple[float, float]] = field(default_factory=list)
    dev_f: float = 0.0
    test_f: float = 0.0
    dev_f_text: Optional[float] = None
    test_f_text: Optional[float] = None
    further_f: dict[str, float] = field(default_factory=dict)
    epochs: float = 0.0

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


class Stopwatch:
    """Measures the seconds of training, without evaluations."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._left_out = 0.0

    @property
    def seconds(self) -> float:
        """RETURNS (float): The seconds so far."""
        return time.perf_counter() - self._start - self._left_out

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Exclude the time in this context."""
        start = time.perf_counter()
        yield
        self._left_out += time.perf_counter() - start
