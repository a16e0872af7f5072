"""Reports of checks."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Protocol

from spacy.tokens import Doc, Span

from ..corpus.origin import place_of
from ..results import Result

EXAMPLES = 10
# Shown for a mention that is not an entity.
NO_LABEL = "none"

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
    """A result of a check.

    kind (str): The kind of finding, e.g. "label-conflict".
    severity (str): "error": training is pointless. "warning": results will be worse or
        misleading. "info": not a problem.
    message (str): What was found.
    remedy (str): The suggested fix.
    examples (tuple[str, ...]): The most important examples, at most ten, with file and line if
        they are known.
    splits (tuple[str, ...]): The splits that it is about, if it is not about all.
    count (int | None): How many documents or entities it is about, if they were counted.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""
    examples: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    count: int | None = None


@dataclass(frozen=True)
class Suspect(Result):
    """A mention that is labelled differently from most mentions of the same words.

    place (str): File and line, or "".
    kind (str): "label-conflict": a different label. "left-out": no label, but most mentions have
        one. "odd-one-out": a label, but most mentions have none. "other-boundaries": only part
        of the words is an entity, but in most mentions they are one entity.
    text (str): The words.
    label, likely (str): The label, and the label of most mentions. NO_LABEL for no entity.
    support, mentions (int): The number of mentions with the likely label, and of all mentions.
    context (str): The surrounding words.
    split (str): The split.
    document (int): The index of the document in the split, from 0. Documents without tokens do
        not count.
    start, end (int): The character offsets of the words.
    """

    place: str
    kind: str
    text: str
    label: str
    likely: str
    support: int
    mentions: int
    context: str
    split: str
    document: int
    start: int
    end: int


@dataclass(frozen=True)
class Report:
    """The result of checking a corpus.

    splits (dict[str, Split]): The size of each split.
    findings (tuple[Finding, ...]): The findings, worst first.
    suspects (tuple[Suspect, ...]): Every mention that is labelled differently from most
        mentions of the same words, the most suspicious first.
    """

    splits: dict[str, Split]
    findings: tuple[Finding, ...]
    suspects: tuple[Suspect, ...] = ()

    def to_dict(self) -> dict:
        """RETURNS (dict): Sizes and findings, for JSON; suspects have their own `to_dict`."""
        content = asdict(replace(self, suspects=()))
        del content["suspects"]
        return content

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity.

        severity (str): The severity.
        RETURNS (int): The number of findings.
        """
        return sum(finding.severity == severity for finding in self.findings)


@dataclass
class Examples:
    """A count with the first examples.

    count (int): The count.
    shown (list[str]): The first examples, at most ten.
    """

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, doc: Doc, token: int, describe: Callable[[], str]) -> None:
        """Count one occurrence.

        doc (Doc): The document.
        token (int): The index of the token.
        describe (Callable): Returns the text of the example. Only called for the first ones.
        """
        self.count += 1
        if len(self.shown) < EXAMPLES:
            self.shown.append(at(place_of(doc, token), describe()))


class Check(Protocol):
    """A check that sees every document once."""

    def see(self, split: str, doc: Doc) -> None:
        """Process a document.

        split (str): "train", "dev" or "test".
        doc (Doc): A document of the split.
        """
        ...

    def findings(self) -> Iterator[Finding]:
        """YIELDS (Finding): The findings. Known after `see` for all documents."""
        ...


def at(place: str, text: str) -> str:
    """Format an example of a finding.

    place (str): File and line, or "".
    text (str): The text of the example.
    RETURNS (str): The example.
    """
    return f"{place}: {text}" if place else text


def in_context(span: Span, around: int = 4) -> str:
    """Format a span with its context.

    span (Span): The span.
    around (int): The number of tokens to show on each side.
    RETURNS (str): The span in brackets, with the surrounding words.
    """
    doc = span.doc
    before = doc[max(0, span.start - around) : span.start].text_with_ws
    after = doc[span.end : span.end + around].text
    gap = doc[span.end - 1].whitespace_
    return cut(f"{before}[{span.text}]{gap}{after}")


def cut(text: str, length: int = 100) -> str:
    """Put a text on one line and shorten it.

    text (str): The text.
    length (int): The maximum number of characters.
    RETURNS (str): The shortened text.
    """
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
