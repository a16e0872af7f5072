"""Find inconsistent annotation: the same words with different labels."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property

from spacy.tokens import Doc, Span, Token

from ..corpus.origin import place_of
from ..corpus.overlapping import entities_in
from ..wording import counted
from .report import EXAMPLES, NO_LABEL, Finding, Suspect, at, in_context

# A label with at least this share of the mentions is considered correct,
LIKELY = 0.7
# if it has at least this many mentions.
MIN_LIKELY = 3
# Placeholders for "no label" and "an entity is part of the mention". They are not valid labels.
NONE = ""
PART = " "
# A suspect is almost certain if this share of the mentions, and this many, agree.
SURE = 0.95
MIN_SURE = 20

Form = tuple[str, ...]


class Consistency:
    """Compares the mentions of the same words. Requires three passes over all documents: `see`
    collects the entities, `count` the mentions without a label, and `judge` the suspects."""

    def __init__(self) -> None:
        self._labels: dict[Form, Counter[str]] = defaultdict(Counter)
        self._suspects: list[Suspect] = []
        self._judged: Counter[str] = Counter()

    def see(self, split: str, doc: Doc) -> None:
        """See `Check`."""
        for ent in entities_in(doc):
            self._labels[_form(ent)][ent.label_] += 1

    def count(self, split: str, doc: Doc) -> None:
        """Count the mentions without a label. Call it after `see` for all documents.

        split (str): The split.
        doc (Doc): A document.
        """
        for mention in self._unlabelled(doc):
            self._labels[_form(mention)][NONE] += 1

    def judge(self, split: str, doc: Doc) -> None:
        """Collect suspects. Call it after `count` for all documents.

        split (str): The split.
        doc (Doc): A document.
        """
        for ent in entities_in(doc):
            self._judge(split, ent, ent.label_)
        for mention in self._unlabelled(doc):
            self._judge(split, mention, NONE)
        for mention, ent in self._cut(doc):
            self._judge(split, mention, PART, ent)
        self._judged[split] += 1

    def _judge(self, split: str, span: Span, label: str, shown: Span | None = None) -> None:
        counts = self._labels[_form(span)]
        likely, support = counts.most_common(1)[0]
        mentions = counts.total() + (label == PART)
        if label == PART and likely == NONE:
            return
        # Multiword names are less ambiguous, so they need fewer mentions.
        enough = MIN_LIKELY if len(span) == 1 or likely == NONE else MIN_LIKELY - 1
        if label == likely or support < max(enough, LIKELY * mentions):
            return
        self._suspects.append(
            Suspect(
                place=place_of(span.doc, span.start),
                kind=_kind(label, likely),
                text=span.text,
                label=label or NO_LABEL if shown is None else f"{shown.label_} {shown.text!r}",
                likely=likely or NO_LABEL,
                support=support,
                mentions=mentions,
                context=in_context(shown or span),
                split=split,
                document=self._judged[split],
                start=span.start_char,
                end=span.end_char,
            )
        )

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        """Lengths of the names that start with a word, longest first."""
        lengths: dict[str, set[int]] = defaultdict(set)
        for form in self._labels:
            lengths[form[0]].add(len(form))
        return {word: sorted(n, reverse=True) for word, n in lengths.items()}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._labels), default=0)

    def _cut(self, doc: Doc) -> Iterator[tuple[Span, Span]]:
        """Yield known names of which only a part is an entity, and the entity: "Global
        [Foods]"."""
        for ent in doc.ents:
            first = max(0, ent.start - max(self._longest - len(ent), 0))
            for start in range(first, ent.start + 1):
                for length in self._lengths.get(_word(doc[start]), ()):
                    end = start + length
                    if end < ent.end or length <= len(ent) or end > len(doc):
                        continue
                    span = doc[start:end]
                    others = [t for t in span if t.ent_iob != 2 and not ent.start <= t.i < ent.end]
                    if not others and _form(span) in self._labels:
                        yield span, ent
                        break
                else:
                    continue
                break

    def _unlabelled(self, doc: Doc) -> Iterator[Span]:
        """Yield the longest mentions of known names that don't overlap with an entity."""
        words = [_word(token) for token in doc]
        free = doc.to_array("ENT_IOB") == 2
        i = 0
        while i < len(words):
            for length in self._lengths.get(words[i], ()) if free[i] else ():
                end = i + length
                if tuple(words[i:end]) in self._labels and free[i:end].all():
                    yield doc[i:end]
                    i = end - 1
                    break
            i += 1

    def suspects(self) -> list[Suspect]:
        """RETURNS (list[Suspect]): The suspects, the most likely errors first."""
        return sorted(
            self._suspects,
            key=lambda s: ((s.mentions - s.support) / s.mentions, -s.support, s.place),
        )

    def findings(self) -> Iterator[Finding]:
        """See `Check`."""
        suspects = self.suspects()
        entities = sum(
            count
            for counts in self._labels.values()
            for label, count in counts.items()
            if label != NONE
        )
        for kind, message, remedy in (
            (
                "label-conflict",
                "[entity has|entities have] a different label than {share:.0%} or more of the same words",
                "Is it a mistake, or does the word mean something else here?",
            ),
            (
                "left-out",
                "[mention has|mentions have] no label, but {share:.0%} or more of the same words have one",
                "Should it be labelled? The model learns to miss entities that are not labelled.",
            ),
            (
                "odd-one-out",
                "[entity has|entities have] a label, but {share:.0%} or more of the same words have none",
                "Is it a name here?",
            ),
            (
                "other-boundaries",
                "[entity is|entities are] part of a name that is one entity in {share:.0%} or more of its "
                "mentions",
                "Are the boundaries of the entity correct?",
            ),
        ):
            of_kind = [suspect for suspect in suspects if suspect.kind == kind]
            if of_kind:
                yield Finding(
                    kind,
                    "warning"
                    if len(of_kind) > 0.005 * entities or _is_almost_certain(of_kind[0])
                    else "info",
                    counted(len(of_kind), message.format(share=LIKELY)),
                    remedy,
                    tuple(_example(suspect) for suspect in of_kind[:EXAMPLES]),
                )
        mixed = {
            form: counts for form, counts in self._labels.items() if len(counts.keys() - {NONE}) > 1
        }
        if mixed:
            common = sorted(mixed, key=lambda f: (-_minority(mixed[f]), f))[:EXAMPLES]
            yield Finding(
                "ambiguous",
                "info",
                f"{len(mixed):,} of {len(self._labels):,} names {'has' if len(mixed) == 1 else 'have'} more "
                "than one label",
                "The label depends on the context. Define the rules in your annotation guidelines.",
                tuple(
                    f"{' '.join(form)}: "
                    + ", ".join(
                        f"{label or 'none'} {n:,}" for label, n in mixed[form].most_common()
                    )
                    for form in common
                ),
            )


def _kind(label: str, likely: str) -> str:
    if label == PART:
        return "other-boundaries"
    return "left-out" if label == NONE else "odd-one-out" if likely == NONE else "label-conflict"


def _is_almost_certain(suspect: Suspect) -> bool:
    return suspect.support >= max(MIN_SURE, SURE * suspect.mentions)


def _form(span: Span) -> Form:
    return tuple(_word(token) for token in span)


def _word(token: Token) -> str:
    # Normalize words in capitals, as in headlines. Short ones may be different words, like US and
    # us.
    text = token.text
    return text.capitalize() if len(text) > 3 and text.isupper() else text


def _minority(counts: Counter[str]) -> int:
    labelled = [n for label, n in counts.items() if label != NONE]
    return sum(labelled) - max(labelled)


def _example(suspect: Suspect) -> str:
    return at(
        suspect.place,
        f"{suspect.label}, but {suspect.likely} in {suspect.support:,} of {suspect.mentions:,}: "
        f"{suspect.context}",
    )
