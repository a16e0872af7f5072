"""Where the score of an entity is kept: a span group, and `ent._.score`.

The group is named like spancat's, with the scores as its attribute, so it is
kept by `to_bytes`, DocBin and several processes. `ent._.score` looks an entity
up by its characters and label, so one that was removed, relabelled or set by
another component has none, and tokens may be merged or parted.

What it looks up is in `doc.user_data`, where spaCy keeps the values of a span's extension
attributes: as one named "score_by_label", e.g. {"PER": 0.98}. `Doc.from_docs` and
`Doc.to_json(underscore=["score_by_label"])` keep it, though both drop the attributes of a
group. Where the user data was dropped, as a DocBin does by default, it is made again from
the group.

In 16 bits (the encoder's `precision`) the score of an entity depends a little on which
texts are encoded together: differences of up to .0023 were measured.
"""

from collections.abc import Sequence
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
SCORE_BY_LABEL = "score_by_label"


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
    if not key.endswith(CANDIDATES):
        _index(doc, attrs)


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
    place, data = _place(ent.start_char, ent.end_char), ent.doc.user_data
    if place not in data:
        _index_groups(ent.doc)
    by_label = data.get(place)
    return None if by_label is None else by_label.get(ent.label_)


def scores_of(doc: Doc) -> list[Optional[float]]:
    """Look up the scores of all entities of a Doc.

    doc (Doc): The Doc.
    RETURNS (list[float | None]): What `get_score` gives for each of `doc.ents`.
    """
    return [get_score(ent) for ent in doc.ents]


def _place(start_char: int, end_char: int) -> tuple[str, str, int, int]:
    """Where spaCy keeps the value of a Span's attribute: `Doc.from_docs` moves it."""
    return "._.", SCORE_BY_LABEL, start_char, end_char


def _index_groups(doc: Doc) -> None:
    """Take the scores of the groups into `doc.user_data`, unless they are there."""
    for group in doc.spans.values():
        if len(group.attrs.get(ENTITIES, ())) and not group.name.endswith(CANDIDATES):
            start, end, _ = group.attrs[ENTITIES][0].tolist()
            if _place(start, end) not in doc.user_data:
                _index(doc, group.attrs)


def _index(doc: Doc, attrs: dict) -> None:
    """Take the scores of one group into `doc.user_data`."""
    data, strings = doc.user_data, doc.vocab.strings
    for (start, end, label), score in zip(attrs[ENTITIES].tolist(), attrs[SCORES].tolist()):
        if label in strings:
            place = _place(start, end)
            data[place] = {**(data.get(place) or {}), strings[label]: score}


def register_extension() -> None:
    """Make `ent._.score`, unless another package has made its own, and what it looks up:
    `Doc.from_json` needs that to be registered."""
    if not Span.has_extension("score"):
        Span.set_extension("score", getter=get_score)
    if not Span.has_extension(SCORE_BY_LABEL):
        Span.set_extension(SCORE_BY_LABEL, default=None)
