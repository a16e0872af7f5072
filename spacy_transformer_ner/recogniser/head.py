"""The architecture spacy-transformer-ner.TokenClassifier.v1."""

from typing import List, Optional

from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, chain, resizable, with_array
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.types import Floats2d


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
    linear = Linear(nO=nO, nI=tok2vec.maybe_get_dim("nO"))
    output = resizable(linear, resize_layer=resize_linear_weighted)
    model = chain(tok2vec, Dropout(dropout), with_array(output))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("resizable", output)
    model.set_ref("output_layer", linear)
    model.attrs["resize_output"] = resize_output
    return model


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
