"""Convert scores of IOB1 tags to scores of BILUO tags.

In IOB1 (Ramshaw and Marcus, 1995) an entity starts with I-, and with B- only right after
another one of its type. The score of a start therefore depends on the previous token.
"""

from collections.abc import Callable
from typing import Any, List, Optional

from thinc.api import Model
from thinc.types import Floats2d

from .constraints import BEGIN, INSIDE, LAST, UNIT

# The lowest probability that the previous token is not of the same type.
LEAST = 1e-6


def iob1_starts(nO: Optional[int] = None) -> Model[List[Floats2d], List[Floats2d]]:
    """Build a layer that sets the scores of B and U to the higher one of I- and B-. If the
    best tag of the previous token is of the same type, the probability of I- is first
    multiplied by the probability that the previous token is not of that type.

    The best legal sequence is then the one that the best tags form as IOB1.

    nO (int | None): The number of tags.
    RETURNS (Model[List[Floats2d], List[Floats2d]]): The layer. It expects the scores of B-X
        at B-X and U-X, and those of I-X at I-X and L-X.
    """
    return Model("iob1_starts", forward, dims={"nO": nO})


def forward(
    model: Model[List[Floats2d], List[Floats2d]], texts: List[Floats2d], is_train: bool
) -> tuple[List[Floats2d], Callable]:
    """Set the scores of B and U."""
    xp = model.ops.xp
    outputs, taken = [], []
    for scores in texts:
        penalty = _penalty(xp, scores)
        output = scores.copy()
        of_text = []
        for start, inner in ((BEGIN, INSIDE), (UNIT, LAST)):
            inside = scores[:, inner::4] + penalty
            of_text.append(inside > scores[:, start::4])
            output[:, start::4] = xp.maximum(inside, scores[:, start::4])
        outputs.append(output)
        taken.append(of_text)

    def backprop(gradients: List[Floats2d]) -> List[Floats2d]:
        d_texts = []
        for gradient, of_text in zip(gradients, taken):
            d_scores = gradient.copy()
            for (start, inner), is_inside in zip(((BEGIN, INSIDE), (UNIT, LAST)), of_text):
                d_start = gradient[:, start::4]
                d_scores[:, inner::4] += d_start * is_inside
                d_scores[:, start::4] = d_start * ~is_inside
            d_texts.append(d_scores)
        return d_texts

    return outputs, backprop


def _penalty(xp: Any, scores: Floats2d) -> Floats2d:
    """xp (module): numpy or cupy.
    RETURNS (Floats2d): The value added to the score of an I- that starts an entity.
        Shape: (tokens, types)"""
    outside, begin, inside = scores[:, :1], scores[:, BEGIN::4], scores[:, INSIDE::4]
    highest = xp.maximum(begin, inside)
    all_tags = xp.concatenate([outside, begin, inside], axis=1)
    weights = xp.exp(all_tags - all_tags.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    n = begin.shape[1]
    others = 1.0 - weights[:, 1 : n + 1] - weights[:, n + 1 :]
    is_best = (highest > outside) & (highest == highest.max(axis=1, keepdims=True))
    penalty = xp.zeros_like(begin)
    penalty[1:] = xp.where(is_best, xp.log(xp.maximum(others, LEAST)), 0.0)[:-1]
    return penalty
