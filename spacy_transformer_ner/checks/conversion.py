"""Find signs of a wrong conversion: columns, tags or document marks that were misread before the
corpus was checked."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial

from spacy.tokens import Doc

from ..corpus.overlapping import entities_in
from ..corpus.spelling import PREFIXES, TAG, USUAL
from .report import Examples, Finding, cut, in_context

# Marks that are left on words by a wrong separator, if most words end with one.
MARKS = ",;|\t"
MOST = 0.9
# A split with at least as many sentences in one document has no document boundaries.
SENTENCES = 20
# Sentences of one token are suspicious if there are at least as many, and they are most of the
# sentences, or long.
SINGLE = 10
LONG = 12


class Conversion:
    """Finds words that end alike, sentences of one token, labels that look like tags, and splits
    that are one document."""

    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._sentences: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._ends: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._single: dict[str, Examples] = defaultdict(Examples)
        self._long: dict[str, Examples] = defaultdict(Examples)
        self._tags: dict[str, Examples] = defaultdict(Examples)

    def see(self, split: str, doc: Doc) -> None:
        """See `Check`."""
        self._documents[split] += 1
        for ent in entities_in(doc):
            if _looks_like_a_tag(ent.label_):
                self._tags[ent.label_].add(doc, ent.start, partial(in_context, ent))
        for token in doc:
            text = token.text
            if len(text) > 1:
                self._words[split] += 1
                if text[-1] in MARKS:
                    self._ends[split, text[-1]].add(doc, token.i, partial(cut, text))
        if not doc.has_annotation("SENT_START"):
            return
        for sentence in doc.sents:
            self._sentences[split] += 1
            if len(sentence) == 1:
                text = sentence.text
                self._single[split].add(doc, sentence.start, partial(cut, text))
                if len(text) > LONG:
                    self._long[split].add(doc, sentence.start, partial(cut, text))

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        for (split, mark), ends in self._ends.items():
            if ends.count > MOST * self._words[split]:
                yield Finding(
                    "words-end-alike",
                    "warning",
                    f"{ends.count:,} of {self._words[split]:,} words of {split} end with {mark!r}",
                    "Was the corpus converted with a wrong separator? Remove the mark from the words.",
                    tuple(ends.shown),
                )
        for split, single in self._single.items():
            sentences = self._sentences[split]
            shown = self._long[split]
            if single.count < SINGLE or single.count <= MOST * sentences and (
                shown.count <= 0.5 * sentences
            ):  # fmt: skip
                continue
            yield Finding(
                "one-token-sentences",
                "warning",
                f"{single.count:,} of {sentences:,} sentences of {split} have one token",
                "Sentences may not be split into words, or each word may be a sentence. "
                "Convert the corpus again.",
                tuple((shown if shown.count else single).shown),
            )
        if self._tags:
            yield Finding(
                "labels-like-tags",
                "warning",
                f"labels look like tags with a prefix: {', '.join(sorted(self._tags)[:20])}",
                "If they are, each entity was split at its words. Convert the tags to entities.",
                tuple(e for examples in self._tags.values() for e in examples.shown[:3])[:10],
            )
        for split, documents in self._documents.items():
            if documents == 1 and self._sentences[split] >= SENTENCES:
                yield Finding(
                    "one-document",
                    "warning",
                    f"{split} is one document of {self._sentences[split]:,} sentences",
                    "If it has several texts, mark the documents, or convert sentences: remove the "
                    "only -DOCSTART- line.",
                )


def _looks_like_a_tag(label: str) -> bool:
    if TAG.fullmatch(label):
        return True
    head, _, tail = label.rpartition("-")
    is_marked = label[0] in PREFIXES and label[2:] and (label[1] == "_" or not label[1].isalnum())
    is_glued = label[0] in PREFIXES and label[1:].lower() in USUAL
    return bool(is_marked) or is_glued or (bool(head) and tail in ("B", "I"))
