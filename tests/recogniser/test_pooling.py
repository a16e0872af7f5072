import numpy
import pytest
from spacy import registry
from thinc.api import get_current_ops
from thinc.types import Ragged


@pytest.mark.parametrize("lengths", [[1, 1, 1, 1], [2, 1, 1], [1, 0, 3], [0, 1, 1, 1, 1]])
def test_equals_thincs_layer(lengths):
    ops = get_current_ops()
    vectors = ops.asarray2f(numpy.random.default_rng(0).normal(size=(4, 3)))
    ragged = Ragged(vectors, ops.asarray1i(lengths))
    results = []
    for name in ("spacy-transformer-ner.reduce_mean.v1", "reduce_mean.v1"):
        means, backprop = registry.layers.get(name)()(ragged, is_train=True)
        results.append((means, backprop(means * 2).dataXd))
    for ours, theirs in zip(*results):
        numpy.testing.assert_array_equal(ours, theirs)
