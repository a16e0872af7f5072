"""A token classifier of transformers as a pipeline of ours."""

import warnings
from typing import Literal

import spacy
import torch
from spacy.language import Language
from spacy.training import Example
from torch import nn
from transformers import (
    AutoModelForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ..corpus.docbin import check_language
from ..encoder.network import positions_of
from ..encoder.storage import load_tokenizer, loading
from ..encoder.wordpieces import WordpieceEncoder
from ..errors import InputError
from .tag_schemes import our_rows

# Encoders that take longer texts were trained for it on other tasks, and cost more.
MAX_POSITIONS = 512


def import_pipeline(
    source: str,
    lang: str = "en",
    *,
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32",
) -> Language:
    """Make a pipeline of a checkpoint, with its weights: the same encoder, the scores of
    its outputs as ours, and from there on ours: legal entities only, no truncation,
    scores of entities, and training where wanted.

    source (str): A local folder, or a name on the Hugging Face hub.
    lang (str): The language's code, for the pipeline's tokeniser.
    precision (str): Of the encoder, see `encoder.model.build_transformer_model`.
    RETURNS (Language): The pipeline: transformer, transformer_ner, doc_cleaner.
    RAISES: InputError if there is no such checkpoint, its outputs are not tags of
        entities, or its head is more than one linear layer.
    """
    check_language(lang)
    tokenizer, config = load_tokenizer(source)
    labels, rows = our_rows({int(i): name for i, name in config.id2label.items()})
    with loading(source) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = AutoModelForTokenClassification.from_pretrained(
            path, use_safetensors=True, torch_dtype=torch.float32
        )
    head = _linear_head(classifier)
    nlp = spacy.blank(lang)
    pieces = WordpieceEncoder(tokenizer)
    # A tokenizer that knows no bound gives a huge number.
    positions = min(positions_of(classifier.base_model), tokenizer.model_max_length, MAX_POSITIONS)
    window = positions - len(pieces.prefix) - len(pieces.suffix)
    nlp.add_pipe(
        "transformer",
        config={
            "model": {
                "@architectures": "spacy-transformer-ner.TransformerModel.v1",
                "name": str(source),
                "window": window,
                "context": window // 8,
                "precision": precision,
                "wordpiece_pooling": "first",
                "leading_space": _starts_with_space(tokenizer),
            }
        },
    )
    nlp.add_pipe("transformer_ner")
    nlp.add_pipe("doc_cleaner")
    recogniser = nlp.get_pipe("transformer_ner")
    for label in labels:
        recogniser.add_label(label)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("a"), {"entities": []})])
    linear = recogniser.model.get_ref("output_layer")
    weights, bias = (parameter.detach().numpy() for parameter in (head.weight, head.bias))
    linear.set_param("W", linear.ops.asarray2f(weights[rows]))
    linear.set_param("b", linear.ops.asarray1f(bias[rows]))
    return nlp


def _linear_head(classifier: PreTrainedModel) -> nn.Linear:
    head = getattr(classifier, "classifier", None)
    if not isinstance(head, nn.Linear) or getattr(classifier, "head", None) is not None:
        raise InputError(
            f"{type(classifier).__name__} has more above its encoder than one linear layer, which "
            "cannot be taken over. Train the encoder again with `spacy project run all`."
        )
    if head.bias is None:
        head.bias = nn.Parameter(torch.zeros(head.out_features))
    return head


def _starts_with_space(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the tokenizer takes a text's start for a word's."""
    bare, spaced = (
        tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).tokens
        for text in ("a", " a")
    )
    return bare == spaced
