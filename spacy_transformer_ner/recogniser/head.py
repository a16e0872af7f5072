"""The architecture spacy-transformer-ner.TokenClassifier.v1."""

from collections.abc import Callable
from typing import List, Optional, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, Ops, chain, resizable
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.layers.with_array import forward as as_one_array
from thinc.layers.with_array import init
from thinc.types import Floats1d, Floats2d

from .constraints import OUTSIDE
from .iob1 import iob1_starts

# The initial bias of O, too small to make a difference. Those of other tags are 0.
UNTRAINED = 2.0**-20


def build_token_classifier(
    tok2vec: Model[List[Doc], List[Floats2d]],
    dropout: float = 0.1,
    nO: Optional[int] = None,
    iob1: bool = False,
) -> Model[List[Doc], List[Floats2d]]:
    """Build a model that predicts the tag scores of each token: dropout and a linear layer
    on the token vectors.

    tok2vec (Model[List[Doc], List[Floats2d]]): The token vectors, usually a listener to a
        transformer.
    dropout (float): The dropout rate on the vectors. `[training] dropout` overrides it
        during training.
    nO (int | None): The number of tags; set by the component.
    iob1 (bool): Whether the tags of the layer are IOB1, where an entity starts with I-
        unless an entity of its type ends right before it; see `iob1.iob1_starts`. For
        checkpoints trained on IOB1 tags.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    """
    linear = Linear(nO=nO, nI=tok2vec.maybe_get_dim("nO"), init_b=init_biases)
    output: Model[Floats2d, Floats2d] = resizable(linear, resize_layer=resize_linear_weighted)
    scores: Model[List[Floats2d], List[Floats2d]] = Model(
        "with_array(resizable(linear))",
        forward,
        init=init,
        layers=[output],
        attrs={"pad": 0},
        dims={"nO": nO, "nI": linear.maybe_get_dim("nI")},
    )
    layers: List[Model] = [tok2vec, Dropout(dropout), scores]
    if iob1:
        layers.append(iob1_starts(nO))
    model: Model[List[Doc], List[Floats2d]] = chain(*layers)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("resizable", output)
    model.set_ref("output_layer", linear)
    model.attrs["resize_output"] = resize_output
    return model


def init_biases(ops: Ops, shape: tuple[int]) -> Floats1d:
    """RETURNS (Floats1d): The initial biases, which mark the layer as untrained."""
    biases = ops.alloc1f(*shape)
    biases[OUTSIDE] = UNTRAINED
    return biases


def is_untrained(biases: Floats1d) -> bool:
    """RETURNS (bool): Whether the biases are those of `init_biases`. Any update changes
    them; adding tags, whose biases are 0, does not."""
    return float(biases[OUTSIDE]) == UNTRAINED and not biases[OUTSIDE + 1 :].any()


def forward(
    model: Model[List[Floats2d], List[Floats2d]], vectors: List[Floats2d], is_train: bool
) -> tuple[List[Floats2d], Callable]:
    """Do the same as thinc's with_array, except for predictions on the CPU and before
    training.

    On the CPU each Doc is multiplied separately with numpy, which is three times as fast as
    thinc's BLIS. numpy's rounding of a row depends on the other rows, so the scores of a Doc
    would depend on its batch otherwise.

    An untrained layer predicts O for all tokens. Its initial weights are random, because the
    encoder learns more slowly from smaller ones (dev F1 on the sample after 50, 100, 150 and
    200 updates: .513, .735, .786 and .800; with weights divided by 100: .321, .571, .749 and
    .768)."""
    linear = model.layers[0].layers[0]
    untrained = not is_train and is_untrained(cast(Floats1d, linear.get_param("b")))
    if is_train or (model.ops.xp is not numpy and not untrained):
        return as_one_array(model, vectors, is_train)

    def no_training(d_scores: List[Floats2d]) -> List[Floats2d]:
        raise ValueError("cannot backpropagate a prediction: call the model with is_train=True")

    if untrained:
        outside = model.ops.asarray1f(numpy.eye(1, linear.get_dim("nO"), OUTSIDE)[0])
        return [model.ops.xp.tile(outside, (len(rows), 1)) for rows in vectors], no_training
    weights, bias = linear.get_param("W").T, linear.get_param("b")
    return [rows @ weights + bias for rows in vectors], no_training


def resize_output(model: Model, nO: int) -> Model:
    """Add tags to the model. Existing tags keep their weights; the weights of new tags
    are 0.

    model (Model): The model.
    nO (int): The new number of tags, not lower than the present one.
    RETURNS (Model): The same model.
    """
    output = resize_model(model.get_ref("resizable"), nO)
    model.set_ref("output_layer", output.layers[0])
    for layer in (output, *model.layers[2:], model):
        layer.set_dim("nO", nO, force=True)
    return model
