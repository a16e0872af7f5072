"""What to know about a corpus before training on it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import InputError
from .convert import SPLITS
from .docbin import read_docbin

RARE = 20
EXAMPLES = 10

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Split:
    """The size of one split.

    documents, sentences, tokens, entities (int): Counts.
    labels (dict[str, int]): Entities per label.
    """

    documents: int
    sentences: int
    tokens: int
    entities: int
    labels: dict[str, int]


@dataclass(frozen=True)
class Finding:
    """Something worth knowing.

    severity (str): "error": training makes no sense; "warning": results will
        suffer or mislead; "info": nothing is wrong.
    message (str): What was found.
    remedy (str): What to do about it.
    examples (tuple[str, ...]): Ten at most.
    """

    severity: Severity
    message: str
    remedy: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The check of a corpus.

    splits (dict[str, Split]): The sizes.
    findings (tuple[Finding, ...]): What was found, worst first.
    """

    splits: dict[str, Split]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): All of it, for JSON."""
        return asdict(self)

    def count(self, severity: Severity) -> int:
        """RETURNS (int): The findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check(corpus_dir: str | Path, *, lang: str = "en") -> Report:
    """Check the .spacy files of a corpus.

    corpus_dir (str | Path): The folder with train.spacy and dev.spacy, and
        test.spacy if there is one.
    lang (str): The language's code, for spaCy's tokeniser.
    RETURNS (Report): The report.
    RAISES: InputError if train or dev is missing or cannot be read, or spaCy
        has no such language.
    """
    corpus_dir = Path(corpus_dir)
    try:
        nlp = spacy.blank(lang)
    except ImportError as error:
        raise InputError(f"spaCy has no language {lang!r}: {error}") from None
    docs = {
        split: list(read_docbin(corpus_dir / f"{split}.spacy", nlp.vocab))
        for split in SPLITS
        if split != "test" or (corpus_dir / "test.spacy").exists()
    }
    splits = {split: _size(split_docs) for split, split_docs in docs.items()}
    findings = [
        *_empty(splits),
        *_labels(splits),
        *_shared_texts(docs),
        *_unseen(docs),
        *_boundaries(docs, nlp),
    ]
    order = ("error", "warning", "info")
    findings.sort(key=lambda finding: order.index(finding.severity))
    return Report(splits, tuple(findings))


def _size(docs: list[Doc]) -> Split:
    labels = Counter(ent.label_ for doc in docs for ent in doc.ents)
    return Split(
        documents=len(docs),
        sentences=sum(
            sum(bool(token.is_sent_start) for token in doc)
            if doc.has_annotation("SENT_START")
            else 1
            for doc in docs
        ),
        tokens=sum(map(len, docs)),
        entities=labels.total(),
        labels=dict(sorted(labels.items())),
    )


def _empty(splits: dict[str, Split]) -> Iterable[Finding]:
    for name, split in splits.items():
        if not split.entities:
            yield Finding(
                "error",
                f"{name} has no entities",
                "See that the tag is in the column that was read, and convert again.",
            )
    if "test" not in splits:
        yield Finding(
            "info",
            "there is no test split",
            "Scores on dev, which chooses the model, are too good. Hold documents back.",
        )


def _labels(splits: dict[str, Split]) -> Iterable[Finding]:
    train = splits["train"].labels
    for name, split in splits.items():
        unknown = sorted(split.labels.keys() - train.keys())
        if unknown:
            yield Finding(
                "warning",
                f"{name} has labels that train has not: {', '.join(unknown)}",
                "They can never be found. Are they misspelt?",
            )
    rare = [f"{label} ({n})" for label, n in train.items() if n < RARE]
    if rare:
        yield Finding(
            "warning",
            f"labels with fewer than {RARE} entities in train: {', '.join(rare)}",
            "They are hardly learnt from so few. Annotate more, or merge them.",
        )


def _shared_texts(docs: dict[str, list[Doc]]) -> Iterable[Finding]:
    seen: dict[str, str] = {}
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for split, split_docs in docs.items():
        for doc in split_docs:
            first = seen.setdefault(doc.text, split)
            if first != split:
                shared[first, split].append(doc.text)
    for (first, second), texts in shared.items():
        share = len(texts) / len(docs[second])
        yield Finding(
            "warning" if share > 0.01 else "info",
            f"{len(texts)} documents of {second} ({share:.1%}) are in {first} too",
            "Scores on them say nothing about new texts. Remove them from one.",
            tuple(_short(text) for text in texts[:EXAMPLES]),
        )


def _unseen(docs: dict[str, list[Doc]]) -> Iterable[Finding]:
    known = {ent.text for doc in docs["train"] for ent in doc.ents}
    for split in ("dev", "test"):
        found = [ent.text for doc in docs.get(split, ()) for ent in doc.ents]
        if found:
            unseen = sum(text not in known for text in found) / len(found)
            yield Finding("info", f"{unseen:.1%} of the entities of {split} are not in train")


def _boundaries(docs: dict[str, list[Doc]], nlp: Language) -> Iterable[Finding]:
    """Entities that start or end within a token of spaCy's tokeniser."""
    for split, split_docs in docs.items():
        lost: list[str] = []
        total = 0
        for doc in split_docs:
            total += len(doc.ents)
            example = Example(nlp.make_doc(doc.text), doc)
            aligned = {
                (span.start_char, span.end_char)
                for span in example.get_aligned_spans_y2x(doc.ents)
            }
            lost.extend(
                f"{ent.text!r} in {_short(doc[max(0, ent.start - 3) : ent.end + 3].text)!r}"
                for ent in doc.ents
                if (ent.start_char, ent.end_char) not in aligned
            )
        if lost:
            share = len(lost) / total
            yield Finding(
                "warning" if share > 0.02 else "info",
                f"{len(lost)} entities of {split} ({share:.2%}) do not start and end where "
                "spaCy's tokeniser parts words",
                "They cannot be found in raw text. Adapt the tokeniser if they are many.",
                tuple(lost[:EXAMPLES]),
            )


def _short(text: str, length: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
