"""The architecture spacy-transformer-ner.TokenClassifier.v1."""

from collections.abc import Callable
from typing import List, Optional

import numpy
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, Ops, chain, glorot_uniform_init, resizable
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.layers.with_array import forward as as_one_array
from thinc.layers.with_array import init
from thinc.types import Floats1d, Floats2d

from .constraints import OUTSIDE


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
    linear = Linear(nO=nO, nI=tok2vec.maybe_get_dim("nO"), init_W=init_weights, init_b=init_biases)
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


def init_weights(ops: Ops, shape: tuple[int, int]) -> Floats2d:
    """Make first weights: a hundredth of the usual ones, so that before any training `O`,
    which has the higher bias, is what all tokens are. Zeros would do that too, but give
    no gradient to the encoder, whose optimizer looks at directions and not at sizes.

    ops (Ops): Of thinc.
    shape (tuple[int, int]): Tags, width.
    RETURNS (Floats2d): The weights.
    """
    return 0.01 * glorot_uniform_init(ops, shape)


def init_biases(ops: Ops, shape: tuple[int]) -> Floats1d:
    """RETURNS (Floats1d): First biases: 1 for `O`, which most tokens are, 0 for others."""
    biases = ops.alloc1f(*shape)
    biases[OUTSIDE] = 1.0
    return biases


def forward(
    model: Model[List[Floats2d], List[Floats2d]], vectors: List[Floats2d], is_train: bool
) -> tuple[List[Floats2d], Callable]:
    """Do what thinc's with_array does, but predict Doc by Doc on a CPU. So numpy can
    multiply, which is thrice as fast as thinc's BLIS, but rounds a row by what other rows
    there are: here all are the Doc's own."""
    if is_train or model.ops.xp is not numpy:
        return as_one_array(model, vectors, is_train)
    linear = model.layers[0].layers[0]
    weights, bias = linear.get_param("W").T, linear.get_param("b")

    def no_training(d_scores: List[Floats2d]) -> List[Floats2d]:
        raise ValueError("there is nothing to learn from a prediction")

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
