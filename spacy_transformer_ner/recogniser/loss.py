"""Loss and gradient."""

import numpy

from .arrays import Bools, Floats, Ints


def cross_entropy(emissions: Floats, truths: Ints) -> tuple[float, Floats]:
    """Compute the mean cross-entropy of the tokens whose gold tag is known.

    emissions (Floats): The score of each tag for each token of all texts.
        Shape: (tokens, tags)
    truths (Ints): The gold tags, -1 where unknown. Shape: (tokens,)
    RETURNS (tuple[float, Floats]): Loss and gradient. Shape: (tokens, tags), float32.
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
