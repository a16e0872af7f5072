"""Storage of entity scores: a span group and `ent._.score`.

The scores are an attribute of the group, as in spancat, so `to_bytes`, DocBin and
multiprocessing keep them. `ent._.score` looks an entity up by its characters and label:
an entity that was relabelled or set by another component has no score, and tokens may be
merged or split.

The lookup table is in `doc.user_data`, as the span extension attribute "score_by_label",
e.g. {"PER": 0.98}. `Doc.from_docs` and `Doc.to_json(underscore=["score_by_label"])` keep
it, though both drop the attributes of a group. If the user data is missing, as it is by
default in a DocBin, the table is restored from the group.

With 16-bit `precision` of the encoder, the score of an entity depends slightly on the
other texts in the batch: differences of up to .0023 were measured.
"""

from collections.abc import Sequence
from typing import Any, Optional

import numpy
from spacy.tokens import Doc, Span, SpanGroup

from ..corpus.overlapping import SPANS_KEY as SC
from .arrays import Floats

SPANS_KEY = "transformer_ner"
CANDIDATES = "_candidates"
SCORES = "scores"
MARGINALS = "marginals"
# Start character, end character and label hash of each span. The group loses its spans
# when tokens are merged.
ENTITIES = "entities"
SCORE_BY_LABEL = "score_by_label"


def set_scores(
    doc: Doc,
    key: str,
    spans: Sequence[Span],
    scores: Floats,
    marginals: Floats,
) -> None:
    """Store spans and their scores in a span group.

    doc (Doc): The Doc.
    key (str): The name of the group.
    spans (Sequence[Span]): The spans.
    scores (Floats): The probability that each span is correct. Shape: (spans,)
    marginals (Floats): The scores before calibration. Shape: (spans,)
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
    doc: Doc, key: str, spans: list[Span], scores: Floats, marginals: Floats
) -> tuple[list[Span], Floats, Floats]:
    """Add the entities of a Doc that have scores from an earlier run.

    doc (Doc): The Doc, before its entities are set.
    key (str): The name of the group.
    spans, scores, marginals: The new entities, as in `set_scores`.
    RETURNS (tuple[list[Span], Floats, Floats]): The earlier and the new entities.
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
    """Get the score of an entity. The getter of `ent._.score`.

    ent (Span): The entity.
    RETURNS (float | None): The probability that it is correct; None if `transformer_ner`
        did not predict it or stores no scores.
    """
    place = _place(ent.start_char, ent.end_char)
    data: dict[Any, Any] = ent.doc.user_data
    if place not in data:
        _index_groups(ent.doc)
    by_label = data.get(place)
    return None if by_label is None else by_label.get(ent.label_)


def scores_of(doc: Doc) -> list[Optional[float]]:
    """Get the scores of all entities of a Doc.

    doc (Doc): The Doc.
    RETURNS (list[float | None]): The score of each of `doc.ents`, see `get_score`.
    """
    return [get_score(ent) for ent in doc.ents]


def entities_with_scores(doc: Doc, *, spans: bool) -> list[tuple[Span, Optional[float]]]:
    """Get the entities that a pipeline has found.

    doc (Doc): The Doc.
    spans (bool): Whether to get those of the span group "sc", which can overlap.
    RETURNS (list[tuple[Span, float | None]]): The spans with the scores of spaCy's spancat, or
        `doc.ents` with those of `get_score`.
    """
    if not spans:
        return list(zip(doc.ents, scores_of(doc)))
    group = doc.spans[SC]
    scores = group.attrs.get(SCORES)
    if scores is None or len(scores) != len(group):  # spans were added or removed
        return [(span, None) for span in group]
    return [(span, float(score)) for span, score in zip(group, scores)]


def _place(start_char: int, end_char: int) -> tuple[str, str, int, int]:
    """The key of a span's extension attribute in `doc.user_data`. `Doc.from_docs` shifts
    its offsets."""
    return "._.", SCORE_BY_LABEL, start_char, end_char


def _index_groups(doc: Doc) -> None:
    """Copy the scores of the groups to `doc.user_data`, unless present."""
    for group in doc.spans.values():
        if len(group.attrs.get(ENTITIES, ())) and not group.name.endswith(CANDIDATES):
            start, end, _ = group.attrs[ENTITIES][0].tolist()
            if _place(start, end) not in doc.user_data:
                _index(doc, group.attrs)


def _index(doc: Doc, attrs: dict) -> None:
    """Copy the scores of one group to `doc.user_data`."""
    data: dict[Any, Any] = doc.user_data
    strings = doc.vocab.strings
    for (start, end, label), score in zip(attrs[ENTITIES].tolist(), attrs[SCORES].tolist()):
        if label in strings:
            place = _place(start, end)
            data[place] = {**(data.get(place) or {}), strings[label]: score}


def register_extension() -> None:
    """Register `ent._.score`, unless another package has registered it, and the table it
    reads, which `Doc.from_json` needs."""
    if not Span.has_extension("score"):
        Span.set_extension("score", getter=get_score)
    if not Span.has_extension(SCORE_BY_LABEL):
        Span.set_extension(SCORE_BY_LABEL, default=None)
