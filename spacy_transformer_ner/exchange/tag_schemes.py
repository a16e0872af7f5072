"""The outputs of token classifiers made elsewhere, and ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Optional

import numpy
from thinc.types import Floats1d, Floats2d

from ..errors import InputError
from ..recogniser.constraints import tag_names

Scheme = Literal["bio", "iob1"]
# What each of our tags is called where an entity's last or only token has no tag of its
# own, and in other spellings of BILUO.
SPELLINGS: dict[str, dict[str, str]] = {
    "BIO": {"B": "B", "I": "I", "L": "I", "U": "B"},
    "BILUO": {"B": "B", "I": "I", "L": "L", "U": "U"},
    "BIOES": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BMES": {"B": "B", "I": "M", "L": "E", "U": "S"},
}
# The score of a tag that a checkpoint does not have.
NEVER = -100.0
# How many entities it takes to tell schemes apart, and the part that must start alike.
NEEDED, CLEAR = 8, 0.8


@dataclass(frozen=True)
class Outputs:
    """What the outputs of a token classifier are.

    labels (list[str]): The entity types, sorted.
    rows (ndarray): For each of our tags, in the order of `constraints.tag_names`, the
        number of the output; -1 for none. Shape: (tags,)
    scheme (str | None): "bio" or "iob1"; None for tags that are both by their names.
    """

    labels: list[str]
    rows: numpy.ndarray
    scheme: Optional[Scheme]

    def head(self, weights: Floats2d, bias: Floats1d) -> tuple[Floats2d, Floats1d]:
        """Make our head of the classifier's.

        weights (Floats2d): Shape: (outputs, width)
        bias (Floats1d): Shape: (outputs,)
        RETURNS (tuple[Floats2d, Floats1d]): The same for our tags, (tags, width) and (tags,).
        """
        never = numpy.zeros_like(weights[:1]), numpy.full_like(bias[:1], NEVER)
        weights, bias = (numpy.concatenate(pair) for pair in zip((weights, bias), never))
        return weights[self.rows], bias[self.rows]


def read_outputs(id2label: Mapping[int, str], scheme: Optional[Scheme] = None) -> Outputs:
    """Find which of a classifier's outputs each of our tags is. In BIO the first of
    several tokens and the only one share an output, as the others do: every BIO sequence
    is one of ours with the same score, so nothing is lost.

    id2label (Mapping[int, str]): What the classifier calls its outputs.
    scheme (str | None): Whether tags called O, B-X and I-X are "bio" or "iob1", if known.
    RETURNS (Outputs): What they are.
    RAISES: InputError if the outputs have no names, are not numbered from 0, or are not
        those of a scheme.
    """
    names = _names(id2label)
    numbers = {name: number for number, name in enumerate(names)}
    labels = sorted({name.partition("-")[2] for name in names if "-" in name})
    shown = ", ".join(names)[:200]
    if not labels or "O" not in numbers:
        raise InputError(
            f"the checkpoint's outputs are {shown}: it does not recognise entities with tags "
            "like O, B-PER, I-PER."
        )

    def outputs(spelling: Mapping[str, str], scheme: Optional[Scheme]) -> Outputs:
        tags = (
            name if name == "O" else f"{spelling[name[0]]}{name[1:]}" for name in tag_names(labels)
        )
        return Outputs(labels, numpy.array([numbers.get(tag, -1) for tag in tags]), scheme)

    inside = {f"I-{label}" for label in labels}
    begins = {f"B-{label}" for label in labels}
    is_bio = set(names) == {"O"} | inside | begins
    # Without some of B-: the corpus had no two entities of that type side by side.
    is_iob1 = inside < set(names) < {"O"} | inside | begins
    if is_bio:
        return outputs(SPELLINGS["BIO"], scheme)
    if is_iob1 and scheme != "bio":
        return outputs(SPELLINGS["BIO"], "iob1")
    if scheme is not None:
        raise InputError(
            f"the checkpoint's outputs are {shown}, so its tags are not {scheme.upper()}: leave "
            "--scheme out."
        )
    for spelling in SPELLINGS.values():
        found = outputs(spelling, "bio")
        if sorted(set(found.rows.tolist())) == list(range(len(names))):
            return found
    raise InputError(
        f"the checkpoint's outputs are {shown}. Supported are BIO (O, B-PER, I-PER), IOB1 "
        "(O, I-PER, and B-PER where needed), BIOES, BMES and BILUO, whole for every type. Train "
        "the encoder again with `spacy project run all`."
    )


def find_scheme(starts: Mapping[str, int]) -> Optional[Scheme]:
    """Tell BIO from IOB1 by what entities start with.

    starts (Mapping[str, int]): How many entities at the start of a text had the tags "B"
        and "I".
    RETURNS (str | None): "bio", "iob1", or None if it is not clear.
    """
    total = sum(starts.values())
    if total >= NEEDED and starts["B"] >= CLEAR * total:
        return "bio"
    if total >= NEEDED and starts["I"] >= CLEAR * total:
        return "iob1"
    return None


def _names(id2label: Mapping[int, str]) -> list[str]:
    """The outputs' names by their numbers."""
    if sorted(id2label) != list(range(len(id2label))):
        raise InputError(
            f'the numbers in "id2label" of config.json are {sorted(id2label)[:10]}: name all '
            "outputs, counted from 0."
        )
    names = [_normal(str(id2label[number])) for number in range(len(id2label))]
    if any(name.startswith("LABEL_") or name.isdecimal() for name in names):
        raise InputError(
            "the checkpoint does not say what its outputs are: they are called "
            f"{', '.join(names[:3])} and so on. Put the names of the tags, in their "
            'order in training, into "id2label" of its config.json, such as {"0": "O", "1": '
            '"B-PER", "2": "I-PER"}.'
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f'"id2label" of config.json gives several outputs the same name: {twice[:5]}. Name '
            "each output."
        )
    return names


def _normal(name: str) -> str:
    """B_PER and B-PER are one."""
    if len(name) > 2 and name[1] == "_":
        return f"{name[0]}-{name[2:]}"
    return name
