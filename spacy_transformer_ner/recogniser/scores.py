"""Where the score of an entity is kept: a span group, and `ent._.score`.

The group is named like spancat's, with the scores as its attribute, so it is
kept by `to_bytes`, DocBin and several processes. `ent._.score` looks an entity
up by its characters and label, so one that was removed, relabelled or set by
another component has none, and tokens may be merged or parted.
"""

from collections.abc import Iterator, Sequence
from typing import Optional

import numpy
from spacy.tokens import Doc, Span, SpanGroup
from thinc.types import Floats1d

SPANS_KEY = "transformer_ner"
CANDIDATES = "_candidates"
SCORES = "scores"
MARGINALS = "marginals"
# Start and end character and label of each span. A group's own spans are lost
# when tokens are merged.
ENTITIES = "entities"


def set_scores(
    doc: Doc,
    key: str,
    spans: Sequence[Span],
    scores: Floats1d,
    marginals: Floats1d,
) -> None:
    """Keep spans and their scores in a span group.

    doc (Doc): The Doc.
    key (str): The name of the group.
    spans (Sequence[Span]): The spans.
    scores (Floats1d): How probable it is that each is right. Shape: (spans,)
    marginals (Floats1d): The same before calibration. Shape: (spans,)
    """
    entities = numpy.array([_key(span) for span in spans], dtype="uint64").reshape(-1, 3)
    attrs = {
        SCORES: scores.astype("float32"),
        MARGINALS: marginals.astype("float32"),
        ENTITIES: entities,
    }
    doc.spans[key] = SpanGroup(doc, name=key, spans=list(spans), attrs=attrs)


def with_kept(
    doc: Doc, key: str, spans: list[Span], scores: Floats1d, marginals: Floats1d
) -> tuple[list[Span], Floats1d, Floats1d]:
    """Add the entities of a Doc that the group has scores of already: they were
    found when the Doc was run before.

    doc (Doc): The Doc, before its entities are set.
    key (str): The name of the group.
    spans, scores, marginals: What is found now.
    RETURNS (tuple[list[Span], Floats1d, Floats1d]): Both.
    """
    if key not in doc.spans or ENTITIES not in doc.spans[key].attrs:
        return spans, scores, marginals
    attrs = doc.spans[key].attrs
    places = {tuple(entity): i for i, entity in enumerate(attrs[ENTITIES].tolist())}
    kept = [(ent, places[_key(ent)]) for ent in doc.ents if _key(ent) in places]
    order = [place for _, place in kept]
    return (
        [*(ent for ent, _ in kept), *spans],
        numpy.concatenate([attrs[SCORES][order], scores]),
        numpy.concatenate([attrs[MARGINALS][order], marginals]),
    )


def _key(span: Span) -> tuple[int, int, int]:
    return span.start_char, span.end_char, span.label


def get_score(ent: Span) -> Optional[float]:
    """Look up the score of an entity; `ent._.score` does.

    ent (Span): The entity.
    RETURNS (float | None): How probable it is that it is right; None if
        `transformer_ner` did not find it, or keeps no scores.
    """
    for entities, scores in _groups(ent.doc):
        found = numpy.flatnonzero((entities == numpy.array(_key(ent), dtype="uint64")).all(axis=1))
        if len(found):
            return float(scores[found[0]])
    return None


def scores_of(doc: Doc) -> list[Optional[float]]:
    """Look up the scores of all entities of a Doc at once.

    doc (Doc): The Doc.
    RETURNS (list[float | None]): What `get_score` gives for each of `doc.ents`.
    """
    known: dict[tuple[int, ...], float] = {}
    for entities, scores in _groups(doc):
        known = {**dict(zip(map(tuple, entities.tolist()), scores.tolist())), **known}
    return [known.get(_key(ent)) for ent in doc.ents]


def _groups(doc: Doc) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    for group in doc.spans.values():
        if ENTITIES in group.attrs and not group.name.endswith(CANDIDATES):
            yield group.attrs[ENTITIES], group.attrs[SCORES]


def register_extension() -> None:
    """Make `ent._.score`, unless another package has made its own."""
    if not Span.has_extension("score"):
        Span.set_extension("score", getter=get_score)
