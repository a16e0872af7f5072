"""The entities of the training data: predictions of known forms are more reliable."""

import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy
from spacy.strings import hash_string  # type: ignore[attr-defined]
from spacy.tokens import Doc, Span

from ..errors import InputError
from .arrays import Bools, Ints

# The form has this label most often in the training data, has another, or is not in it.
SAME, OTHER, NEW = range(3)


def count_forms(
    docs: Iterable[Doc], entities: Callable[[Doc], Iterable[Span]] = attrgetter("ents")
) -> dict[str, Counter[str]]:
    """docs (Iterable[Doc]): Annotated texts.
    entities (Callable): Gets the entities of a text. Default: `doc.ents`.
    RETURNS (dict[str, Counter[str]]): How often the text of each entity has each label."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for doc in docs:
        for ent in entities(doc):
            counts[ent.text][ent.label_] += 1
    return counts


@dataclass(frozen=True)
class KnownEntities:
    """The forms of entities and the most frequent label of each, as hashes of eight bytes:
    no text of the training data is stored.

    forms (Ints): Hashes of forms, sorted. Shape: (forms,), uint64.
    labelled (Ints): Hashes of forms with their label, sorted. Shape: (forms,), uint64.
    """

    forms: Ints
    labelled: Ints

    @classmethod
    def of(cls, counts: Mapping[str, Mapping[str, int]]) -> "KnownEntities":
        """counts (Mapping[str, Mapping[str, int]]): How often each form has each
            label in the training data.
        RETURNS (KnownEntities): The known entities."""
        likely = (
            f"{form}\t{max(labels, key=labels.__getitem__)}" for form, labels in counts.items()
        )
        return cls(_hashes(counts), _hashes(likely))

    def novelty(self, forms: Sequence[str], labels: Sequence[str]) -> Ints:
        """Look up entities in the training data.

        forms, labels (Sequence[str]): The text and the label of each entity.
        RETURNS (Ints): SAME, OTHER or NEW for each. Shape: (entities,)
        """
        novelty = numpy.full(len(forms), NEW)
        novelty[_found(forms, self.forms)] = OTHER
        novelty[_found([f"{f}\t{label}" for f, label in zip(forms, labels)], self.labelled)] = SAME
        return novelty

    def to_dict(self) -> dict[str, str]:
        """RETURNS (dict[str, str]): The hashes, for JSON."""
        return {
            name: base64.b64encode(array.astype("<u8").tobytes()).decode()
            for name, array in (("forms", self.forms), ("labelled", self.labelled))
        }

    @classmethod
    def from_dict(cls, content: dict[str, str]) -> "KnownEntities":
        """content (dict[str, str]): The result of `to_dict`.
        RETURNS (KnownEntities): The known entities.
        RAISES: InputError if the content is damaged."""
        try:
            arrays = [
                numpy.frombuffer(base64.b64decode(content[name], validate=True), dtype="<u8")
                for name in ("forms", "labelled")
            ]
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(
                "the known entities of the pipeline (known_entities in its component's cfg) are "
                f"damaged: {error!r}. Copy the file from the trained pipeline again."
            ) from None
        return cls(*arrays)


def _hashes(texts: Iterable[str]) -> Ints:
    return numpy.unique(numpy.fromiter(map(hash_string, texts), dtype="uint64"))


def _found(texts: Sequence[str], hashes: Ints) -> Bools:
    wanted = numpy.fromiter(map(hash_string, texts), dtype="uint64", count=len(texts))
    if not len(hashes):
        return numpy.zeros(len(wanted), dtype=bool)
    # The hashes are sorted, so this is faster than numpy.isin.
    places = numpy.searchsorted(hashes, wanted)
    return hashes[numpy.minimum(places, len(hashes) - 1)] == wanted
