"""Soft labels: what a teacher says about the tokens of a Doc, for training a student.

They are stored in `doc.user_data`, so a DocBin with `store_user_data` keeps them. Where they
are lost, as in `Doc.as_doc`, `Doc.from_docs` and augmenters that create a new reference, the
Doc trains with its entities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from .arrays import Bools, Floats, Ints
from .constraints import OUTSIDE, tag_names, tag_numbers

KEY = "soft_tags"
# The number of tags to store per token. The others share less than the 16-bit precision.
K_BEST = 6


@dataclass(frozen=True)
class SoftTags:
    """What a teacher says about the tokens of a Doc.

    labels (tuple[str, ...]): The entity types that the teacher knows. Whether a token is of
        another type is left open.
    tags (Ints | None): The numbers of the k best tags of each token, see `constraints`. None if
        the teacher only sets entities. Shape: (tokens, k)
    probabilities (Floats | None): Their probabilities. Shape: (tokens, k)
    weights (Floats | None): The weight of each token in the loss; None for 1.
        Shape: (tokens,)
    """

    labels: tuple[str, ...]
    tags: Optional[Ints] = None
    probabilities: Optional[Floats] = None
    weights: Optional[Floats] = None

    @classmethod
    def k_best(cls, marginals: Floats, labels: Sequence[str], k: int = K_BEST) -> "SoftTags":
        """marginals (Floats): The probability of each tag. Shape: (tokens, tags)
        labels (Sequence[str]): The labels of the tags.
        k (int): How many tags to keep of each token.
        RETURNS (SoftTags): The most probable tags."""
        tags = numpy.argsort(-marginals, axis=1, kind="stable")[:, :k]
        probabilities = numpy.take_along_axis(marginals, tags, axis=1)
        return cls(tuple(labels), tags.astype("uint16"), probabilities.astype("float16"))

    @classmethod
    def of(cls, doc: Doc) -> "Optional[SoftTags]":
        """doc (Doc): A Doc.
        RETURNS (SoftTags | None): Its soft tags; None if it has none, or other tokens now."""
        found: Any = doc.user_data.get(KEY)
        if found is None:
            return None
        arrays = (found["tags"], found["probabilities"], found["weights"])
        if any(array is not None and len(array) != len(doc) for array in arrays):
            return None
        return cls(tuple(found["labels"]), *arrays)

    def dense(self, n_tags: int) -> Floats:
        """n_tags (int): The number of tags.
        RETURNS (Floats): The probability of each tag, 0 for those that were not kept.
            Shape: (tokens, tags)"""
        assert self.tags is not None and self.probabilities is not None
        probabilities = numpy.zeros((len(self.tags), n_tags))
        places = self.tags.astype("int64")
        numpy.put_along_axis(probabilities, places, self.probabilities.astype("float64"), axis=1)
        return probabilities

    def store(self, doc: Doc) -> None:
        """doc (Doc): The Doc that gets these soft tags."""
        data: dict[Any, Any] = doc.user_data
        data[KEY] = {**vars(self), "labels": list(self.labels)}

    def sharpened(self, temperature: float) -> "SoftTags":
        """temperature (float): Above 1 for flatter distributions, below 1 for sharper ones.
        RETURNS (SoftTags): The probabilities to the power of 1 / temperature, and normalized
            (Guo et al., 2017)."""
        if self.probabilities is None:
            return self
        powers = self.probabilities.astype("float64") ** (1 / temperature)
        powers /= numpy.maximum(powers.sum(axis=1, keepdims=True), 1e-12)
        return SoftTags(self.labels, self.tags, powers.astype("float16"), self.weights)


@dataclass(frozen=True)
class Targets:
    """What the tokens of a batch are trained towards, if a teacher annotated some of them.

    probabilities (Floats): The probability of each tag. Zeros for tokens without a known tag.
        Shape: (tokens, tags)
    known (Bools): Which tags are compared for each token. Shape: (tokens, tags)
    weights (Floats): The weight of each token. Shape: (tokens,)
    """

    probabilities: Floats
    known: Bools
    weights: Floats


def targets(
    examples: Sequence[Example], truths: Ints, labels: tuple[str, ...]
) -> Optional[Targets]:
    """Get the targets of a batch. A token has the teacher's distribution if the Docs of the
    Example have the same token, and its own tag is known; otherwise it has its own tag.

    examples (Sequence[Example]): The Examples.
    truths (Ints): The number of each token's own tag; -1 if unknown. Shape: (tokens,)
    labels (tuple[str, ...]): The labels of the component.
    RETURNS (Targets | None): The targets; None if all Docs have only tags of their own.
    """
    taught = [SoftTags.of(example.reference) for example in examples]
    if not any(taught):
        return None
    n_tags = len(tag_names(labels))
    known = numpy.ones((len(truths), n_tags), dtype="bool")
    weights = numpy.ones(len(truths))
    probabilities = numpy.zeros(known.shape)
    has_tag = numpy.flatnonzero(truths >= 0)
    probabilities[has_tag, truths[has_tag]] = 1.0
    end = 0
    for example, soft in zip(examples, taught):
        start, end = end, end + len(example.predicted)
        if soft is None:
            continue
        columns = _columns(soft.labels, labels)
        tokens, places = _same_tokens(example)
        rows = tokens + start
        known[start:end] = False
        known[start:end, columns] = True
        if soft.weights is not None:
            weights[rows] = soft.weights[places]
        if soft.tags is None or soft.probabilities is None:
            continue
        rows, places = rows[truths[rows] >= 0], places[truths[rows] >= 0]
        probabilities[rows] = 0.0
        tags, given = columns[soft.tags[places].astype("int64")], soft.probabilities[places]
        given = given / given.sum(axis=1, keepdims=True, dtype="float64")
        numpy.add.at(probabilities, (rows[:, None], tags), given)
    known |= probabilities > 0
    return Targets(probabilities, known, weights)


def _columns(of_teacher: tuple[str, ...], labels: tuple[str, ...]) -> Ints:
    """RETURNS (Ints): For each tag of the teacher, the number of the student's; that of O if the
    student does not know the type. Shape: (teacher's tags,)"""
    numbers = tag_numbers(labels)
    tags = [numbers.get(name, OUTSIDE) for name in tag_names(of_teacher)]
    return numpy.array(tags, dtype="int64")


def _same_tokens(example: Example) -> tuple[Ints, Ints]:
    """RETURNS (tuple[Ints, Ints]): The tokens that are the same in both Docs: their positions in
    the predicted Doc, and in the reference."""
    x2y, y2x = example.alignment.x2y, example.alignment.y2x
    lengths = numpy.asarray(x2y.lengths)
    single = numpy.flatnonzero(lengths == 1)
    places = numpy.asarray(x2y.data)[(numpy.cumsum(lengths) - lengths)[single]]
    same = numpy.asarray(y2x.lengths)[places] == 1
    return single[same].astype("int64"), places[same].astype("int64")
