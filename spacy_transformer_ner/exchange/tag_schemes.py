"""Map the outputs of token classifiers to BILUO tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Optional

import numpy

from ..errors import InputError
from ..recogniser.constraints import tag_names

Scheme = Literal["bio", "iob1"]
# The prefix of each BILUO prefix in other schemes.
SPELLINGS: dict[str, dict[str, str]] = {
    "BIO": {"B": "B", "I": "I", "L": "I", "U": "B"},
    "BILUO": {"B": "B", "I": "I", "L": "L", "U": "U"},
    "BIOES": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BMES": {"B": "B", "I": "M", "L": "E", "U": "S"},
}
# The score of a tag that the checkpoint lacks.
NEVER = -100.0
# To detect the scheme, this many entities are needed, and this share with the same prefix.
NEEDED, CLEAR = 8, 0.8


@dataclass(frozen=True)
class Outputs:
    """The outputs of a token classifier.

    labels (list[str]): The entity types, sorted.
    rows (ndarray): The index of the output for each tag of `constraints.tag_names`; -1 if
        there is none. Shape: (tags,)
    scheme (str | None): "bio" or "iob1"; None if the names allow both.
    """

    labels: list[str]
    rows: numpy.ndarray
    scheme: Optional[Scheme]

    def head(
        self, weights: numpy.ndarray, bias: numpy.ndarray
    ) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Convert the classifier's head to BILUO tags.

        weights (ndarray): Shape: (outputs, width)
        bias (ndarray): Shape: (outputs,)
        RETURNS (tuple[ndarray, ndarray]): Weights and biases. Shapes: (tags, width), (tags,)
        """
        never = numpy.zeros_like(weights[:1]), numpy.full_like(bias[:1], NEVER)
        weights, bias = (numpy.concatenate(pair) for pair in zip((weights, bias), never))
        return weights[self.rows], bias[self.rows]


def read_outputs(id2label: Mapping[int, str], scheme: Optional[Scheme] = None) -> Outputs:
    """Map BILUO tags to a classifier's outputs. With BIO, B- and U- share an output, and so do
    I- and L-. Every BIO sequence has a BILUO sequence with the same score, so nothing is lost.

    id2label (Mapping[int, str]): The names of the classifier's outputs.
    scheme (str | None): Whether tags named O, B-X and I-X are "bio" or "iob1", if known.
    RETURNS (Outputs): The mapping.
    RAISES: InputError if the outputs have no names, are not numbered from 0, or do not follow
        a supported scheme.
    """
    names = _names(id2label)
    numbers = {name: number for number, name in enumerate(names)}
    labels = sorted({name.partition("-")[2] for name in names if "-" in name})
    shown = ", ".join(names)[:200]
    if not labels or "O" not in numbers:
        raise InputError(
            f"the checkpoint's outputs are {shown}, which are not entity tags such as O, B-PER, "
            "I-PER. Choose a checkpoint for named entity recognition."
        )

    def outputs(spelling: Mapping[str, str], scheme: Optional[Scheme]) -> Outputs:
        tags = (
            name if name == "O" else f"{spelling[name[0]]}{name[1:]}"
            for name in tag_names(tuple(labels))
        )
        return Outputs(labels, numpy.array([numbers.get(tag, -1) for tag in tags]), scheme)

    inside = {f"I-{label}" for label in labels}
    begins = {f"B-{label}" for label in labels}
    is_bio = set(names) == {"O"} | inside | begins
    # IOB1 lacks the B- of a type that has no adjacent entities in the corpus.
    is_iob1 = inside < set(names) < {"O"} | inside | begins
    if is_bio:
        return outputs(SPELLINGS["BIO"], scheme)
    if is_iob1 and scheme != "bio":
        return outputs(SPELLINGS["BIO"], "iob1")
    if scheme is not None:
        raise InputError(
            f"the checkpoint's outputs are {shown}, so its tags are not {scheme.upper()}. Remove "
            "--scheme."
        )
    for spelling in SPELLINGS.values():
        found = outputs(spelling, "bio")
        if sorted(set(found.rows.tolist())) == list(range(len(names))):
            return found
    raise InputError(
        f"the checkpoint's outputs are {shown}. Supported are BIO (O, B-PER, I-PER), IOB1 "
        "(O, I-PER, and B-PER where needed), BIOES, BMES and BILUO, complete for every type. "
        "Fine-tune the encoder with `spacy ner train` instead."
    )


def find_scheme(starts: Mapping[str, int]) -> Optional[Scheme]:
    """Detect BIO or IOB1 from the prefixes at the start of entities.

    starts (Mapping[str, int]): The number of entities at the start of a text with the
        prefix "B" and "I".
    RETURNS (str | None): "bio", "iob1", or None if unclear.
    """
    total = sum(starts.values())
    if total >= NEEDED and starts["B"] >= CLEAR * total:
        return "bio"
    if total >= NEEDED and starts["I"] >= CLEAR * total:
        return "iob1"
    return None


def _names(id2label: Mapping[int, str]) -> list[str]:
    """The names of the outputs, by index."""
    if sorted(id2label) != list(range(len(id2label))):
        raise InputError(
            f'"id2label" in config.json has the numbers {sorted(id2label)[:10]}. Name all outputs, '
            "counted from 0."
        )
    names = [_normal(str(id2label[number])) for number in range(len(id2label))]
    if any(name.startswith("LABEL_") or name.isdecimal() for name in names):
        raise InputError(
            "the checkpoint does not name its tags: its outputs are called "
            f"{', '.join(names[:3])} and so on. Add the tags in the order used in training to "
            '"id2label" in its config.json, for example {"0": "O", "1": "B-PER", "2": "I-PER"}.'
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f'"id2label" in config.json has several outputs with the same name: {twice[:5]}. Give '
            "each output its own name."
        )
    return names


def _normal(name: str) -> str:
    """Write B_PER as B-PER."""
    if len(name) > 2 and name[1] == "_":
        return f"{name[0]}-{name[2:]}"
    return name
