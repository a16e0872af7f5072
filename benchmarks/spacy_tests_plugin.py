"""The pytest plugin of `spacy_tests.py`: replaces spaCy's and spacy-transformers' components with
those of this package.

    pytest -p spacy_tests_plugin --ours ner spacy/tests/parser/test_ner.py

With `--ours ner` the factory `ner` creates a `transformer_ner`; with `--ours encoder`
spacy-transformers' TransformerModel is spacy-transformer-ner.TransformerModel.v1. The encoders
of the tests are saved in the working directory under their hub names, so no network is needed.
In pytest's --junitxml, the property "ours" of a test counts this package's objects."""

import sys
import unittest.mock
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import List, Literal, Optional

import pytest
import spacy_transformers.architectures
import spacy_transformers.layers
import torch
from spacy.language import Language
from spacy.ml.models.parser import build_tb_parser_model
from spacy.tokens import Doc
from spacy.util import fix_random_seed, registry
from spacy_transformers.layers._util import replace_listener_cfg
from thinc.api import Config, Model
from thinc.types import Floats2d
from transformers import (
    AlbertConfig,
    AutoModel,
    DistilBertConfig,
    GPT2Config,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
    XLNetConfig,
)

from spacy_transformer_ner.encoder.shim import EncoderShim
from spacy_transformer_ner.recogniser.component import make_transformer_ner
from spacy_transformer_ner.recogniser.head import build_token_classifier
from tests.conftest import train_tokenizer

# spaCy's architecture for `ner`; the tests set it, or some of its settings.
PARSER = "spacy.TransitionBasedParser.v2"
# The encoder is in the component, so that nlp.add_pipe("ner") needs no other component.
NER = """
[model]
@architectures = "spacy.TransitionBasedParser.v2"

[model.tok2vec]
@architectures = "spacy-transformer-ner.Tok2VecTransformer.v1"
name = "roberta-base"

[model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""

BERT = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128,
    "max_position_embeddings": 514,
}  # fmt: skip
# Wide enough to overfit two sentences in the fifty updates of the tests.
ROBERTA = {
    **BERT, "num_hidden_layers": 1, "hidden_size": 320, "intermediate_size": 640,
    "hidden_dropout_prob": 0.0,
}  # fmt: skip
DISTILBERT = {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4}
XLNET = {"d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128}
# The configuration and tokenizer family of each encoder, by hub name.
ENCODERS = {
    "roberta-base": (RobertaConfig, ROBERTA, "byte-bpe"),
    "albert-base-v2": (AlbertConfig, {**BERT, "embedding_size": 32}, "unigram"),
    "distilbert-base-uncased": (DistilBertConfig, DISTILBERT, "wordpiece"),
    "hf-internal-testing/tiny-random-DistilBertModel": (DistilBertConfig, DISTILBERT, "wordpiece"),
    "hf-internal-testing/tiny-random-gpt2": (GPT2Config, GPT2, "byte-bpe"),
    "hf-internal-testing/tiny-random-xlnet": (XLNetConfig, XLNET, "unigram"),
    "hf-internal-testing/tiny-xlm-roberta": (XLMRobertaConfig, BERT, "unigram"),
    "sgugger/tiny-distilbert-classification": (DistilBertConfig, DISTILBERT, "wordpiece"),
}

# spaCy's tests import the old package name.
sys.modules.setdefault("mock", unittest.mock)

# The number of this package's objects that the running test has created.
made = 0


def save_encoders(folder: Path) -> None:
    """Save tiny encoders with random weights under the names of `ENCODERS`.

    folder (Path): The folder.
    """
    for name, (config_class, shape, kind) in ENCODERS.items():
        torch.manual_seed(0)
        trained = train_tokenizer(kind)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=trained.backend_tokenizer,
            model_input_names=["input_ids", "attention_mask"],
            model_max_length=512,
            **trained.special_tokens_map,
        )
        config = config_class(
            vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **shape
        )
        AutoModel.from_config(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def counted(make: Callable) -> Callable:
    """make (Callable): Creates an object of this package.
    RETURNS (Callable): The same function, counting its calls."""

    @wraps(make)
    def make_and_count(*args, **kwargs):
        global made
        made += 1
        return make(*args, **kwargs)

    return make_and_count


def classifier_or_parser(
    tok2vec: Model[List[Doc], List[Floats2d]],
    state_type: Optional[Literal["parser", "ner"]] = None,
    extra_state_tokens: bool = False,
    hidden_width: int = 64,
    maxout_pieces: int = 2,
    use_upper: bool = True,
    nO: Optional[int] = None,
) -> Model:
    """Build TokenClassifier.v1 if there is no state_type, as in the default config of `ner`; the
    test's settings of a transition-based parser are then ignored. Build spaCy's model for
    `parser` and `beam_ner`.

    All arguments: see spaCy's TransitionBasedParser.v2.
    RETURNS (Model): The model.
    """
    if state_type is not None:
        return build_tb_parser_model(
            tok2vec, state_type, extra_state_tokens, hidden_width, maxout_pieces, use_upper, nO
        )
    model = build_token_classifier(tok2vec, nO=nO)
    model.attrs["has_upper"] = use_upper  # tests compare it with their setting
    return model


def replace_ner() -> None:
    """Let the factory `ner` create a `transformer_ner`."""
    Language()  # registers spaCy's factories
    registry.architectures.register(PARSER, func=classifier_or_parser)
    registry.factories.register("ner", func=counted(make_transformer_ner))
    meta = Language.get_factory_meta("transformer_ner")
    config = {**meta.default_config, **Config().from_str(NER)}
    Language.set_factory_meta("ner", replace(meta, factory="ner", default_config=config))


@counted
def build_encoder(name: str, *args: object, **kwargs: object) -> Model:
    """Build TransformerModel.v1 from the arguments of spacy-transformers' TransformerModel.

    name (str): The encoder. Other arguments are ignored.
    RETURNS (Model): The model.
    """
    model = registry.architectures.get("spacy-transformer-ner.TransformerModel.v1")(name)
    # The test's config has the settings of spacy-transformers' architecture.
    model.attrs["replace_listener_cfg"] = replace_listener_cfg
    return model


class StandIn(type):
    """The metaclass of the replacement for spacy-transformers' TransformerModel."""

    def __call__(cls, *args: object, **kwargs: object) -> Model:
        return build_encoder(*args, **kwargs)

    def __instancecheck__(cls, model: Model) -> bool:
        return any(isinstance(shim, EncoderShim) for shim in model.shims)


def replace_encoder() -> None:
    """Let spacy-transformers' architectures build TransformerModel.v1."""
    stand_in = StandIn("TransformerModel", (), {})
    layers, architectures = spacy_transformers.layers, spacy_transformers.architectures
    for module in (spacy_transformers, layers, architectures):
        module.TransformerModel = stand_in


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ours", choices=["ner", "encoder"], required=True)


def pytest_configure(config: pytest.Config) -> None:
    save_encoders(Path())
    {"ner": replace_ner, "encoder": replace_encoder}[config.getoption("--ours")]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    global made
    made = 0
    fix_random_seed(0)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    item.user_properties.append(("ours", made))
