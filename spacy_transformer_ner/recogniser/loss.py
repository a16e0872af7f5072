"""What training makes small."""

import numpy
from thinc.types import Floats2d, Ints1d


def cross_entropy(emissions: Floats2d, truths: Ints1d) -> tuple[float, Floats2d]:
    """Compute the cross-entropy of each token's tag, the mean over the tokens whose tag
    is known, and its gradient.

    emissions (Floats2d): The score of each tag for each token of all texts, on the
        CPU. Shape: (tokens, tags)
    truths (Ints1d): The gold tags, -1 where unknown. Shape: (tokens,)
    RETURNS (tuple[float, Floats2d]): Loss and gradient, (tokens, tags), float32.
    """
    known = truths >= 0
    if not known.any():
        return 0.0, numpy.zeros_like(emissions)
    logs = _log_softmax(emissions)
    gradient = numpy.exp(logs)
    gradient[~known] = 0.0
    gradient[known, truths[known]] -= 1.0
    loss = float(-logs[known, truths[known]].sum())
    return loss / int(known.sum()), (gradient / known.sum()).astype("float32")


def distillation(
    emissions: Floats2d, wanted: Floats2d, known: numpy.ndarray
) -> tuple[float, Floats2d]:
    """Compute how far the probabilities of each token's tags are from those that a teacher
    gives (Hinton et al., 2015): the Kullback-Leibler divergence, the mean over the tokens,
    and its gradient. Both are probabilities among the tags that the teacher knows.

    emissions (Floats2d): The score of each tag for each token of all texts, on the
        CPU. Shape: (tokens, tags)
    wanted (Floats2d): The teacher's, of the first tags. Shape: (tokens, teacher's tags)
    known (ndarray): Which of its tags the teacher knows. Shape: (teacher's tags,), bool.
    RETURNS (tuple[float, Floats2d]): Loss and gradient, (tokens, tags), float32.
    """
    tags = numpy.flatnonzero(known)
    logs, wanted_logs = _log_softmax(emissions[:, tags]), _log_softmax(wanted[:, tags])
    probabilities = numpy.exp(wanted_logs)
    loss = float((probabilities * (wanted_logs - logs)).sum())
    gradient = numpy.zeros_like(emissions)
    gradient[:, tags] = (numpy.exp(logs) - probabilities) / len(emissions)
    return loss / len(emissions), gradient


def _log_softmax(emissions: Floats2d) -> Floats2d:
    logs = emissions.astype("float64")
    logs -= logs.max(axis=1, keepdims=True)
    logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
    return logs
