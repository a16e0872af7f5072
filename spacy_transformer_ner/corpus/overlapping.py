"""Entities that overlap, in the span group that spaCy's spancat uses by default."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

# spaCy's default for the spans_key of spancat. All entities are there, and the longest ones that
# don't overlap in doc.ents.
SPANS_KEY = "sc"

Entity = TypeVar("Entity", bound=tuple[int, int, str])


def set_entities(doc: Doc, spans: Sequence[Span], *, overlaps: bool) -> None:
    """Set the entities of an annotated Doc.

    doc (Doc): The Doc.
    spans (Sequence[Span]): The entities.
    overlaps (bool): Whether they may overlap: if so, they are the span group "sc", and `doc.ents`
        has the longest ones that don't overlap.
    """
    if overlaps:
        doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=list(spans))
        spans = filter_spans(spans)
    doc.set_ents(list(spans))


def entities_in(doc: Doc) -> list[Span]:
    """Get all entities of an annotated Doc, also those that overlap.

    doc (Doc): The Doc.
    RETURNS (list[Span]): The span group "sc" if the Doc has it, else `doc.ents`.
    """
    return list(doc.spans.get(SPANS_KEY, doc.ents))


def is_annotated(doc: Doc) -> bool:
    """doc (Doc): A Doc.
    RETURNS (bool): Whether it has entity annotation, even if it has no entities."""
    return SPANS_KEY in doc.spans or doc.has_annotation("ENT_IOB")


def has_only_spans(doc: Doc) -> bool:
    """doc (Doc): A Doc that a pipeline has annotated.
    RETURNS (bool): Whether its entities are in the span group "sc", because no component of the
        pipeline sets `doc.ents`."""
    return SPANS_KEY in doc.spans and not doc.has_annotation("ENT_IOB")


def layers(entities: Iterable[Entity]) -> list[list[Entity]]:
    """Distribute entities to layers without overlaps, like columns of tags: the longest ones that
    don't overlap are the first layer, as in GermEval-14.

    entities (Iterable[tuple[int, int, str]]): Start, end (exclusive) and label.
    RETURNS (list[list[tuple[int, int, str]]]): The layers, each sorted.
    """
    # The order of spaCy's filter_spans.
    ordered = sorted(set(entities), key=lambda e: (e[0] - e[1], e[0], e[2]))
    found: list[tuple[list[Entity], bytearray]] = []
    for entity in ordered:
        start, end, _ = entity
        # Those before it are not shorter, so none is within it.
        free = (layer for layer in found if not (layer[1][start] or layer[1][end - 1]))
        layer = next(free, None)
        if layer is None:
            layer = [], bytearray(max(end for _, end, _ in ordered))
            found.append(layer)
        layer[0].append(entity)
        layer[1][start:end] = b"\1" * (end - start)
    return [sorted(layer) for layer, _ in found]


def depths(entities: Iterable[Entity]) -> dict[Entity, int]:
    """Get the depth of nesting of entities.

    entities (Iterable[tuple[int, int, str]]): Start, end (exclusive) and label.
    RETURNS (dict[tuple[int, int, str], int]): 1 for an entity that is in no longer one, 2 for one
        that is in one longer entity, and so on. Entities with the same boundaries have the same
        depth.
    """
    ordered = sorted(set(entities), key=lambda e: (e[0], -e[1], e[2]))
    found: dict[Entity, int] = {}
    around: list[Entity] = []
    for entity in ordered:
        around = [other for other in around if other[1] > entity[0]]
        found[entity] = 1 + len(
            {o[:2] for o in around if o[1] >= entity[1] and o[:2] != entity[:2]}
        )
        around.append(entity)
    return found
