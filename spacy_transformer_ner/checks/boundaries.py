"""Check the boundaries of entities."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial

from spacy.lang.lex_attrs import is_punct
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..corpus.overlapping import entities_in
from ..corpus.readers.counting import DESCRIPTIONS, Evidence
from ..wording import counted
from .report import EXAMPLES, Examples, Finding, in_context

ABBREVIATION = re.compile(r"[A-Z]\w{0,4}")
PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "«": "»", "„": "“", "'": "'", "‘": "’"}


class Boundaries:
    """Finds entities that cannot be predicted from raw text, because they don't start and end at
    tokens of spaCy's tokenizer, and entities with leading or trailing punctuation or whitespace.

    nlp (Language): The pipeline with the tokenizer.
    """

    def __init__(self, nlp: Language):
        self.nlp = nlp
        self._total: Counter[str] = Counter()
        self._offsets = Evidence()
        # By split.
        self._lost: dict[str, Examples] = defaultdict(Examples)
        self._within_word: dict[str, Examples] = defaultdict(Examples)
        self._marked: dict[str, dict[str, Examples]] = {
            "blank": defaultdict(Examples),
            "punctuation": defaultdict(Examples),
        }

    def see(self, split: str, doc: Doc) -> None:
        """See `Check`."""
        entities = entities_in(doc)
        if not entities:
            return
        self._total[split] += len(entities)
        tokens = self.nlp.tokenizer(doc.text)
        starts = {token.idx for token in tokens}
        ends = {token.idx + len(token) for token in tokens}
        text = doc.text
        for ent in entities:
            self._offsets.add(text, ent.start_char, ent.end_char, None, 0)
            if ent.start_char not in starts or ent.end_char not in ends:
                self._lost[split].add(doc, ent.start, partial(in_context, ent))
            if _within_word(ent):
                self._within_word[split].add(doc, ent.start, partial(_labelled, ent))
            kind = _marked(ent)
            if kind:
                self._marked[kind][split].add(doc, ent.start, partial(_labelled, ent))

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        yield from self._wrong_offsets()
        if self._within_word:
            yield Finding(
                "within-word",
                "warning",
                counted(
                    _total(self._within_word),
                    "[entity starts or ends|entities start or end] within a word ",
                )
                + f"({_by_split(self._within_word)})",
                "If this is not intended, fix their offsets in the source.",
                _first(self._within_word),
            )
        for split, lost in self._lost.items():
            share = lost.count / self._total[split]
            yield Finding(
                "tokeniser-boundary",
                "warning" if share > 0.02 else "info",
                counted(lost.count, "[entity|entities]")
                + f" of {split} ({share:.2%}) {'does' if lost.count == 1 else 'do'} not match the "
                "tokens of spaCy's tokenizer",
                "They cannot be predicted from raw text. If there are many, customize the "
                "tokenizer.",
                tuple(lost.shown),
                splits=(split,),
                count=lost.count,
            )
        for kind, marked in self._marked.items():
            if not marked:
                continue
            share = _total(marked) / self._total.total()
            yield Finding(
                f"entity-{kind}",
                "warning" if kind == "blank" or share > 0.005 else "info",
                counted(_total(marked), "[entity starts or ends|entities start or end] with ")
                + ("whitespace or invisible characters" if kind == "blank" else "punctuation")
                + f" ({_by_split(marked)})",
                "spaCy cannot train on entities that start or end with whitespace. Remove it."
                if kind == "blank"
                else "Is the punctuation part of the name?",
                _first(marked),
            )

    def _wrong_offsets(self) -> list[Finding]:
        """Find out whether the offsets of most entities were read in the wrong way."""
        likely = self._offsets.likely()
        if likely is None and not self._offsets.late():
            return []
        found = (
            "Most entities start after the first letter of a word, as if offsets were counted from 1"
            if likely is None
            else "Entities cut words as if their offsets are counted "
            f"{DESCRIPTIONS[likely]}, but were read in characters with an exclusive end"
        )
        return [
            Finding(
                "cut-words",
                "warning",
                f"{found} ({self._offsets.cut.count:,} of {self._offsets.entities:,} entities "
                "start or end within a word)",
                "Subtract 1 from the starts in the source."
                if likely is None
                else f"Convert the source again: spacy ner convert … --offsets {likely}.",
                _first(self._within_word),
            )
        ]


def _marked(ent: Span) -> str:
    first, last = ent[0].text, ent[-1].text
    if not (first[0].isprintable() and last[-1].isprintable()) or ent.text != ent.text.strip():
        return "blank"
    if len(ent) > 1 and PAIRS.get(first) == last:
        return "punctuation"
    # Allowed are punctuation that is the whole name ("!!!") or part of a token ("Yahoo!"), and
    # brackets with a counterpart within the entity.
    inside = [token.text for token in ent]
    opens = next((o for o, c in PAIRS.items() if c == last), "")
    if is_punct(last) and not _has_counterpart(inside[:-1], opens, last):
        # "Wisc .", "Baird & Co ."
        short = last == "." and len(ent) > 1 and ABBREVIATION.fullmatch(inside[-2])
        return "" if short else "punctuation"
    if is_punct(first) and not _has_counterpart(inside[1:], PAIRS.get(first, ""), first):
        return "punctuation"
    return ""


def _has_counterpart(words: list[str], other: str, mark: str) -> bool:
    """Whether the counterpart of a bracket or quotation mark is in a list of words."""
    return words.count(other) % 2 == 1 if other == mark else other in words


def _within_word(ent: Span) -> bool:
    """Whether an entity starts or ends within a word, i.e. between two letters or digits."""
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
