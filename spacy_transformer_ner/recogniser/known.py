"""The entities of the training data: whether a form has been met before says much
of how far a prediction can be trusted."""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy
from spacy.strings import hash_string
from spacy.tokens import Doc
from thinc.types import Ints1d

from ..errors import InputError

# Met with this label most often, met with another, not met.
SAME, OTHER, NEW = range(3)


def count_forms(docs: Iterable[Doc]) -> dict[str, Counter[str]]:
    """docs (Iterable[Doc]): Annotated texts.
    RETURNS (dict[str, Counter[str]]): How often the text of each entity has each label."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for doc in docs:
        for ent in doc.ents:
            counts[ent.text][ent.label_] += 1
    return counts


class KnownEntities:
    """The forms of entities and the label each has most often, as hashes only:
    eight bytes each, and no text of the training data.

    forms (ndarray): Hashes of forms, sorted. Shape: (forms,), uint64.
    labelled (ndarray): Hashes of forms with their label, sorted.
        Shape: (forms,), uint64.
    """

    def __init__(self, forms: numpy.ndarray, labelled: numpy.ndarray):
        self.forms = forms
        self.labelled = labelled

    @classmethod
    def of(cls, counts: Mapping[str, Mapping[str, int]]) -> "KnownEntities":
        """counts (Mapping[str, Mapping[str, int]]): How often each form has each
            label in the training data.
        RETURNS (KnownEntities): They."""
        likely = (
            f"{form}\t{max(labels, key=labels.__getitem__)}" for form, labels in counts.items()
        )
        return cls(_hashes(counts), _hashes(likely))

    def novelty(self, forms: Sequence[str], labels: Sequence[str]) -> Ints1d:
        """Tell which entities have been met.

        forms, labels (Sequence[str]): The text and the label of each entity.
        RETURNS (Ints1d): SAME, OTHER or NEW for each. Shape: (entities,)
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
        """content (dict[str, str]): What `to_dict` gave.
        RETURNS (KnownEntities): They.
        RAISES: InputError if it is something else."""
        try:
            arrays = [
                numpy.frombuffer(base64.b64decode(content[name], validate=True), dtype="<u8")
                for name in ("forms", "labelled")
            ]
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(
                "the known entities of the pipeline (known_entities in its component's cfg) are "
                f"damaged: {error!r}. Take the file from the training again."
            ) from None
        return cls(*arrays)


def _hashes(texts: Iterable[str]) -> numpy.ndarray:
    return numpy.unique(numpy.fromiter(map(hash_string, texts), dtype="uint64"))


def _found(texts: Sequence[str], hashes: numpy.ndarray) -> numpy.ndarray:
    wanted = numpy.fromiter(map(hash_string, texts), dtype="uint64", count=len(texts))
    if not len(hashes):
        return numpy.zeros(len(wanted), dtype=bool)
    # They are sorted: numpy.isin would look through all of them for each text.
    places = numpy.searchsorted(hashes, wanted)
    return hashes[numpy.minimum(places, len(hashes) - 1)] == wanted
