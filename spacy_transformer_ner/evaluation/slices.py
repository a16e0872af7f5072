"""Metrics of slices: entities seen in training, long entities, long sentences and so on.
They show what to annotate next."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from spacy.tokens import Doc

from ..corpus.overlapping import depths, entities_in
from ..encoder.shapes import OTHER, word_shape
from ..recogniser.known import count_forms
from .counts import Counts
from .error_types import Match
from .units import Entity, Units

# Indexed by `shapes.word_shape`; the last is for entities whose words differ in case.
CASES = (
    "no letter case", "lower case", "Title Case", "UPPER CASE", "single capital", "mIXed case",
    "words differ",
)  # fmt: skip
QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")


class TrainingForms:
    """How often the training data has an entity, by its text.

    docs (Iterable[Doc]): The training data.
    """

    def __init__(self, docs: Iterable[Doc]):
        self.counts = count_forms(docs, entities_in)

    @property
    def per_type(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): The number of entities of each type."""
        return dict(sorted(sum(self.counts.values(), Counter()).items()))

    def seen(self, mention: "ScoredEntity") -> str:
        """mention (ScoredEntity): An entity.
        RETURNS (str): The group by whether the training data has it."""
        labels = self.counts.get(mention.form)
        if not labels:
            return "not seen"
        return "seen" if mention.label in labels else "seen with another type"

    def frequency(self, mention: "ScoredEntity") -> str:
        """mention (ScoredEntity): An entity.
        RETURNS (str): The group by how often the training data has it with its label."""
        times = self.counts.get(mention.form, Counter())[mention.label]
        return _range(times, (0, 1, 2, 5, 20))


@dataclass(frozen=True)
class ScoredEntity:
    """An entity and its position.

    form (str): Its text.
    label (str): Its type.
    length (int): Its length in tokens.
    sentence_length (int | None): The length of its sentence in tokens, if known.
    position (float): The relative position of its start in the document, 0 to 1.
    depth (int): Its depth of nesting, see `overlapping.depths`.
    """

    form: str
    label: str
    length: int
    sentence_length: Optional[int]
    position: float
    depth: int = 1


def slices(
    found: Iterable[Match],
    texts: Sequence[Units],
    references: Sequence[Doc],
    forms: Optional[TrainingForms] = None,
) -> dict[str, dict[str, Counts]]:
    """Count the entities of each slice of a corpus.

    found (Iterable[Match]): The matches, see `error_types.match_entities`.
    texts (Sequence[Units]): The texts.
    references (Sequence[Doc]): The same texts, annotated.
    forms (TrainingForms | None): The entities seen in training, if known.
    RETURNS (dict[str, dict[str, Counts]]): For each criterion, the counts of each group.
        Predicted entities count for precision, gold entities for recall.
    """
    nested = any(max(depths(units.gold).values(), default=1) > 1 for units in texts)
    ways: dict[str, Callable[[ScoredEntity], Optional[str]]] = {
        **({} if forms is None else {"seen in training": forms.seen}),
        **({} if forms is None else {"times in training": forms.frequency}),
        **({"depth of nesting": lambda m: _range(m.depth, (1, 2, 3))} if nested else {}),
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
            mention = places.mention(entity, places.predicted if kind == "fp" else places.gold)
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
    """The positions of the units of a text."""

    def __init__(self, units: Units, reference: Doc):
        self.text = reference.text
        self.offsets = units.offsets(self.text)
        self.gold, self.predicted = depths(units.gold), depths(units.predicted)
        self.sentences: list[int] = []
        if reference.has_annotation("SENT_START"):
            starts = [start for start, _ in self.offsets]
            # Sentences of whitespace have no units.
            first = [bisect_right(starts, s.start_char - 1) for s in reference.sents]
            self.sentences = sorted({*first, len(starts)})

    def mention(self, entity: Entity, depth: Mapping[Entity, int]) -> ScoredEntity:
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
            depth=depth[entity],
        )


def _case(form: str) -> str:
    shapes = {word_shape(word) for word in form.split()} - {OTHER}
    return CASES[shapes.pop() if len(shapes) == 1 else -1 if shapes else OTHER]


def _range(value: int, starts: Sequence[int]) -> str:
    """RETURNS (str): The range of a value, e.g. "2 to 4" for 3 and the starts 0, 1, 2, 5."""
    i = bisect_right(starts, value) - 1
    if i + 1 == len(starts):
        return f"{starts[i]} or more"
    last = starts[i + 1] - 1
    return str(last) if last == starts[i] else f"{starts[i]} to {last}"


def _order(item: tuple[str, Counter[str]]) -> tuple:
    """Sort numeric groups by size, the others as listed."""
    name = item[0]
    listed = (*QUARTERS, *CASES, "seen", "seen with another type", "not seen")
    number = name.split()[0]
    return (0, int(number)) if number.isdigit() else (1, listed.index(name))
