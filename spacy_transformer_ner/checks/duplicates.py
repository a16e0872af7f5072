"""Texts that stand in a corpus more than once."""

import re
from collections import Counter, defaultdict
from functools import partial
from hashlib import blake2b
from zlib import crc32

from datasketch import MinHash, MinHashLSH
from spacy.tokens import Doc

from ..corpus.docbin import sentences_of
from ..corpus.origin import place_of
from .report import EXAMPLES, Examples, Finding, cut

# Nearly the same: this share of their runs of words (estimated by MinHash).
NEAR = 0.8
RUN = 3
MIN_WORDS = 20
PERMUTATIONS = 64
# MinHash takes about a millisecond a text; more than these are not compared.
MAX_NEAR = 100_000
# Shorter sentences are labelled differently for good reason: "1. Smith".
MIN_SENTENCE = 5


class Duplicates:
    """Finds documents that are equal or nearly so, within a split and across,
    and equal sentences with different entities. Those of fewer than five words
    are not compared; of fewer than twenty, nearly equal are those that differ in
    numbers, case and punctuation alone."""

    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._alike: dict[bytes, tuple[str, str]] = {}
        self._seen: dict[bytes, tuple[str, str]] = {}
        # By the split of the first and of the other.
        self._equal: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._near: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._index = MinHashLSH(threshold=NEAR, num_perm=PERMUTATIONS)
        self._hashes: list[tuple[tuple[str, str], MinHash]] = []
        self._sentences: dict[bytes, dict[tuple, list[str]]] = defaultdict(dict)
        self._texts: dict[bytes, str] = {}

    def see(self, split: str, doc: Doc) -> None:
        """As of Check."""
        self._documents[split] += 1
        self._see_sentences(doc)
        words = [token.text for token in doc if not token.text.isspace()]
        if len(words) < MIN_SENTENCE:
            return
        here = split, place_of(doc, 0)
        first = self._seen.setdefault(_digest(" ".join(words)), here)
        if first is not here:
            self._equal[first[0], split].add(doc, 0, partial(_same, "as", first[1], doc))
            return
        folded = re.sub(r"\d", "0", "".join(c for c in doc.text.casefold() if c.isalnum()))
        first = self._alike.setdefault(_digest(folded), here)
        if first is not here:
            how = "but for numbers as"
            self._near[first[0], split].add(doc, 0, partial(_same, how, first[1], doc))
        elif len(words) >= MIN_WORDS and len(self._hashes) < MAX_NEAR:
            self._compare(here, words, doc)

    def _compare(self, here: tuple[str, str], words: list[str], doc: Doc) -> None:
        folded = [w.casefold() for w in words]
        runs = {" ".join(folded[i : i + RUN]).encode() for i in range(len(folded) - RUN + 1)}
        minhash = MinHash(num_perm=PERMUTATIONS, hashfunc=crc32)
        minhash.update_batch(list(runs))
        best = None
        for number in self._index.query(minhash):
            share = minhash.jaccard(self._hashes[number][1])
            if share >= NEAR and (best is None or share > best[0]):
                best = share, number
        if best is not None:
            (first, place), _ = self._hashes[best[1]]
            how = f"{best[0]:.0%} as"
            self._near[first, here[0]].add(doc, 0, partial(_same, how, place, doc))
            return
        # One of each kind is enough to compare with.
        self._index.insert(len(self._hashes), minhash)
        self._hashes.append((here, minhash))

    def _see_sentences(self, doc: Doc) -> None:
        for sentence in sentences_of(doc):
            if len(sentence) < MIN_SENTENCE:
                continue
            text = " ".join(token.text for token in sentence)
            key = _digest(text)
            entities = tuple(
                (ent.start - sentence.start, ent.end - sentence.start, ent.label_)
                for ent in sentence.ents
            )
            places = self._sentences[key].setdefault(entities, [])
            if len(places) < EXAMPLES:
                places.append(place_of(doc, sentence.start))
            if len(self._sentences[key]) > 1:
                self._texts[key] = text

    def findings(self) -> list[Finding]:
        """As of Check."""
        found = []
        for kind, what, examples in (
            ("duplicate", "the same", self._equal),
            ("near-duplicate", "nearly the same", self._near),
        ):
            for (first, split), same in examples.items():
                share = same.count / self._documents[split]
                leaks = first != split
                where = f"as one of {first}" if leaks else "as another of it"
                found.append(
                    Finding(
                        f"{kind}-across" if leaks else kind,
                        "warning" if share > 0.01 and (leaks or share > 0.05) else "info",
                        f"{same.count:,} documents of {split} ({share:.1%}) are {what} {where}",
                        f"Scores on them say little of new texts. Remove them from {first}, or draw "
                        "the splits anew: convert.py … --split 80,10,10."
                        if leaks
                        else "They weigh more than others. Keep one of each.",
                        tuple(same.shown),
                    )
                )
        if self._texts:
            conflicts = []
            for key, text in self._texts.items():
                readings = sorted(self._sentences[key].items(), key=lambda r: -len(r[1]))
                shown = "; ".join(
                    f"{places[0] or 'here'} {_labels(text, entities)}"
                    for entities, places in readings[:3]
                )
                conflicts.append(f"{shown} in: {cut(text, 80)}")
            found.append(
                Finding(
                    "sentence-conflict",
                    "warning",
                    f"{len(self._texts):,} sentences stand more than once, with different entities",
                    "At least one of each is wrong, or what is right depends on other sentences.",
                    tuple(conflicts[:EXAMPLES]),
                )
            )
        return found


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _same(how: str, place: str, doc: Doc) -> str:
    return f"{how} {place}: {cut(doc.text)}"


def _labels(text: str, entities: tuple) -> str:
    words = text.split(" ")
    shown = [f"{' '.join(words[start:end])} {label}" for start, end, label in entities]
    return f"({cut(', '.join(shown), 60) or 'none'})"
