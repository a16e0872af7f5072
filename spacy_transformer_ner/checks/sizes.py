"""Count the contents of the splits, and check their labels."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import partial

from spacy.tokens import Doc, Span

from ..corpus.docbin import count_sentences
from ..corpus.overlapping import entities_in, is_annotated
from ..wording import counted
from .report import EXAMPLES, Examples, Finding, Split, cut, in_context

ESCAPES = frozenset(["-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-", "``", "''"])
# Labels with fewer entities in train are rare, entities with more words are long.
RARE = 20
LONG = 15
# A label is a likely typo if a label with a similar name is this many times more frequent.
TYPO = 10
# Warn if fewer entities than this share are unseen in train.
MIN_UNSEEN = 0.1
# The default of nlp.max_length.
LONGEST_TEXT = 1_000_000


class Sizes:
    """Counts documents, entities and labels.

    splits (Iterable[str]): The names of the splits.
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
        """See `Check`."""
        self._counts[split].update(
            documents=1,
            tokens=len(doc),
            sentences=count_sentences(doc),
            unknown=not is_annotated(doc),
        )
        for ent in entities_in(doc):
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
        """RETURNS (dict[str, Split]): The size of each split."""
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

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        yield from self._empty()
        yield from self._missing()
        yield from self._rare()
        yield from self._typos()
        yield from self._alike()
        yield from self._unseen_findings()
        total = sum(labels.total() for labels in self._labels.values())
        if self._long.count:
            yield Finding(
                "long-entities",
                "warning" if self._long.count > 0.01 * total else "info",
                counted(self._long.count, f"[entity|entities] of more than {LONG} words"),
                "Are they names? If not, an O or B- tag may be missing.",
                tuple(self._long.shown),
            )
        if self._escapes.count:
            yield Finding(
                "treebank-escapes",
                "warning",
                counted(
                    self._escapes.count,
                    "[word is a Penn Treebank escape|words are Penn Treebank escapes], like -LRB- "
                    "and ``",
                ),
                "Raw text has brackets and quotes instead. Replace them in the source.",
                tuple(self._escapes.shown),
            )
        if self._long_texts.count:
            yield Finding(
                "long-texts",
                "warning",
                counted(
                    self._long_texts.count,
                    f"[text|texts] of more than {LONGEST_TEXT:,} characters",
                ),
                "spaCy rejects such raw text, unless nlp.max_length is larger. Split them.",
                tuple(self._long_texts.shown),
            )

    def _empty(self) -> Iterator[Finding]:
        for split, counts in self._counts.items():
            if not self._labels[split]:
                yield Finding(
                    "no-entities",
                    "error",
                    f"{split} has no entities",
                    "Check that convert reads the right column or field, and convert again.",
                )
            if counts["unknown"]:
                yield Finding(
                    "not-annotated",
                    "warning",
                    counted(
                        counts["unknown"],
                        f"[document of {split} has|documents of {split} have] no entity annotation",
                    ),
                    "They are ignored in training and evaluation. This is different from "
                    "documents that are annotated as having no entities.",
                )
        if "test" not in self._counts:
            yield Finding(
                "no-test",
                "info",
                "no test split",
                "Scores on dev are too good, because dev selects the model. Set documents "
                "aside for test.",
            )

    def _of(self, keys: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Get the first entities of some splits and labels."""
        return tuple(e for key in keys for e in self._first[key].shown)[:EXAMPLES]

    def _missing(self) -> Iterator[Finding]:
        train = self._labels["train"]
        for split, labels in self._labels.items():
            unknown = sorted(labels.keys() - train.keys())
            if unknown:
                yield Finding(
                    "label-not-in-train",
                    "warning",
                    f"{split} has labels that are not in train: "
                    + ", ".join(f"{label} ({labels[label]:,})" for label in unknown),
                    "They can't be predicted. Are they misspelled?",
                    self._of((split, label) for label in unknown),
                )
            missing = sorted(train.keys() - labels.keys()) if labels else []
            if missing:
                yield Finding(
                    "label-only-in-train",
                    "info",
                    f"{split} has no entities with these labels of train: {', '.join(missing)}",
                    f"They can't be evaluated on {split}.",
                )

    def _rare(self) -> Iterator[Finding]:
        rare = sorted((n, label) for label, n in self._labels["train"].items() if n < RARE)
        if rare:
            yield Finding(
                "rare-label",
                "warning",
                f"labels with fewer than {RARE} entities in train: "
                + ", ".join(f"{label} ({n})" for n, label in rare),
                "They are too few to learn from. Annotate more, or merge labels.",
                tuple(self._first["train", label].shown[0] for _, label in rare[:EXAMPLES]),
            )

    def _typos(self) -> Iterator[Finding]:
        totals = sum(self._labels.values(), Counter())
        for label, n in sorted(totals.items()):
            likely = max(
                (other for other in totals if totals[other] >= TYPO * n and _is_typo(label, other)),
                key=lambda other: totals[other],
                default=None,
            )
            if likely is not None:
                yield Finding(
                    "label-slip",
                    "warning",
                    f"the label {label} ({n:,}) may be a typo of {likely} ({totals[likely]:,})",
                    "If so, fix it in the source. Otherwise it is learned as a separate label.",
                    self._of((split, label) for split in self._labels),
                )

    def _alike(self) -> Iterator[Finding]:
        folded: dict[str, list[str]] = defaultdict(list)
        for label in sorted({label for labels in self._labels.values() for label in labels}):
            folded[label.casefold().replace("-", "").replace("_", "").replace(" ", "")].append(
                label
            )
        alike = [labels for labels in folded.values() if len(labels) > 1]
        if alike:
            yield Finding(
                "labels-alike",
                "warning",
                "labels that only differ in case or punctuation: "
                + "; ".join(", ".join(labels) for labels in alike),
                "Use one name. Otherwise they are learned as separate labels.",
            )

    def _unseen_findings(self) -> Iterator[Finding]:
        for split, labels in self._labels.items():
            if split != "train" and labels:
                share = self._unseen[split] / labels.total()
                yield Finding(
                    "unseen",
                    "warning" if share < MIN_UNSEEN else "info",
                    f"{share:.1%} of the entities of {split} are not in train with their label",
                    "If they are few, scores mostly measure memorization.",
                )


def _measured(ent: Span) -> str:
    return f"{len(ent)} words: {cut(ent.text)}"


def _is_typo(label: str, other: str) -> bool:
    """Whether one letter is wrong, missing or added, or two adjacent letters are swapped."""
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
