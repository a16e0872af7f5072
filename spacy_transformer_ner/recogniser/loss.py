"""Gold tags, loss and gradient."""

from collections.abc import Sequence
from typing import Optional, cast

import numpy
from spacy.training import Example
from thinc.api import Ops
from thinc.types import Floats2d

from ..errors import InputError
from ..processes import total
from .arrays import Bools, Floats, Ints
from .constraints import tag_numbers
from .soft_tags import Targets

# The score of a tag that is not compared: its probability is 0.
UNKNOWN = -1e9


def gold_tags(example: Example, labels: tuple[str, ...], name: str) -> Ints:
    """Get the gold tags of the predicted Doc's tokens.

    example (Example): The Example.
    labels (tuple[str, ...]): The labels of the component.
    name (str): Its name.
    RETURNS (Ints): The number of each token's tag; -1 if the annotation is missing, or the
        entity does not align with the tokens. Shape: (tokens,)
    RAISES: InputError if a tag has another label.
    """
    numbers = tag_numbers(labels)
    try:
        tags = [numbers[tag] for tag in example.get_aligned_ner()]
    except KeyError as error:
        raise InputError(
            f"the training data has the tag {error}, but the labels of the component {name!r} are "
            f"{list(labels)}. Add the label with add_label, or initialize the pipeline with all "
            "training data."
        ) from None
    return numpy.array(tags, dtype="int64")


def split_gradient(ops: Ops, gradient: Floats, scores: Sequence[Floats2d]) -> list[Floats2d]:
    """Split the gradient of a batch by text.

    ops (Ops): The ops of the model's device.
    gradient (Floats): The gradient. Shape: (tokens, tags)
    scores (Sequence[Floats2d]): The scores of each text.
    RETURNS (list[Floats2d]): The gradient of each text's scores, on the device.
    """
    ends = numpy.cumsum([len(rows) for rows in scores])
    return ops.xp.split(ops.asarray2f(cast(Floats2d, gradient)), ends[:-1].tolist())


def cross_entropy(
    emissions: Floats, truths: Ints, targets: Optional[Targets] = None
) -> tuple[float, Floats]:
    """Compute the mean cross-entropy of the tokens whose gold tag is known. If several processes
    train together, the mean is over the tokens of all of them: their losses and gradients have
    to be added.

    emissions (Floats): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    truths (Ints): The gold tags, -1 where unknown. Shape: (tokens,)
    targets (Targets | None): What the tokens with a known tag are trained towards instead. The
        loss is then the Kullback-Leibler divergence (Hinton et al., 2015), which equals the
        cross-entropy where a tag is certain.
    RETURNS (tuple[float, Floats]): Loss and gradient. Shape: (tokens, tags), float32.
    """
    known = truths >= 0
    n_known = total(int(known.sum()))
    if not known.any():
        return 0.0, numpy.zeros_like(emissions)
    if targets is not None:
        return _divergence(emissions[known], known, targets, n_known)
    logs = _log_softmax(emissions)
    gradient = numpy.exp(logs)
    gradient[~known] = 0.0
    gradient[known, truths[known]] -= 1.0
    loss = float(-logs[known, truths[known]].sum())
    return loss / n_known, (gradient / n_known).astype("float32")


def _divergence(
    emissions: Floats, known: Bools, targets: Targets, n_known: int
) -> tuple[float, Floats]:
    """As `cross_entropy`, for the emissions of the known tokens only."""
    wanted, weights = targets.probabilities[known], targets.weights[known][:, None]
    logs = _log_softmax(numpy.where(targets.known[known], emissions, UNKNOWN))
    certain = numpy.log(wanted, out=numpy.zeros_like(wanted), where=wanted > 0)
    gradient = numpy.zeros((len(known), emissions.shape[1]))
    gradient[known] = weights * (numpy.exp(logs) - wanted)
    loss = float((weights * wanted * (certain - logs)).sum())
    return loss / n_known, (gradient / n_known).astype("float32")


def distillation(emissions: Floats, wanted: Floats, known: Bools) -> tuple[float, Floats]:
    """Compute the mean Kullback-Leibler divergence between a teacher's tag probabilities
    and the student's (Hinton et al., 2015), over the tags that the teacher knows.

    emissions (Floats): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    wanted (Floats): The teacher's scores, for the first tags. Shape: (tokens, teacher's tags)
    known (Bools): Which tags the teacher knows. Shape: (teacher's tags,)
    RETURNS (tuple[float, Floats]): Loss and gradient. Shape: (tokens, tags), float32.
    """
    tags = numpy.flatnonzero(known)
    logs, wanted_logs = _log_softmax(emissions[:, tags]), _log_softmax(wanted[:, tags])
    probabilities = numpy.exp(wanted_logs)
    loss = float((probabilities * (wanted_logs - logs)).sum())
    gradient = numpy.zeros_like(emissions)
    gradient[:, tags] = (numpy.exp(logs) - probabilities) / len(emissions)
    return loss / len(emissions), gradient


def _log_softmax(emissions: Floats) -> Floats:
    logs = emissions.astype("float64")
    logs -= logs.max(axis=1, keepdims=True)
    logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
    return logs
