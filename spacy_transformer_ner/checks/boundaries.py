"""Where entities start and end."""

import re
from collections import Counter, defaultdict
from functools import partial

from spacy.lang.lex_attrs import is_punct
from spacy.language import Language
from spacy.tokens import Doc, Span

from .report import EXAMPLES, Examples, Finding, in_context

ABBREVIATION = re.compile(r"[A-Z]\w{0,4}")
PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "«": "»", "„": "“", "'": "'", "‘": "’"}


class Boundaries:
    """Finds entities that raw text cannot give, because spaCy's tokeniser parts
    words elsewhere, and entities with marks or blanks at their ends.

    nlp (Language): Has the tokeniser.
    """

    def __init__(self, nlp: Language):
        self.nlp = nlp
        self._total: Counter[str] = Counter()
        # By split.
        self._lost: dict[str, Examples] = defaultdict(Examples)
        self._torn: dict[str, Examples] = defaultdict(Examples)
        self._marked: dict[str, dict[str, Examples]] = {
            "blank": defaultdict(Examples),
            "punctuation": defaultdict(Examples),
        }

    def see(self, split: str, doc: Doc) -> None:
        """As of Check."""
        if not doc.ents:
            return
        self._total[split] += len(doc.ents)
        tokens = self.nlp.tokenizer(doc.text)
        starts = {token.idx for token in tokens}
        ends = {token.idx + len(token) for token in tokens}
        for ent in doc.ents:
            if ent.start_char not in starts or ent.end_char not in ends:
                self._lost[split].add(doc, ent.start, partial(in_context, ent))
            if _within_word(ent):
                self._torn[split].add(doc, ent.start, partial(_labelled, ent))
            kind = _marked(ent)
            if kind:
                self._marked[kind][split].add(doc, ent.start, partial(_labelled, ent))

    def findings(self) -> list[Finding]:
        """As of Check."""
        found = []
        if self._torn:
            found.append(
                Finding(
                    "within-word",
                    "warning",
                    f"{_total(self._torn):,} entities start or end within a word "
                    f"({_by_split(self._torn)})",
                    "If that is not meant, their offsets are wrong. Mend them in the source.",
                    _first(self._torn),
                )
            )
        for split, lost in self._lost.items():
            share = lost.count / self._total[split]
            found.append(
                Finding(
                    "tokeniser-boundary",
                    "warning" if share > 0.02 else "info",
                    f"{lost.count:,} entities of {split} ({share:.2%}) do not start and end where "
                    "spaCy's tokeniser parts words",
                    "They cannot be found in raw text. Adapt the tokeniser if they are many.",
                    tuple(lost.shown),
                )
            )
        for kind, marked in self._marked.items():
            if not marked:
                continue
            share = _total(marked) / self._total.total()
            found.append(
                Finding(
                    f"entity-{kind}",
                    "warning" if kind == "blank" or share > 0.005 else "info",
                    f"{_total(marked):,} entities ({_by_split(marked)}) "
                    + (
                        "start or end in blanks or invisible characters"
                        if kind == "blank"
                        else "start or end with a punctuation mark"
                    ),
                    "spaCy refuses to train on entities that start or end in blanks. Remove them."
                    if kind == "blank"
                    else "Does the mark belong to the name?",
                    _first(marked),
                )
            )
        return found


def _marked(ent: Span) -> str:
    first, last = ent[0].text, ent[-1].text
    if not (first[0].isprintable() and last[-1].isprintable()) or ent.text != ent.text.strip():
        return "blank"
    if len(ent) > 1 and PAIRS.get(first) == last:
        return "punctuation"
    # Alone in its entity a mark is a name like "!!!". What ends a name like
    # "Yahoo!" is part of its token; a bracket at its end may have its fellow.
    inside = [token.text for token in ent]
    opens = next((o for o, c in PAIRS.items() if c == last), "")
    if is_punct(last) and not _has_fellow(inside[:-1], opens, last):
        # "Wisc .", "Baird & Co ."
        short = last == "." and len(ent) > 1 and ABBREVIATION.fullmatch(inside[-2])
        return "" if short else "punctuation"
    if is_punct(first) and not _has_fellow(inside[1:], PAIRS.get(first, ""), first):
        return "punctuation"
    return ""


def _has_fellow(words: list[str], fellow: str, mark: str) -> bool:
    """Whether the other mark of a pair is among words."""
    return words.count(fellow) % 2 == 1 if fellow == mark else fellow in words


def _within_word(ent: Span) -> bool:
    """Whether a letter or digit stands right before or after an entity."""
    text = ent.doc.text
    before, after = (
        text[max(0, ent.start_char - 1) : ent.start_char],
        text[ent.end_char : ent.end_char + 1],
    )
    return (before.isalnum() and ent.text[0].isalnum()) or (
        after.isalnum() and ent.text[-1].isalnum()
    )


def _labelled(ent: Span) -> str:
    return f"{ent.label_} {in_context(ent)}"


def _total(by_split: dict[str, Examples]) -> int:
    return sum(examples.count for examples in by_split.values())


def _by_split(by_split: dict[str, Examples]) -> str:
    return ", ".join(f"{examples.count:,} of {split}" for split, examples in by_split.items())


def _first(by_split: dict[str, Examples]) -> tuple[str, ...]:
    return tuple(e for examples in by_split.values() for e in examples.shown)[:EXAMPLES]
