"""Texts that stand in a corpus more than once."""

import re
from collections import Counter, defaultdict
from hashlib import blake2b
from zlib import crc32

from datasketch import MinHash, MinHashLSH
from spacy.tokens import Doc

from ..corpus.origin import place_of
from .report import EXAMPLES, Finding, at, cut

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
        self._equal: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._equal_count: Counter[tuple[str, str]] = Counter()
        self._near: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._near_count: Counter[tuple[str, str]] = Counter()
        self._index = MinHashLSH(threshold=NEAR, num_perm=PERMUTATIONS)
        self._hashes: list[tuple[str, str, MinHash]] = []
        self._sentences: dict[bytes, dict[tuple, list[str]]] = defaultdict(dict)
        self._texts: dict[bytes, str] = {}

    def see(self, split: str, doc: Doc) -> None:
        """As of Check."""
        self._documents[split] += 1
        words = [token.text for token in doc if not token.text.isspace()]
        if len(words) < MIN_SENTENCE:
            self._see_sentences(doc)
            return
        key = blake2b(" ".join(words).encode(), digest_size=16).digest()
        place = place_of(doc, 0)
        if key in self._seen:
            first, other = self._seen[key]
            self._equal_count[first, split] += 1
            if len(self._equal[first, split]) < EXAMPLES:
                self._equal[first, split].append(at(place, f"as {other}: {cut(doc.text)}"))
        else:
            self._seen[key] = split, place
            folded = re.sub(r"\d", "0", "".join(c for c in doc.text.casefold() if c.isalnum()))
            alike = blake2b(folded.encode(), digest_size=16).digest()
            if alike in self._alike:
                first, other = self._alike[alike]
                self._note_near(
                    first, split, at(place, f"but for numbers as {other}: {cut(doc.text)}")
                )
            else:
                self._alike[alike] = split, place
                if len(words) >= MIN_WORDS and len(self._hashes) < MAX_NEAR:
                    self._compare(split, place, words, doc.text)
        self._see_sentences(doc)

    def _compare(self, split: str, place: str, words: list[str], text: str) -> None:
        folded = [w.casefold() for w in words]
        runs = {" ".join(folded[i : i + RUN]).encode() for i in range(len(folded) - RUN + 1)}
        minhash = MinHash(num_perm=PERMUTATIONS, hashfunc=crc32)
        minhash.update_batch(list(runs))
        best = None
        for number in self._index.query(minhash):
            share = minhash.jaccard(self._hashes[number][2])
            if share >= NEAR and (best is None or share > best[0]):
                best = share, number
        if best is not None:
            first, other, _ = self._hashes[best[1]]
            self._note_near(first, split, at(place, f"{best[0]:.0%} as {other}: {cut(text)}"))
            return
        # One of each kind is enough to compare with.
        self._index.insert(len(self._hashes), minhash)
        self._hashes.append((split, place, minhash))

    def _note_near(self, first: str, split: str, example: str) -> None:
        self._near_count[first, split] += 1
        if len(self._near[first, split]) < EXAMPLES:
            self._near[first, split].append(example)

    def _see_sentences(self, doc: Doc) -> None:
        for sentence in doc.sents if doc.has_annotation("SENT_START") else [doc[:]]:
            if len(sentence) < MIN_SENTENCE:
                continue
            text = " ".join(token.text for token in sentence)
            key = blake2b(text.encode(), digest_size=16).digest()
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
        for what, counts, examples in (
            ("the same", self._equal_count, self._equal),
            ("nearly the same", self._near_count, self._near),
        ):
            kind = "duplicate" if counts is self._equal_count else "near-duplicate"
            for (first, split), count in counts.items():
                share = count / self._documents[split]
                leaks = first != split
                where = f"as one of {first}" if leaks else "as another of it"
                found.append(
                    Finding(
                        f"{kind}-across" if leaks else kind,
                        "warning" if share > 0.01 and (leaks or share > 0.05) else "info",
                        f"{count:,} documents of {split} ({share:.1%}) are {what} {where}",
                        f"Scores on them say little of new texts. Remove them from {first}, or draw "
                        "the splits anew: convert.py … --split 80,10,10."
                        if leaks
                        else "They weigh more than others. Keep one of each.",
                        tuple(examples[first, split]),
                    )
                )
        if self._texts:
            examples = []
            for key, text in self._texts.items():
                readings = sorted(self._sentences[key].items(), key=lambda r: -len(r[1]))
                shown = "; ".join(
                    f"{places[0] or 'here'} {_labels(text, entities)}"
                    for entities, places in readings[:3]
                )
                examples.append(f"{shown} in: {cut(text, 80)}")
            found.append(
                Finding(
                    "sentence-conflict",
                    "warning",
                    f"{len(self._texts):,} sentences stand more than once, with different entities",
                    "At least one of each is wrong, or what is right depends on other sentences.",
                    tuple(examples[:EXAMPLES]),
                )
            )
        return found


def _labels(text: str, entities: tuple) -> str:
    words = text.split(" ")
    shown = [f"{' '.join(words[start:end])} {label}" for start, end, label in entities]
    return f"({cut(', '.join(shown), 60) or 'none'})"
