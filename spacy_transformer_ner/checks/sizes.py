"""How large the splits are, and whether their labels can be learnt."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial

from spacy.tokens import Doc, Span

from ..corpus.docbin import count_sentences
from .report import EXAMPLES, Examples, Finding, Split, cut, in_context

ESCAPES = frozenset(["-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-", "``", "''"])
RARE = 20
LONG = 15
# A label that is so many times rarer than one that is nearly spelt like it.
SLIP = 10
MEMORY = 0.1
# Where spaCy refuses a text, unless nlp.max_length is raised.
LONGEST_TEXT = 1_000_000


class Sizes:
    """Counts what there is.

    splits (Iterable[str]): The splits there are.
    """

    def __init__(self, splits: Iterable[str]) -> None:
        self._counts: dict[str, Counter[str]] = {split: Counter() for split in splits}
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._lengths: dict[str, Counter[int]] = defaultdict(Counter)
        self._first: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._long = Examples()
        self._long_texts = Examples()
        self._escapes = Examples()
        self._entities_seen: dict[str, set[str]] = defaultdict(set)
        self._unseen: Counter[str] = Counter()

    def see(self, split: str, doc: Doc) -> None:
        """As of Check."""
        self._counts[split].update(
            documents=1,
            tokens=len(doc),
            sentences=count_sentences(doc),
            unknown=not doc.has_annotation("ENT_IOB"),
        )
        for ent in doc.ents:
            self._labels[split][ent.label_] += 1
            self._lengths[split][len(ent)] += 1
            self._first[split, ent.label_].add(doc, ent.start, partial(in_context, ent))
            if len(ent) > LONG:
                self._long.add(doc, ent.start, partial(_measured, ent))
            if split == "train":
                self._entities_seen[ent.label_].add(ent.text)
            elif ent.text not in self._entities_seen[ent.label_]:
                self._unseen[split] += 1
        for token in doc:
            if token.text in ESCAPES:
                self._escapes.add(doc, token.i, partial(str, token.text))
        characters = len(doc.text)
        if characters > LONGEST_TEXT:
            self._long_texts.add(doc, 0, lambda: f"{characters:,} characters")

    def splits(self) -> dict[str, Split]:
        """RETURNS (dict[str, Split]): The sizes."""
        return {
            split: Split(
                documents=counts["documents"],
                sentences=counts["sentences"],
                tokens=counts["tokens"],
                entities=self._labels[split].total(),
                labels=dict(sorted(self._labels[split].items())),
                entity_lengths=dict(sorted(self._lengths[split].items())),
            )
            for split, counts in self._counts.items()
        }

    def findings(self) -> list[Finding]:
        """As of Check."""
        found = [*self._empty(), *self._label_findings(), *self._unseen_findings()]
        total = sum(labels.total() for labels in self._labels.values())
        if self._long.count:
            found.append(
                Finding(
                    "long-entities",
                    "warning" if self._long.count > 0.01 * total else "info",
                    f"{self._long.count:,} entities of more than {LONG} words",
                    "Are they names? A tag may be missing where one should end.",
                    tuple(self._long.shown),
                )
            )
        if self._escapes.count:
            found.append(
                Finding(
                    "treebank-escapes",
                    "warning",
                    f"{self._escapes.count:,} words are written as in the Penn Treebank, like -LRB- and ``",
                    "Raw text has brackets and quotes there. Write those in the source.",
                    tuple(self._escapes.shown),
                )
            )
        if self._long_texts.count:
            found.append(
                Finding(
                    "long-texts",
                    "warning",
                    f"{self._long_texts.count:,} texts of more than {LONGEST_TEXT:,} characters",
                    "spaCy refuses them as raw text unless nlp.max_length is raised. Part them.",
                    tuple(self._long_texts.shown),
                )
            )
        return found

    def _empty(self) -> list[Finding]:
        found = [
            Finding(
                "no-entities",
                "error",
                f"{split} has no entities",
                "See that the right column or field was read, and convert again.",
            )
            for split in self._counts
            if not self._labels[split]
        ]
        for split, counts in self._counts.items():
            if counts["unknown"]:
                found.append(
                    Finding(
                        "not-annotated",
                        "warning",
                        f"{counts['unknown']:,} documents of {split} say nothing of entities, not "
                        "even that there are none",
                        "They are not trained on, nor counted in the evaluation.",
                    )
                )
        if "test" not in self._counts:
            found.append(
                Finding(
                    "no-test",
                    "info",
                    "there is no test split",
                    "Scores on dev, which chooses the model, are too good. Hold documents back.",
                )
            )
        return found

    def _of(self, keys: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The first entities of some splits and labels."""
        return tuple(e for key in keys for e in self._first[key].shown)[:EXAMPLES]

    def _label_findings(self) -> list[Finding]:
        return [*self._missing(), *self._rare(), *self._slips(), *self._alike()]

    def _missing(self) -> list[Finding]:
        found = []
        train = self._labels["train"]
        for split, labels in self._labels.items():
            unknown = sorted(labels.keys() - train.keys())
            if unknown:
                found.append(
                    Finding(
                        "label-not-in-train",
                        "warning",
                        f"{split} has labels that train has not: "
                        + ", ".join(f"{label} ({labels[label]:,})" for label in unknown),
                        "They can never be found. Are they misspelt?",
                        self._of((split, label) for label in unknown),
                    )
                )
            missing = sorted(train.keys() - labels.keys()) if labels else []
            if missing:
                found.append(
                    Finding(
                        "label-only-in-train",
                        "info",
                        f"{split} has none of these labels of train: {', '.join(missing)}",
                        "How well they are found cannot be told from it.",
                    )
                )
        return found

    def _rare(self) -> list[Finding]:
        rare = sorted((n, label) for label, n in self._labels["train"].items() if n < RARE)
        if not rare:
            return []
        return [
            Finding(
                "rare-label",
                "warning",
                f"labels with fewer than {RARE} entities in train: "
                + ", ".join(f"{label} ({n})" for n, label in rare),
                "They are hardly learnt from so few. Annotate more, or merge them.",
                tuple(self._first["train", label].shown[0] for _, label in rare[:EXAMPLES]),
            )
        ]

    def _slips(self) -> list[Finding]:
        found = []
        totals = sum(self._labels.values(), Counter())
        for label, n in sorted(totals.items()):
            likely = max(
                (
                    other
                    for other in totals
                    if totals[other] >= SLIP * n and _one_slip(label, other)
                ),
                key=lambda other: totals[other],
                default=None,
            )
            if likely is not None:
                found.append(
                    Finding(
                        "label-slip",
                        "warning",
                        f"the label {label} ({n:,}) may be a slip for {likely} ({totals[likely]:,})",
                        "If so, mend it in the source, or it is learnt as a label of its own.",
                        self._of((split, label) for split in self._labels),
                    )
                )
        return found

    def _alike(self) -> list[Finding]:
        folded: dict[str, list[str]] = defaultdict(list)
        for label in sorted({label for labels in self._labels.values() for label in labels}):
            folded[label.casefold().replace("-", "").replace("_", "").replace(" ", "")].append(
                label
            )
        alike = [labels for labels in folded.values() if len(labels) > 1]
        if not alike:
            return []
        return [
            Finding(
                "labels-alike",
                "warning",
                "labels that differ only in how they are written: "
                + "; ".join(", ".join(labels) for labels in alike),
                "Give them one name, or they are learnt as different.",
            )
        ]

    def _unseen_findings(self) -> list[Finding]:
        return [
            Finding(
                "unseen",
                "warning" if self._unseen[split] < MEMORY * labels.total() else "info",
                f"{self._unseen[split] / labels.total():.1%} of the entities of {split} are not in "
                "train with their label",
                "The fewer they are, the more a score says of memory.",
            )
            for split, labels in self._labels.items()
            if split != "train" and labels
        ]


def _measured(ent: Span) -> str:
    return f"{len(ent)} words: {cut(ent.text)}"


def _one_slip(label: str, other: str) -> bool:
    """Whether one letter is wrong, missing, too many, or two are exchanged."""
    if label == other or min(len(label), len(other)) < 3 or abs(len(label) - len(other)) > 1:
        return False
    short, long = sorted((label, other), key=len)
    if len(short) < len(long):
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    differ = [i for i, (a, b) in enumerate(zip(short, long)) if a != b]
    if len(differ) == 2:
        i, j = differ
        return j == i + 1 and short[i] == long[j] and short[j] == long[i]
    return len(differ) == 1
