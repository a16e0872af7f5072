"""Where entities start and end."""

from collections import Counter, defaultdict

from spacy.lang.lex_attrs import is_punct
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..corpus.origin import place_of
from .report import EXAMPLES, Finding, at, in_context

PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "“": "”", "«": "»", "„": "“", "'": "'", "‘": "’"}


class Boundaries:
    """Finds entities that raw text cannot give, because spaCy's tokeniser parts
    words elsewhere, and entities with marks or blanks at their ends.

    nlp (Language): Has the tokeniser.
    """

    def __init__(self, nlp: Language):
        self.nlp = nlp
        self._total: Counter[str] = Counter()
        self._lost: dict[str, list[str]] = defaultdict(list)
        self._lost_count: Counter[str] = Counter()
        self._marked: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._marked_count: Counter[tuple[str, str]] = Counter()

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
                self._lost_count[split] += 1
                if len(self._lost[split]) < EXAMPLES:
                    self._lost[split].append(at(place_of(doc, ent.start), in_context(ent)))
            kind = _marked(ent)
            if kind:
                key = split, kind
                self._marked_count[key] += 1
                if len(self._marked[key]) < EXAMPLES:
                    self._marked[key].append(
                        at(place_of(doc, ent.start), f"{ent.label_} {in_context(ent)}")
                    )

    def findings(self) -> list[Finding]:
        """As of Check."""
        found = []
        for split, count in self._lost_count.items():
            share = count / self._total[split]
            found.append(
                Finding(
                    "tokeniser-boundary",
                    "warning" if share > 0.02 else "info",
                    f"{count:,} entities of {split} ({share:.2%}) do not start and end where "
                    "spaCy's tokeniser parts words",
                    "They cannot be found in raw text. Adapt the tokeniser if they are many.",
                    tuple(self._lost[split]),
                )
            )
        for (split, kind), count in self._marked_count.items():
            share = count / self._total[split]
            found.append(
                Finding(
                    f"entity-{kind}",
                    "warning" if kind == "blank" or share > 0.005 else "info",
                    f"{count:,} entities of {split} ({share:.2%}) "
                    + (
                        "start or end in blanks or invisible characters"
                        if kind == "blank"
                        else "start or end with a punctuation mark"
                    ),
                    "spaCy refuses to train on entities that start or end in blanks. Remove them."
                    if kind == "blank"
                    else "Does the mark belong to the name?",
                    tuple(self._marked[split, kind]),
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
    inside = {token.text for token in ent}
    opens = next((o for o, c in PAIRS.items() if c == last), None)
    if is_punct(last) and not (opens in inside and opens != last):
        return "punctuation"
    if is_punct(first) and not (PAIRS.get(first) in inside and PAIRS.get(first) != first):
        return "punctuation"
    return ""
