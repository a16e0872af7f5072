"""The outputs of token classifiers made elsewhere, and ours."""

from collections.abc import Mapping

import numpy

from ..errors import InputError
from ..recogniser.constraints import tag_names

# What each of our tags is called where an entity's last or only token has no tag of its
# own, and in other spellings of BILUO.
SPELLINGS: dict[str, dict[str, str]] = {
    "BIO": {"B": "B", "I": "I", "L": "I", "U": "B"},
    "BILUO": {"B": "B", "I": "I", "L": "L", "U": "U"},
    "BIOES": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BMES": {"B": "B", "I": "M", "L": "E", "U": "S"},
}


def our_rows(id2label: Mapping[int, str]) -> tuple[list[str], numpy.ndarray]:
    """Find which of a classifier's outputs each of our tags is. In BIO the first of
    several tokens and the only one share an output, as the others do: every BIO sequence
    is one of ours with the same score, so nothing is lost.

    id2label (Mapping[int, str]): What the classifier calls its outputs.
    RETURNS (tuple[list[str], ndarray]): The entity types, sorted, and for each of our
        tags, in the order of `constraints.tag_names`, the number of the output.
    RAISES: InputError if the outputs are not a scheme with a tag for the beginning of
        each type.
    """
    numbers = {_normal(name): number for number, name in id2label.items()}
    if any(name.startswith("LABEL_") for name in numbers):
        raise InputError(
            "the checkpoint does not say what its outputs are: they are called "
            f"{', '.join(sorted(numbers)[:3])} and so on. Put the names of the tags, in their "
            'order in training, into "id2label" of its config.json.'
        )
    labels = sorted({name.partition("-")[2] for name in numbers if "-" in name})
    if not labels or "O" not in numbers:
        raise InputError(
            f"the checkpoint's outputs are {', '.join(numbers)[:200]}: it is no recogniser of "
            "entities with tags like O, B-PER, I-PER."
        )
    for spelling in SPELLINGS.values():
        wanted = [
            "O" if name == "O" else f"{spelling[name[0]]}{name[1:]}" for name in tag_names(labels)
        ]
        if set(wanted) == set(numbers):
            return labels, numpy.array([numbers[name] for name in wanted])
    raise InputError(
        f"the checkpoint's outputs are {', '.join(numbers)[:200]}. They are to be BIO (O, B-PER, "
        "I-PER), BIOES, BMES or BILUO, whole for every type. A model whose entities may begin "
        "with I- (IOB1), or that has I- alone, does not say where one entity ends and the next "
        "begins; train it again with `spacy project run all`."
    )


def _normal(name: str) -> str:
    """B_PER and B-PER are one."""
    if len(name) > 2 and name[1] == "_":
        return f"{name[0]}-{name[2:]}"
    return name
