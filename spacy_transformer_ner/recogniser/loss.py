"""What training makes small."""

from typing import Literal, Optional

import numpy
from thinc.types import Floats2d, Ints1d

from .posterior import Posterior

Loss = Literal["crf", "cross_entropy"]


def loss_of(
    kind: Loss,
    emissions: Floats2d,
    truths: Ints1d,
    lengths: Ints1d,
    allowed: Optional[numpy.ndarray] = None,
) -> tuple[float, Floats2d]:
    """Compute a loss, the mean over the tokens whose tag is known, and its gradient.

    kind (str): "cross_entropy", of each token's tag by itself; or "crf", the negative
        log-likelihood of each text's tags among all legal sequences (Lafferty et al.,
        2001). There, unknown tags are summed over (Tsuboi et al., 2008).
    emissions (Floats2d): The score of each tag for each token of all texts, on the
        CPU. Shape: (tokens, tags)
    truths (Ints1d): The gold tags, -1 where unknown. Shape: (tokens,)
    lengths (Ints1d): How many tokens each text has. Shape: (texts,)
    allowed (ndarray | None): Which tags each token may have when it is decoded, see
        `viterbi.viterbi`; "crf" compares with no others. Shape: (tokens, tags), bool.
    RETURNS (tuple[float, Floats2d]): Loss and gradient, (tokens, tags), float32.
    """
    known = truths >= 0
    if not known.any():
        return 0.0, numpy.zeros_like(emissions)
    if kind == "crf":
        loss, gradient = _crf(emissions, truths, known, lengths, allowed)
    else:
        loss, gradient = _cross_entropy(emissions, truths, known)
    return loss / int(known.sum()), (gradient / known.sum()).astype("float32")


def _cross_entropy(emissions, truths, known) -> tuple[float, Floats2d]:
    logs = emissions.astype("float64")
    logs -= logs.max(axis=1, keepdims=True)
    logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
    gradient = numpy.exp(logs)
    gradient[~known] = 0.0
    gradient[known, truths[known]] -= 1.0
    return float(-logs[known, truths[known]].sum()), gradient


def _crf(emissions, truths, known, lengths, allowed) -> tuple[float, Floats2d]:
    is_tag = numpy.arange(emissions.shape[1]) == truths[:, None]
    if allowed is None:
        allowed = numpy.ones_like(is_tag)
    # The gold may have what decoding does not, as an entity over a sentence's start.
    every = Posterior(emissions, lengths, allowed | is_tag)
    gold = Posterior(emissions, lengths, numpy.where(known[:, None], is_tag, allowed))
    losses = every.log_partitions() - gold.log_partitions()
    # What is known may leave no legal sequence, where entities are misaligned.
    possible = numpy.isfinite(losses)
    gradient = every.tags() - gold.tags()
    gradient[~numpy.repeat(possible, lengths)] = 0.0
    return float(losses[possible].sum()), gradient
