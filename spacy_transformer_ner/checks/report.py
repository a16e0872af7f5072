"""What a check says."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from spacy.tokens import Doc, Span

from ..corpus.origin import place_of

if TYPE_CHECKING:
    from .consistency import Suspect

EXAMPLES = 10

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Split:
    """The size of one split.

    documents, sentences, tokens, entities (int): Counts.
    labels (dict[str, int]): Entities per label.
    entity_lengths (dict[int, int]): Entities by their number of tokens.
    """

    documents: int
    sentences: int
    tokens: int
    entities: int
    labels: dict[str, int]
    entity_lengths: dict[int, int]


@dataclass(frozen=True)
class Finding:
    """Something worth knowing.

    kind (str): What it is about, e.g. "label-conflict".
    severity (str): "error": training makes no sense; "warning": results will
        suffer or mislead; "info": nothing is wrong.
    message (str): What was found.
    remedy (str): What to do about it.
    examples (tuple[str, ...]): Ten at most, the most telling first, each with
        its file and line where they are known.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The check of a corpus.

    splits (dict[str, Split]): The sizes.
    findings (tuple[Finding, ...]): What was found, worst first.
    suspects (tuple[Suspect, ...]): Every mention that is labelled differently from most
        mentions of the same words, the most suspicious first.
    """

    splits: dict[str, Split]
    findings: tuple[Finding, ...]
    suspects: tuple["Suspect", ...] = ()

    def to_dict(self) -> dict:
        """RETURNS (dict): Sizes and findings, for JSON; suspects have their own `to_dict`."""
        content = asdict(replace(self, suspects=()))
        del content["suspects"]
        return content

    def count(self, severity: Severity) -> int:
        """severity (str): A severity.
        RETURNS (int): The findings of it."""
        return sum(finding.severity == severity for finding in self.findings)


@dataclass
class Examples:
    """How often something was met, and the first places.

    count (int): How often.
    shown (list[str]): Ten examples at most.
    """

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, doc: Doc, token: int, describe: Callable[[], str]) -> None:
        """Note that it was met.

        doc (Doc): Where.
        token (int): At which token.
        describe (Callable): Says what is there; asked for examples only.
        """
        self.count += 1
        if len(self.shown) < EXAMPLES:
            self.shown.append(at(place_of(doc, token), describe()))


class Check(Protocol):
    """One thing that is looked at. It is shown every document once."""

    def see(self, split: str, doc: Doc) -> None:
        """split (str): "train", "dev" or "test".
        doc (Doc): A document of it."""
        ...

    def findings(self) -> list[Finding]:
        """RETURNS (list[Finding]): What was found."""
        ...


def at(place: str, text: str) -> str:
    """place (str): File and line, or "".
    text (str): What is there.
    RETURNS (str): An example of a finding."""
    return f"{place}: {text}" if place else text


def in_context(span: Span, around: int = 4) -> str:
    """span (Span): Some tokens.
    around (int): How many tokens to show on each side.
    RETURNS (str): They in brackets, with the words around."""
    doc = span.doc
    before = doc[max(0, span.start - around) : span.start].text_with_ws
    after = doc[span.end : span.end + around].text
    gap = doc[span.end - 1].whitespace_
    return cut(f"{before}[{span.text}]{gap}{after}")


def cut(text: str, length: int = 100) -> str:
    """text (str): A text.
    length (int): The most to show of it.
    RETURNS (str): It on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
