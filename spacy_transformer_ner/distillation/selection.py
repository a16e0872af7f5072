"""Choose the parts of annotated texts that a pipeline is confident about.

Class-balanced self-training (Zou et al., 2018): of each entity type the same share of what the
pipeline predicts is taken, the most confident first, so that frequent and easy types do not take
over. A sentence is taken as a whole, or is left out as missing annotation: its text stays as
context.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy
from spacy.tokens import Doc

from ..encoder.augment import sentence_starts
from ..recogniser.scores import CANDIDATES, SCORES, scores_of
from ..results import Result

# Entities with a lower score are not taken, even if they are among the best of their type.
LEAST_SCORE = 0.5
# A candidate of at least this probability, where no entity is predicted, is left out: the pipeline
# may miss an entity.
MISSED = 0.2


@dataclass(frozen=True)
class Sentence:
    """A sentence of an annotated text.

    text (int): The number of its text.
    start, end (int): Its first token, and the one after its last.
    entities (tuple[tuple[str, float, int, int], ...]): The type and score of its entities, and
        their tokens.
    missed (tuple[tuple[int, int], ...]): The tokens that may be an entity, but are not predicted
        as one.
    """

    text: int
    start: int
    end: int
    entities: tuple[tuple[str, float, int, int], ...]
    missed: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Selection(Result):
    """The sentences that are chosen.

    sentences, chosen (int): All sentences, and how many of them are chosen.
    entities, taken (dict[str, int]): The predicted entities, and how many are taken, by type.
    thresholds (dict[str, float]): The lowest score to take, by type.
    places (dict[int, list[tuple[int, int]]]): The tokens of the chosen sentences, by text.
    uncertain (dict[int, list[tuple[int, int]]]): The tokens in them that are left out.
    """

    sentences: int
    chosen: int
    entities: dict[str, int]
    taken: dict[str, int]
    thresholds: dict[str, float]
    places: dict[int, list[tuple[int, int]]] = field(repr=False)
    uncertain: dict[int, list[tuple[int, int]]] = field(repr=False)

    def to_dict(self) -> dict:
        """RETURNS (dict): The figures, for JSON."""
        return {
            key: value
            for key, value in super().to_dict().items()
            if key not in ("places", "uncertain")
        }


def sentences_of(docs: Iterable[Doc], spans_key: str) -> Iterator[Sentence]:
    """docs (Iterable[Doc]): Texts annotated with scores and candidates.
    spans_key (str): The group of the scores.
    YIELDS (Sentence): Their sentences. None ends within an entity."""
    for number, doc in enumerate(docs):
        scored = list(zip(doc.ents, scores_of(doc)))
        missed = list(_missed(doc, spans_key))
        starts = [i for i in sentence_starts(doc).tolist() if doc[i].ent_iob_ != "I"]
        for start, end in zip([0, *starts], [*starts, len(doc)]):
            yield Sentence(
                number,
                start,
                end,
                tuple(
                    (ent.label_, score or 0.0, ent.start, ent.end)
                    for ent, score in scored
                    if start <= ent.start < end
                ),
                tuple((max(a, start), min(b, end)) for a, b in missed if a < end and b > start),
            )


def _missed(doc: Doc, spans_key: str) -> Iterator[tuple[int, int]]:
    group = doc.spans.get(f"{spans_key}{CANDIDATES}")
    for span, probability in zip(group or (), [] if group is None else group.attrs[SCORES]):
        if probability >= MISSED and all(token.ent_type == 0 for token in span):
            yield span.start, span.end


def choose(sentences: Sequence[Sentence], share: float, seed: int = 0) -> Selection:
    """Choose sentences.

    sentences (Sequence[Sentence]): The sentences.
    share (float): The share of the entities of each type that are taken. A sentence is chosen if
        one of its entities is. Of the sentences without entities, as large a share is chosen,
        first those in which none may be missed.
    seed (int): The random seed, for the order of sentences that are equally confident.
    RETURNS (Selection): The chosen sentences.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    for sentence in sentences:
        for label, score, *_ in sentence.entities:
            scores[label].append(score)
    thresholds = {
        label: max(sorted(found, reverse=True)[max(round(share * len(found)), 1) - 1], LEAST_SCORE)
        for label, found in sorted(scores.items())
    }
    some = [sentence for sentence in sentences if sentence.entities]
    chosen = [
        sentence
        for sentence in some
        if any(score >= thresholds[label] for label, score, *_ in sentence.entities)
    ]
    others = [sentence for sentence in sentences if not sentence.entities]
    random.Random(seed).shuffle(others)
    others.sort(key=lambda sentence: bool(sentence.missed))
    chosen += others[: round(len(others) * len(chosen) / max(len(some), 1))]
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    uncertain: dict[int, list[tuple[int, int]]] = defaultdict(list)
    taken: Counter[str] = Counter()
    for sentence in sorted(chosen, key=lambda each: (each.text, each.start)):
        places[sentence.text].append((sentence.start, sentence.end))
        uncertain[sentence.text] += sentence.missed
        for label, score, start, end in sentence.entities:
            if score >= thresholds[label]:
                taken[label] += 1
            else:
                uncertain[sentence.text].append((start, end))
    return Selection(
        len(sentences),
        len(chosen),
        {label: len(found) for label, found in sorted(scores.items())},
        {label: taken[label] for label in sorted(scores)},
        {label: round(threshold, 4) for label, threshold in thresholds.items()},
        dict(places),
        dict(uncertain),
    )


def chosen_parts(docs: Iterable[Doc], selection: Selection) -> Iterator[Doc]:
    """docs (Iterable[Doc]): The annotated texts.
    selection (Selection): What is chosen of them.
    YIELDS (Doc): The texts with chosen sentences. All other sentences, and what is uncertain,
        have missing annotation."""
    for number, doc in enumerate(docs):
        places = selection.places.get(number)
        if places is None:
            continue
        is_known = numpy.zeros(len(doc) + 2, dtype="bool")
        for start, end in places:
            is_known[start + 1 : end + 1] = True
        for start, end in selection.uncertain.get(number, ()):
            is_known[start + 1 : end + 1] = False
        # Where the known tokens end and start again.
        edges = numpy.flatnonzero(numpy.diff(is_known)).tolist()
        gaps = zip([0, *edges[1::2]], [*edges[::2], len(doc)])
        missing = [doc[a:b] for a, b in gaps if a < b]
        kept = [ent for ent in doc.ents if is_known[ent.start + 1 : ent.end + 1].all()]
        doc.set_ents(kept, missing=missing, default="outside")
        yield doc
