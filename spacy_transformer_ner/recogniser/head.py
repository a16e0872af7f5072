"""The architecture spacy-transformer-ner.TokenClassifier.v1."""

from collections.abc import Callable
from typing import List, Optional

import numpy
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, Ops, chain, resizable
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.layers.with_array import forward as as_one_array
from thinc.layers.with_array import init
from thinc.types import Floats1d, Floats2d

from .constraints import OUTSIDE

# The first bias of `O`, small enough to make no difference; that of all other tags is 0.
UNTRAINED = 2.0**-20


def build_token_classifier(
    tok2vec: Model[List[Doc], List[Floats2d]],
    dropout: float = 0.1,
    nO: Optional[int] = None,
) -> Model[List[Doc], List[Floats2d]]:
    """Build a model that gives each token a score for each tag: dropout and a
    linear layer on the token's vector.

    tok2vec (Model[List[Doc], List[Floats2d]]): Gives the tokens' vectors,
        usually a listener to a transformer.
    dropout (float): The dropout rate on the vectors. `[training] dropout`
        overrides it in training.
    nO (int | None): The number of tags; the component sets it.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    """
    linear = Linear(nO=nO, nI=tok2vec.maybe_get_dim("nO"), init_b=init_biases)
    output = resizable(linear, resize_layer=resize_linear_weighted)
    scores = Model(
        "with_array(resizable(linear))",
        forward,
        init=init,
        layers=[output],
        attrs={"pad": 0},
        dims={"nO": nO, "nI": linear.maybe_get_dim("nI")},
    )
    model = chain(tok2vec, Dropout(dropout), scores)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("resizable", output)
    model.set_ref("output_layer", linear)
    model.attrs["resize_output"] = resize_output
    return model


def init_biases(ops: Ops, shape: tuple[int]) -> Floats1d:
    """RETURNS (Floats1d): First biases, which tell that the layer was not trained yet."""
    biases = ops.alloc1f(*shape)
    biases[OUTSIDE] = UNTRAINED
    return biases


def is_untrained(biases: Floats1d) -> bool:
    """RETURNS (bool): Whether the biases are still those of `init_biases`. Any update
    changes them; new tags, whose biases are zeros, do not."""
    return float(biases[OUTSIDE]) == UNTRAINED and not biases[OUTSIDE + 1 :].any()


def forward(
    model: Model[List[Floats2d], List[Floats2d]], vectors: List[Floats2d], is_train: bool
) -> tuple[List[Floats2d], Callable]:
    """Do what thinc's with_array does, but predict Doc by Doc on a CPU. So numpy can
    multiply, which is thrice as fast as thinc's BLIS, but rounds a row by what other rows
    there are: here all are the Doc's own. Before any training predict `O` for all tokens:
    first weights are random, and have to be, for with zeros or small ones in their place the
    encoder learns more slowly (dev F1 on the sample after 50, 100, 150 and 200 updates: .513,
    .735, .786 and .800; with a hundredth of the weights .321, .571, .749 and .768)."""
    linear = model.layers[0].layers[0]
    untrained = not is_train and is_untrained(linear.get_param("b"))
    if is_train or (model.ops.xp is not numpy and not untrained):
        return as_one_array(model, vectors, is_train)

    def no_training(d_scores: List[Floats2d]) -> List[Floats2d]:
        raise ValueError("there is nothing to learn from a prediction")

    if untrained:
        outside = model.ops.asarray1f(numpy.eye(1, linear.get_dim("nO"), OUTSIDE)[0])
        return [model.ops.xp.tile(outside, (len(rows), 1)) for rows in vectors], no_training
    weights, bias = linear.get_param("W").T, linear.get_param("b")
    return [rows @ weights + bias for rows in vectors], no_training


def resize_output(model: Model, nO: int) -> Model:
    """Give the model more tags. Those it has keep their weights; the weights of
    new ones are zeros.

    model (Model): The model.
    nO (int): The number of tags it is to have, not less than it has.
    RETURNS (Model): The same model.
    """
    output = resize_model(model.get_ref("resizable"), nO)
    model.set_ref("output_layer", output.layers[0])
    for layer in (output, model.layers[-1], model):
        layer.set_dim("nO", nO, force=True)
    return model
