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
    logs = emissions.astype("float64")
    logs -= logs.max(axis=1, keepdims=True)
    logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
    gradient = numpy.exp(logs)
    gradient[~known] = 0.0
    gradient[known, truths[known]] -= 1.0
    loss = float(-logs[known, truths[known]].sum())
    return loss / int(known.sum()), (gradient / known.sum()).astype("float32")
