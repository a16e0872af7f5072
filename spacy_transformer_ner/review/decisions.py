"""Read a reviewer's decisions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..corpus.readers.json_values import json_values
from ..corpus.readers.offsets import check_span
from ..corpus.sources import Source, shorten
from ..errors import InputError
from .changes import read_entry

# Start and end, counted in characters without whitespace, and label. Some formats do not keep
# the whitespace of a text.
Dense = tuple[int, int, str]


@dataclass(frozen=True)
class Decision:
    """The decision about one suspect.

    at (str): File and line of the decision.
    id (str): The ID of the suspect.
    path (str): The file that the suspect is in. "" if unknown.
    line (int | None): The line of the first token of the text.
    offset (int): The offset of the text in its document, in characters.
    text (str): The text, without whitespace.
    mention (Dense): The suspect. The label is "" if it is not an entity.
    removed, added (frozenset[Dense]): The entities that are wrong, and those that are right
        instead. Empty if the annotation is right.
    """

    at: str
    id: str
    path: str
    line: int | None
    offset: int
    text: str
    mention: Dense
    removed: frozenset[Dense] = frozenset()
    added: frozenset[Dense] = frozenset()

    @property
    def corrects(self) -> bool:
        """RETURNS (bool): Whether the annotation changes."""
        return bool(self.removed or self.added)


@dataclass(frozen=True)
class Text:
    """All decisions about one text of a corpus file.

    decisions (tuple[Decision, ...]): The decisions, one or more. They agree.
    """

    decisions: tuple[Decision, ...]

    @property
    def first(self) -> Decision:
        """RETURNS (Decision): The first decision, for path, line, offset and text."""
        return self.decisions[0]

    @property
    def removed(self) -> frozenset[Dense]:
        """RETURNS (frozenset[Dense]): The entities that are wrong."""
        return frozenset().union(*(decision.removed for decision in self.decisions))

    @property
    def added(self) -> frozenset[Dense]:
        """RETURNS (frozenset[Dense]): The entities that are right instead."""
        return frozenset().union(*(decision.added for decision in self.decisions))


@dataclass
class Review:
    """The decisions of one or more reviews.

    texts (list[Text]): The decisions, by text.
    undecided (int): The number of records without a decision.
    """

    texts: list[Text] = field(default_factory=list)
    undecided: int = 0


def read_review(paths: Iterable[str | Path], *, unchanged_is_right: bool = False) -> Review:
    """Read reviewed records of `spacy ner suspects`, from Prodigy or Doccano.

    paths (Iterable[str | Path]): JSON Lines files.
    unchanged_is_right (bool): Whether a record without an answer, with unchanged entities, says
        that the annotation is right. Otherwise it is undecided.
    RETURNS (Review): The decisions.
    RAISES: InputError with file and line if a record is invalid, or two decisions contradict.
    """
    review = Review()
    by_text: dict[tuple, list[Decision]] = defaultdict(list)
    for path in paths:
        source = Source.at(path)
        if not source.path.is_file():
            raise InputError("no such file.", path=path)
        for line, record in json_values(source, source.encoding()):
            decision = _Record(source.name, line, record).decision(unchanged_is_right)
            if decision is None:
                review.undecided += 1
            else:
                key = decision.path, decision.line, decision.offset, decision.text
                by_text[key].append(decision)
    review.texts = [Text(tuple(_agreed(decisions))) for decisions in by_text.values()]
    return review


def _agreed(decisions: Sequence[Decision]) -> Iterator[Decision]:
    """Yield the decisions about one text, without repetitions."""
    seen: dict[str, Decision] = {}
    for decision in decisions:
        same = seen.get(decision.id)
        if same is None:
            for other in seen.values():
                if _contradict(decision, other):
                    raise _conflict(other, decision)
            seen[decision.id] = decision
            yield decision
        elif (same.removed, same.added) != (decision.removed, decision.added):
            raise _conflict(same, decision)


def _contradict(first: Decision, second: Decision) -> bool:
    """Whether two decisions about different suspects of a text contradict."""
    if any(overlap(a, b) and a != b for a in first.added for b in second.added):
        return True
    return any(
        not kept.corrects and any(overlap(kept.mention, ent) for ent in other.removed | other.added)
        for kept, other in ((first, second), (second, first))
    )


def overlap(first: Dense, second: Dense) -> bool:
    """first, second (Dense): Two entities of a text.
    RETURNS (bool): Whether they have characters in common."""
    return first[0] < second[1] and second[0] < first[1]


def _conflict(first: Decision, second: Decision) -> InputError:
    start, end, _ = second.mention
    place = f" ({second.path}:{second.line})" if second.path else ""
    return InputError(
        f"two decisions contradict about {shorten(second.text[start:end], 40)}{place}: "
        f"{_said(first)} at {first.at}, {_said(second)} at {second.at}. Remove one of them."
    )


def _said(decision: Decision) -> str:
    if not decision.corrects:
        return "the annotation is right"
    ents = [f"{label} {shorten(decision.text[a:b], 30)}" for a, b, label in sorted(decision.added)]
    return ", ".join(ents) or "no entity"


def dense(text: str) -> tuple[str, list[int]]:
    """Remove the whitespace of a text.

    text (str): The text.
    RETURNS (tuple[str, list[int]]): The text without whitespace, and the offset in it of each
        character of the text, and of the end.
    """
    offsets, position = [], 0
    for character in text:
        offsets.append(position)
        position += not character.isspace()
    return "".join(text.split()), [*offsets, position]


class _Record:
    """A reviewed record.

    name (str): The file name.
    line (int): The line in the file.
    record (Any): The record.
    """

    def __init__(self, name: str, line: int, record: Any):
        self.name = name
        self.line = line
        self.record = record
        about = record.get("suspect") if isinstance(record, Mapping) else None
        if not isinstance(about, Mapping) or not isinstance(record.get("text"), str):
            raise self._wrong(
                "expected a record with text and suspect, as `spacy ner suspects` writes them. "
                "Keep these fields in the annotation tool."
            )
        self.about = about
        self.text: str = record["text"]

    def decision(self, unchanged_is_right: bool) -> Decision | None:
        """unchanged_is_right (bool): See `read_review`.
        RETURNS (Decision | None): The decision. None if there is none.
        RAISES: InputError if the record is invalid."""
        answer = self.record.get("answer")
        if answer not in (None, "accept", "reject", "ignore"):
            raise self._wrong(
                f"the answer is {shorten(repr(answer), 40)}. Use accept, reject or ignore."
            )
        if answer == "ignore":
            return None
        before = self._entities(self.about.get("annotated"), "suspect.annotated")
        after = self._edited(before)
        if after is None and answer == "reject":
            after = self._entities(self.about.get("suggested"), "suspect.suggested")
            if after == before:
                raise self._wrong(
                    "is rejected, but there is no suggestion. Correct the entities, or accept it."
                )
        if after is None and answer is None and not unchanged_is_right:
            return None
        after = before if after is None else after
        text, _ = dense(self.text)
        path, line, offset, id = (self.about.get(k) for k in ("path", "line", "offset", "id"))
        if not (
            isinstance(path, str)
            and isinstance(line, int | None)
            and isinstance(offset, int)
            and isinstance(id, str)
        ):
            raise self._wrong("the field suspect was changed. Export the suspects again.")
        mention = {**self.about, "label": self.about.get("label") or "-"}
        (start, end, _), *_ = self._entities([mention], "suspect")
        return Decision(
            at=f"{self.name}:{self.line}",
            id=id,
            path=path,
            line=line,
            offset=offset,
            text=text,
            mention=(start, end, str(self.about.get("label") or "")),
            removed=before - after,
            added=after - before,
        )

    def _edited(self, before: frozenset[Dense]) -> frozenset[Dense] | None:
        """Get the entities that the reviewer changed: Prodigy changes `spans`, Doccano `label`.
        None if they are unchanged."""
        changed = {}
        for name in ("spans", "label"):
            if isinstance(self.record.get(name), list):
                found = self._entities(self.record[name], name)
                if found != before:
                    changed[name] = found
        if len(set(changed.values())) > 1:
            raise self._wrong(
                "spans and label were both changed, and differ. Keep the field that your tool "
                "writes: spans for Prodigy, label for Doccano."
            )
        return next(iter(changed.values()), None)

    def _entities(self, value: Any, name: str) -> frozenset[Dense]:
        if not isinstance(value, list):
            raise self._wrong(f"expected a list in {name}, found {shorten(repr(value), 40)}.")
        _, offsets = dense(self.text)
        found: list[Dense] = []
        for entry in value:
            read = read_entry(entry)
            if read is None:
                raise self._wrong(
                    f"expected an entity with start, end and label in {name}, found "
                    f"{shorten(repr(entry), 60)}."
                )
            span = check_span(*read, None, self.text, self.name, self.line)
            ent = offsets[span.start], offsets[span.end], span.label
            for other in found:
                if overlap(ent, other) and ent != other:
                    raise self._wrong(
                        f"two entities in {name} overlap: {shorten(repr(entry), 60)} and another. "
                        "Remove one."
                    )
            found.append(ent)
        return frozenset(found)

    def _wrong(self, message: str) -> InputError:
        return InputError(message, path=self.name, line=self.line)
