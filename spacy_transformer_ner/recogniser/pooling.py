"""The layer spacy-transformer-ner.reduce_mean.v1."""

from collections.abc import Callable
from typing import cast

from thinc.api import Model
from thinc.layers.reduce_mean import forward as reduce_mean
from thinc.types import Floats2d, Ragged


def build_reduce_mean() -> Model[Ragged, Floats2d]:
    """Build a listener's pooling layer: thinc's reduce_mean.v1, skipped where each token has
    one vector, as with this package's encoder.

    RETURNS (Model[Ragged, Floats2d]): The layer.
    """
    return Model("reduce_mean", forward)


def forward(
    model: Model[Ragged, Floats2d], ragged: Ragged, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Ragged]]:
    """Compute the mean of each sequence of vectors."""
    lengths = ragged.lengths
    if len(lengths) != len(ragged.dataXd) or (lengths != 1).any():
        return reduce_mean(model, ragged, is_train)
    return cast(Floats2d, ragged.data), lambda d_vectors: Ragged(d_vectors, lengths)
