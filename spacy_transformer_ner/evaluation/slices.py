"""Figures of parts of the entities: of those seen in training, of long ones, of those in
long sentences and so on. They tell what to annotate next."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from spacy.tokens import Doc

from ..encoder.shapes import OTHER, word_shape
from ..recogniser.known import count_forms
from .counts import Counts
from .error_types import Match
from .units import Entity, Units

# By number, see `shapes.word_shape`; the last is for words that differ.
CASES = (
    "without case", "lower case", "Title Case", "UPPER CASE", "single capitals", "miXed",
    "Words that differ",
)  # fmt: skip
QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")


class TrainingForms:
    """How often entities stand in the training data, by their text.

    docs (Iterable[Doc]): The training data.
    """

    def __init__(self, docs: Iterable[Doc]):
        self.counts = count_forms(docs)

    def seen(self, mention: "ScoredEntity") -> str:
        """mention (ScoredEntity): An entity.
        RETURNS (str): Whether the training data has it."""
        labels = self.counts.get(mention.form, {})
        if not labels:
            return "not seen"
        return "seen" if mention.label in labels else "seen with other labels only"

    def frequency(self, mention: "ScoredEntity") -> str:
        """mention (ScoredEntity): An entity.
        RETURNS (str): How often the training data has it with its label."""
        times = self.counts.get(mention.form, Counter())[mention.label]
        return _range(times, (0, 1, 2, 5, 20))


@dataclass(frozen=True)
class ScoredEntity:
    """An entity where it stands.

    form (str): Its text.
    label (str): Its type.
    length (int): Its tokens.
    sentence_length (int | None): The tokens of its sentence, if known.
    position (float): Where in its text it starts, 0 to 1.
    """

    form: str
    label: str
    length: int
    sentence_length: Optional[int]
    position: float


def slices(
    found: Iterable[Match],
    texts: Sequence[Units],
    references: Sequence[Doc],
    forms: Optional[TrainingForms] = None,
) -> dict[str, dict[str, Counts]]:
    """Count the entities of parts of the corpus.

    found (Iterable[Match]): What became of the entities.
    texts (Sequence[Units]): The texts.
    references (Sequence[Doc]): The same texts, annotated.
    forms (TrainingForms | None): What was seen in training.
    RETURNS (dict[str, dict[str, Counts]]): For each way to part the entities, the counts
        of each part. Precision is that of the predicted entities in it, recall that of
        the gold ones.
    """
    ways: dict[str, Callable[[ScoredEntity], Optional[str]]] = {
        **({} if forms is None else {"seen in training": forms.seen}),
        **({} if forms is None else {"times in training": forms.frequency}),
        "length in tokens": lambda m: _range(m.length, (1, 2, 3, 4, 6)),
        "case": lambda m: _case(m.form),
        "tokens of the sentence": lambda m: (
            None if m.sentence_length is None else _range(m.sentence_length, (1, 6, 11, 21, 41))
        ),
        "place in the document": lambda m: QUARTERS[min(3, int(4 * m.position))],
    }
    tables: dict[str, dict[str, Counter[str]]] = {way: defaultdict(Counter) for way in ways}
    where: dict[int, _Places] = {}
    for match in found:
        if match.text not in where:
            where[match.text] = _Places(texts[match.text], references[match.text])
        places, is_right = where[match.text], match.kind == "right"
        kinds = ("tp",) if is_right else ("fn", "fp")
        for entity, kind in zip((match.gold, match.predicted), kinds):
            if entity is None:
                continue
            mention = places.mention(entity)
            for way, group_of in ways.items():
                group = group_of(mention)
                if group is not None:
                    tables[way][group][kind] += 1
    return {
        way: {
            group: Counts(c["tp"], c["fp"], c["fn"])
            for group, c in sorted(table.items(), key=_order)
        }
        for way, table in tables.items()
        if table
    }


class _Places:
    """Where the units of a text are."""

    def __init__(self, units: Units, reference: Doc):
        self.text = reference.text
        self.offsets = units.offsets(self.text)
        self.sentences: list[int] = []
        if reference.has_annotation("SENT_START"):
            starts = [start for start, _ in self.offsets]
            # Sentences of blanks alone have no unit.
            first = [bisect_right(starts, s.start_char - 1) for s in reference.sents]
            self.sentences = sorted({*first, len(starts)})

    def mention(self, entity: Entity) -> ScoredEntity:
        start, end, label = entity
        length = None
        if self.sentences:
            i = bisect_right(self.sentences, start)
            length = self.sentences[i] - self.sentences[i - 1]
        return ScoredEntity(
            form=self.text[self.offsets[start][0] : self.offsets[end - 1][1]],
            label=label,
            length=end - start,
            sentence_length=length,
            position=start / len(self.offsets),
        )


def _case(form: str) -> str:
    shapes = {word_shape(word) for word in form.split()} - {OTHER}
    return CASES[shapes.pop() if len(shapes) == 1 else -1 if shapes else OTHER]


def _range(value: int, starts: Sequence[int]) -> str:
    """RETURNS (str): The range a value is in, e.g. "2 to 4" for starts 0, 1, 2, 5."""
    i = bisect_right(starts, value) - 1
    if i + 1 == len(starts):
        return f"{starts[i]} or more"
    last = starts[i + 1] - 1
    return str(last) if last == starts[i] else f"{starts[i]} to {last}"


def _order(item: tuple[str, Counter[str]]) -> tuple:
    """Numbers by size; quarters, cases and what was seen as they are listed."""
    name = item[0]
    listed = (*QUARTERS, *CASES, "seen", "seen with other labels only", "not seen")
    number = name.split()[0]
    return (0, int(number)) if number.isdigit() else (1, listed.index(name))
