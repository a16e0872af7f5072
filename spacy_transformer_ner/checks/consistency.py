"""The same words labelled in different ways: likely mistakes of annotation."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from spacy.tokens import Doc, Span, Token

from ..corpus.origin import place_of
from .report import EXAMPLES, Finding, at, in_context

# A way of labelling that has this share of the mentions is taken to be right.
LIKELY = 0.7
# A mention is only doubted for what is known from so many others.
MIN_LIKELY = 3
NONE = "none"

Form = tuple[str, ...]


@dataclass(frozen=True)
class Suspect:
    """A mention that is labelled otherwise than most mentions of the same words.

    place (str): File and line, or "".
    kind (str): "label-conflict": another label; "left-out": no label where most
        have one; "odd-one-out": a label where most have none.
    text (str): The words.
    label, likely (str): How it is labelled, and how most are; "none" for no entity.
    support, mentions (int): How many mentions are labelled as most are, of all.
    context (str): The words around it.
    split (str): Where it is.
    """

    place: str
    kind: str
    text: str
    label: str
    likely: str
    support: int
    mentions: int
    context: str
    split: str

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


class Consistency:
    """Compares the mentions of the same words. It has to be shown every document
    twice: with `see` to learn the entities, then with `compare`."""

    def __init__(self) -> None:
        self._labels: dict[Form, Counter[str]] = defaultdict(Counter)
        self._forms: dict[str, list[Form]] | None = None
        self._mentions: Counter[Form] = Counter()
        self._suspects: list[Suspect] = []

    def see(self, split: str, doc: Doc) -> None:
        """As of Check."""
        for ent in doc.ents:
            self._labels[_form(ent)][ent.label_] += 1

    def count(self, split: str, doc: Doc) -> None:
        """Count the mentions without a label, when all entities have been seen.

        split (str): Its split.
        doc (Doc): A document.
        """
        for mention in self._unlabelled(doc):
            self._labels[_form(mention)][NONE] += 1

    def compare(self, split: str, doc: Doc) -> None:
        """Look for suspects, when all mentions have been counted.

        split (str): Its split.
        doc (Doc): A document.
        """
        for ent in doc.ents:
            self._judge(split, ent, ent.label_)
        for mention in self._unlabelled(doc):
            self._judge(split, mention, NONE)

    def _judge(self, split: str, span: Span, label: str) -> None:
        counts = self._labels[_form(span)]
        likely, support = counts.most_common(1)[0]
        mentions = counts.total()
        # Several words are rarely a name by chance.
        enough = MIN_LIKELY if len(span) == 1 or likely == NONE else MIN_LIKELY - 1
        if label == likely or support < max(enough, LIKELY * mentions):
            return
        self._suspects.append(
            Suspect(
                place=place_of(span.doc, span.start),
                kind="left-out" if label == NONE else "odd-one-out" if likely == NONE else "label-conflict",
                text=span.text,
                label=label,
                likely=likely,
                support=support,
                mentions=mentions,
                context=in_context(span),
                split=split,
            )
        )

    def _unlabelled(self, doc: Doc) -> Iterator[Span]:
        """The longest mentions of known names that no entity has a part of."""
        if self._forms is None:
            self._forms = defaultdict(list)
            for form in self._labels:
                self._forms[form[0]].append(form)
            for forms in self._forms.values():
                forms.sort(key=len, reverse=True)
        words = [_word(token) for token in doc]
        free = doc.to_array("ENT_IOB") == 2
        i = 0
        while i < len(words):
            for form in self._forms.get(words[i], ()) if free[i] else ():
                end = i + len(form)
                if tuple(words[i:end]) == form and free[i:end].all():
                    yield doc[i:end]
                    i = end - 1
                    break
            i += 1

    def suspects(self) -> list[Suspect]:
        """RETURNS (list[Suspect]): Mentions labelled otherwise than most, the
        surest first."""
        return sorted(
            self._suspects,
            key=lambda s: ((s.mentions - s.support) / s.mentions, -s.support, s.place),
        )

    def findings(self) -> list[Finding]:
        """As of Check."""
        suspects = self.suspects()
        entities = sum(c for counts in self._labels.values() for l, c in counts.items() if l != NONE)
        found = []
        for kind, message, remedy in (
            (
                "label-conflict",
                "entities have another label than {share:.0%} or more of the same words",
                "Look at each: is it the mistake, or does the word mean something else here?",
            ),
            (
                "left-out",
                "mentions are no entity, where {share:.0%} or more of the same words are one",
                "Look at each: an entity that is left out teaches the model to miss it.",
            ),
            (
                "odd-one-out",
                "entities are words that are none in {share:.0%} or more of their mentions",
                "Look at each: is it a name here?",
            ),
        ):
            of_kind = [suspect for suspect in suspects if suspect.kind == kind]
            if of_kind:
                found.append(
                    Finding(
                        kind,
                        "warning" if len(of_kind) > 0.005 * entities else "info",
                        f"{len(of_kind):,} {message.format(share=LIKELY)}",
                        remedy,
                        tuple(_example(suspect) for suspect in of_kind[:EXAMPLES]),
                    )
                )
        mixed = {
            form: counts
            for form, counts in self._labels.items()
            if len(counts.keys() - {NONE}) > 1
        }
        if mixed:
            common = sorted(mixed, key=lambda f: (-_minority(mixed[f]), f))[:EXAMPLES]
            found.append(
                Finding(
                    "ambiguous",
                    "info",
                    f"{len(mixed):,} names of {len(self._labels):,} have more than one label",
                    "Their context must decide. Write down for annotators how.",
                    tuple(
                        f"{' '.join(form)}: "
                        + ", ".join(f"{label} {n:,}" for label, n in mixed[form].most_common())
                        for form in common
                    ),
                )
            )
        return found


def _form(span: Span) -> Form:
    return tuple(_word(token) for token in span)


def _word(token: Token) -> str:
    # Headlines in capitals mention the same names; shorter words in capitals may
    # be other ones, like US and us.
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
