"""What training makes small."""

from typing import Literal

import numpy
from thinc.types import Floats2d, Ints1d

from .posterior import Posterior

Loss = Literal["crf", "cross_entropy"]


def loss_of(
    kind: Loss, emissions: Floats2d, truths: Ints1d, lengths: Ints1d
) -> tuple[float, Floats2d]:
    """Compute a loss, the mean over the tokens whose tag is known, and its gradient.

    kind (str): "cross_entropy", of each token's tag by itself; or "crf", the negative
        log-likelihood of each text's tags among all legal sequences (Lafferty et al.,
        2001). There, unknown tags are summed over (Tsuboi et al., 2008).
    emissions (Floats2d): The score of each tag for each token of all texts, on the
        CPU. Shape: (tokens, tags)
    truths (Ints1d): The gold tags, -1 where unknown. Shape: (tokens,)
    lengths (Ints1d): How many tokens each text has. Shape: (texts,)
    RETURNS (tuple[float, Floats2d]): Loss and gradient, (tokens, tags), float32.
    """
    known = truths >= 0
    if not known.any():
        return 0.0, numpy.zeros_like(emissions)
    compute = _crf if kind == "crf" else _cross_entropy
    loss, gradient = compute(emissions, truths, known, lengths)
    return loss / int(known.sum()), (gradient / known.sum()).astype("float32")


def _cross_entropy(emissions, truths, known, lengths) -> tuple[float, Floats2d]:
    logs = emissions.astype("float64")
    logs -= logs.max(axis=1, keepdims=True)
    logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
    gradient = numpy.exp(logs)
    gradient[~known] = 0.0
    gradient[known, truths[known]] -= 1.0
    return float(-logs[known, truths[known]].sum()), gradient


def _crf(emissions, truths, known, lengths) -> tuple[float, Floats2d]:
    tags = numpy.arange(emissions.shape[1])
    is_gold = ~known[:, None] | (tags == truths[:, None])
    every, gold = Posterior(emissions, lengths), Posterior(emissions, lengths, is_gold)
    losses = every.log_partitions() - gold.log_partitions()
    # What is known may leave no legal sequence, where entities are misaligned.
    possible = numpy.isfinite(losses)
    gradient = every.tags() - gold.tags()
    gradient[~numpy.repeat(possible, lengths)] = 0.0
    return float(losses[possible].sum()), gradient
