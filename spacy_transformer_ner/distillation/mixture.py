"""The training data of a student: labelled documents, and texts that a teacher annotated."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from spacy.tokens import Doc, DocBin

from ..corpus.docbin import ATTRS
from ..errors import InputError
from ..files import replacing
from ..recogniser.soft_tags import SoftTags
from ..results import Result
from .teacher import score_of

# Labelled documents are repeated until they have this share of the words, but not more often
# than this.
LABELLED_SHARE = 0.2
MOST_REPEATED = 10
# Guards. Types with fewer labelled entities are not checked; a share changes too much if it is
# more than this many times larger or smaller than in the labelled data.
FEW_ENTITIES = 10
RUNS_AWAY = 3.0


@dataclass(frozen=True)
class Mixture(Result):
    """What a student is trained on.

    texts, words (int): The texts that the teacher annotated and that are taken, and the tokens
        that they are trained on.
    entities (dict[str, int]): The entities in them, by type.
    labelled (int): The labelled documents.
    repeated (int): How often each of them is in the training data.
    labelled_entities (dict[str, int]): Their entities, by type.
    left_out (dict[str, int]): The teacher's entities of types that the labelled data and dev do
        not have.
    same (int): The texts that are left out because they are labelled, or in dev.
    """

    texts: int
    words: int
    entities: dict[str, int]
    labelled: int
    repeated: int
    labelled_entities: dict[str, int]
    left_out: dict[str, int]
    same: int

    def warnings(self) -> Iterator[str]:
        """YIELDS (str): A warning for each entity type that vanishes in the texts, or whose share
        runs away from that in the labelled data."""
        taken, gold = sum(self.entities.values()), sum(self.labelled_entities.values())
        for label, n in sorted(self.labelled_entities.items()):
            found = self.entities.get(label, 0)
            if n < FEW_ENTITIES:
                continue
            if not found:
                yield (
                    f"The teacher finds no {label} in the texts: the student will hardly find "
                    f"any either. The labelled data has {n:,}. Use texts with {label}, or label "
                    "more of them."
                )
                continue
            share, of_gold = found / taken, n / gold
            if not 1 / RUNS_AWAY <= share / of_gold <= RUNS_AWAY:
                yield (
                    f"{label} is {share:.1%} of the entities taken from the texts, but "
                    f"{of_gold:.1%} of the labelled ones. Look at some of them: the texts are of "
                    "another kind, or the teacher confuses types."
                )


def taught(doc: Doc, types: Sequence[str], labels: Sequence[str], temperature: float = 1.0) -> Doc:
    """Make an annotated text a training Doc, in place.

    doc (Doc): The annotated text.
    types (Sequence[str]): The entity types to keep.
    labels (Sequence[str]): The types that a teacher without soft tags knows; all if it does not
        say.
    temperature (float): See `Teacher.temperature`.
    RETURNS (Doc): The same Doc: with the entities to keep, and the soft tags.
    """
    soft = SoftTags.of(doc)
    kept = [ent for ent in doc.ents if ent.label_ in types]
    others = [ent for ent in doc.ents if ent.label_ not in types]
    # Parts of a text may be left out, as missing annotation.
    default = "unmodified" if soft is not None else "outside"
    if soft is None:
        weights = numpy.ones(len(doc), dtype="float16")
        for ent in kept:
            score = score_of(ent)
            if score is not None:
                weights[ent.start : ent.end] = score
        known = [label for label in labels if label in types] or types
        soft = SoftTags(tuple(known), weights=weights)
    doc.spans.clear()
    doc.user_data.clear()
    doc.set_ents(kept, outside=others, default=default)
    soft.sharpened(temperature).store(doc)
    return doc


def mix(
    labelled: Sequence[Doc],
    dev: Sequence[Doc],
    texts: Iterable[Doc],
    path: Path,
    *,
    labels: Sequence[str] = (),
    temperature: float = 1.0,
) -> Mixture:
    """Write the training data of a student.

    labelled, dev (Sequence[Doc]): The labelled documents, and those of dev. Equal texts are left
        out, and so are entities of types that neither has.
    texts (Iterable[Doc]): The annotated texts, see `teacher.annotated_texts`.
    path (Path): The .spacy file to write.
    labels, temperature: See `taught`.
    RETURNS (Mixture): What it has.
    RAISES: InputError if no text has an entity to learn.
    """
    types = sorted({ent.label_ for doc in (*labelled, *dev) for ent in doc.ents})
    known = {doc.text for doc in (*labelled, *dev)}
    found: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    docs = DocBin(attrs=ATTRS, store_user_data=True)
    n_texts = n_words = n_same = 0
    for doc in texts:
        if doc.text in known:
            n_same += 1
            continue
        left_out.update(ent.label_ for ent in doc.ents if ent.label_ not in types)
        docs.add(taught(doc, types, labels, temperature))
        found.update(ent.label_ for ent in doc.ents)
        n_texts += 1
        n_words += sum(token.ent_iob > 0 for token in doc)
    if not found:
        others = f", but {', '.join(sorted(left_out))}" if left_out else ""
        raise InputError(
            f"the teacher finds no {' or '.join(types)} in the {n_texts:,} texts{others}. Use "
            "other texts, or a teacher with the types of your data."
        )
    words = sum(map(len, labelled))
    wanted = LABELLED_SHARE / (1 - LABELLED_SHARE) * n_words / max(words, 1)
    repeated = min(max(round(wanted), 1), MOST_REPEATED)
    for doc in [doc for doc in labelled for _ in range(repeated)]:
        docs.add(doc)
    with replacing(path) as new:
        docs.to_disk(new)
    gold = Counter(ent.label_ for doc in labelled or dev for ent in doc.ents)
    return Mixture(
        n_texts, n_words, _sorted(found), len(labelled), repeated if labelled else 0,
        _sorted(gold), _sorted(left_out), n_same,
    )  # fmt: skip


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
