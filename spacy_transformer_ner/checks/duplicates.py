"""Find duplicate texts and sentences."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from zlib import crc32

from datasketch import MinHash, MinHashLSH
from spacy.tokens import Doc

from ..corpus.docbin import sentences_of
from ..corpus.origin import place_of
from ..corpus.overlapping import SPANS_KEY
from ..wording import counted
from .report import EXAMPLES, Examples, Finding, cut

# Minimum Jaccard similarity of near-duplicates, by word trigrams (estimated with MinHash).
NEAR = 0.8
N_GRAM = 3
MIN_WORDS = 20
PERMUTATIONS = 64
# Maximum number of texts to compare. MinHash takes about a millisecond per text.
MAX_NEAR = 100_000
# Shorter sentences can correctly have different labels: "1. Smith".
MIN_SENTENCE = 5


class Duplicates:
    """Finds duplicates and near-duplicates of documents, within a split and across splits, and
    identical sentences with different entities. Texts with fewer than 5 words are not compared.
    Texts with fewer than 20 words are near-duplicates if they only differ in numbers, case and
    punctuation."""

    def __init__(self) -> None:
        self._documents: Counter[str] = Counter()
        self._alike: dict[bytes, tuple[str, str]] = {}
        self._seen: dict[bytes, tuple[str, str]] = {}
        # Keys: the split of the first document, and of the duplicate.
        self._equal: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._near: dict[tuple[str, str], Examples] = defaultdict(Examples)
        self._index = MinHashLSH(threshold=NEAR, num_perm=PERMUTATIONS)
        self._hashes: list[tuple[tuple[str, str], MinHash]] = []
        self._sentences: dict[bytes, dict[tuple, list[str]]] = defaultdict(dict)
        self._texts: dict[bytes, str] = {}

    def see(self, split: str, doc: Doc) -> None:
        """See `Check`."""
        self._documents[split] += 1
        self._see_sentences(doc)
        words = [token.text for token in doc if not token.text.isspace()]
        if len(words) < MIN_SENTENCE:
            return
        here = split, place_of(doc, 0)
        first = self._seen.setdefault(_digest(" ".join(words)), here)
        if first is not here:
            self._equal[first[0], split].add(doc, 0, partial(_same, "same as", first[1], doc))
            return
        folded = re.sub(r"\d", "0", "".join(c for c in doc.text.casefold() if c.isalnum()))
        first = self._alike.setdefault(_digest(folded), here)
        if first is not here:
            how = "same except for numbers, case and punctuation as"
            self._near[first[0], split].add(doc, 0, partial(_same, how, first[1], doc))
        elif len(words) >= MIN_WORDS and len(self._hashes) < MAX_NEAR:
            self._compare(here, words, doc)

    def _compare(self, here: tuple[str, str], words: list[str], doc: Doc) -> None:
        folded = [w.casefold() for w in words]
        starts = range(len(folded) - N_GRAM + 1)
        n_grams = {" ".join(folded[i : i + N_GRAM]).encode() for i in starts}
        minhash = MinHash(num_perm=PERMUTATIONS, hashfunc=crc32)
        minhash.update_batch(list(n_grams))
        best = None
        for number in self._index.query(minhash):
            share = minhash.jaccard(self._hashes[number][1])
            if share >= NEAR and (best is None or share > best[0]):
                best = share, number
        if best is not None:
            (first, place), _ = self._hashes[best[1]]
            how = f"{best[0]:.0%} similar to"
            self._near[first, here[0]].add(doc, 0, partial(_same, how, place, doc))
            return
        # Only documents without a near-duplicate are added to the index.
        self._index.insert(len(self._hashes), minhash)
        self._hashes.append((here, minhash))

    def _see_sentences(self, doc: Doc) -> None:
        spans = doc.spans.get(SPANS_KEY)
        for sentence in sentences_of(doc):
            if len(sentence) < MIN_SENTENCE:
                continue
            text = " ".join(token.text for token in sentence)
            key = _digest(text)
            entities = tuple(
                (ent.start - sentence.start, ent.end - sentence.start, ent.label_)
                for ent in (
                    sentence.ents
                    if spans is None
                    else (s for s in spans if sentence.start <= s.start and s.end <= sentence.end)
                )
            )
            places = self._sentences[key].setdefault(entities, [])
            if len(places) < EXAMPLES:
                places.append(place_of(doc, sentence.start))
            if len(self._sentences[key]) > 1:
                self._texts[key] = text

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        for kind, what, examples in (
            ("duplicate", "[a duplicate|duplicates]", self._equal),
            ("near-duplicate", "[a near-duplicate|near-duplicates]", self._near),
        ):
            for (first, split), same in examples.items():
                share = same.count / self._documents[split]
                leaks = first != split
                where = f"of a document of {first}" if leaks else "of another one"
                yield Finding(
                    f"{kind}-across" if leaks else kind,
                    "warning" if share > 0.01 and (leaks or share > 0.05) else "info",
                    counted(
                        same.count,
                        f"[document|documents] of {split} ({share:.1%}) [is|are] {what} {where}",
                    ),
                    f"They make scores too good. Remove them from {first}, or split the corpus "
                    "again: spacy ner convert … --split 80,10,10."
                    if leaks
                    else "They have more weight than other documents. Keep one of each.",
                    tuple(same.shown),
                    splits=(first, split) if leaks else (split,),
                    count=same.count,
                )
        if self._texts:
            conflicts = []
            for key, text in self._texts.items():
                variants = sorted(self._sentences[key].items(), key=lambda v: -len(v[1]))
                shown = "; ".join(
                    f"{places[0] or 'here'} {_labels(text, entities)}"
                    for entities, places in variants[:3]
                )
                conflicts.append(f"{shown} in: {cut(text, 80)}")
            yield Finding(
                "sentence-conflict",
                "warning",
                counted(
                    len(self._texts),
                    "[sentence occurs|sentences occur] more than once, with different entities",
                ),
                "One of them is wrong, unless the label depends on other sentences.",
                tuple(conflicts[:EXAMPLES]),
            )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _same(how: str, place: str, doc: Doc) -> str:
    return f"{how} {place}: {cut(doc.text)}"


def _labels(text: str, entities: tuple) -> str:
    words = text.split(" ")
    shown = [f"{' '.join(words[start:end])} {label}" for start, end, label in entities]
    return f"({cut(', '.join(shown), 60) or 'none'})"
