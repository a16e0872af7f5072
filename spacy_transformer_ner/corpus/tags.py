"""Tag schemes: from a tag on every word to entities, and back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .documents import Span


@dataclass
class TagCounts:
    """What was seen while reading the tags of a file; tells the scheme.

    IOB1 writes `B-` only where an entity directly follows another of its type,
    IOB2 at the start of every entity.

    begins (int): Entities that start with `B-`.
    begins_needed (int): Those of them that directly follow one of their type.
    insides (list[int]): Lines of entities that start with `I-`.
    labels (Counter): Entities per label.
    """

    begins: int = 0
    begins_needed: int = 0
    insides: list[int] = field(default_factory=list)
    labels: Counter = field(default_factory=Counter)

    @property
    def scheme(self) -> str:
        """RETURNS (str): "IOB1" or "IOB2", whichever has fewer exceptions in
        this file."""
        return "IOB1" if len(self.insides) > self.begins - self.begins_needed else "IOB2"

    @property
    def orphans(self) -> list[int]:
        """RETURNS (list[int]): Lines of `I-` tags that IOB2 does not allow;
        none in a file of IOB1."""
        return self.insides if self.scheme == "IOB2" else []


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag of IOB1 or IOB2 into prefix and label.

    tag (str): e.g. "O", "B-PER".
    RETURNS (tuple[str, str]): e.g. ("O", ""), ("B", "PER").
    RAISES: ValueError, with the remedy, if it is no such tag.
    """
    if tag == "O":
        return "O", ""
    prefix, dash, label = tag.partition("-")
    if label != label.strip() or not label.isprintable():
        raise ValueError(
            f"the label of {tag!r} has blanks at its end or invisible characters. Remove them."
        )
    if prefix in ("B", "I") and label:
        return prefix, label
    if dash and label and prefix in ("S", "E", "L", "U", "M", "W"):
        raise ValueError(
            f"tag {tag!r} is of the BIOES or BILUO scheme. Convert the tags to IOB2: "
            "S- and U- become B-, E- and L- become I-."
        )
    raise ValueError(
        f"{tag!r} is not a tag of IOB1 or IOB2 (O, B-LABEL or I-LABEL). Is the tag in "
        "the last column of every row?"
    )


def spans_from_tags(
    tags: Sequence[str], counts: TagCounts | None = None, line: int = 1
) -> tuple[Span, ...]:
    """Read the entities of one sentence as conlleval does, which is right for
    IOB1 and for IOB2: an entity starts at `B-`, and at an `I-` that does not
    continue an entity of its label.

    tags (Sequence[str]): One tag a word.
    counts (TagCounts | None): Filled with what was seen.
    line (int): The line of the first tag, for `counts`.
    RETURNS (tuple[Span, ...]): The entities.
    RAISES: ValueError as `split_tag`.
    """
    spans: list[Span] = []
    start, label = 0, ""
    for i, (prefix, new_label) in enumerate([*map(split_tag, tags), ("O", "")]):
        if label and (prefix != "I" or new_label != label):
            spans.append(Span(start, i, label))
        continues = prefix == "I" and new_label == label
        if prefix != "O" and not continues:
            start = i
            if counts is not None:
                if prefix == "I":
                    counts.insides.append(line + i)
                else:
                    counts.begins += 1
                    counts.begins_needed += new_label == label
        label = new_label
    if counts is not None:
        counts.labels.update(span.label for span in spans)
    return tuple(spans)


def iob2_tags(length: int, entities: Iterable[tuple[int, int, str]]) -> list[str]:
    """Write entities as IOB2 tags.

    length (int): The number of tokens.
    entities (Iterable[tuple[int, int, str]]): Start, end and label of each,
        without overlap.
    RETURNS (list[str]): One tag a token.
    """
    tags = ["O"] * length
    for start, end, label in entities:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags
