"""The pytest plugin that `spacy_tests.py` runs spaCy's and spacy-transformers' tests with:
it puts what is ours in the place of theirs.

    pytest -p spacy_tests_plugin --ours ner spacy/tests/parser/test_ner.py

With `--ours ner` the factory `ner` makes a `transformer_ner`; with `--ours encoder`
spacy-transformers' TransformerModel is spacy-transformer-ner.TransformerModel.v1. The encoders
that the tests ask for are saved in the current folder under their hub names, so no network is
needed. The property "ours" of a test in pytest's --junitxml counts what of ours it made."""

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

# spaCy's architecture for `ner`; the tests set it, or settings of it.
PARSER = "spacy.TransitionBasedParser.v2"
# The encoder is in the component, so that nlp.add_pipe("ner") needs no other.
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
# Wide enough to learn two sentences by heart in the fifty updates that the tests give.
ROBERTA = {
    **BERT, "num_hidden_layers": 1, "hidden_size": 320, "intermediate_size": 640,
    "hidden_dropout_prob": 0.0,
}  # fmt: skip
DISTILBERT = {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4}
XLNET = {"d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128}
# Hub names, each with the configuration and the kind of tokenizer of its encoder.
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

# spaCy's tests import it by its name from before Python 3.3.
sys.modules.setdefault("mock", unittest.mock)

# How often the running test has made a component or an encoder of ours.
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
    """make (Callable): Makes something of ours.
    RETURNS (Callable): The same, counted for the running test."""

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
    """Build TokenClassifier.v1 where the default config of `ner` was filled in, which has
    no state_type: the test's settings of a transition-based parser do not count then. Build
    spaCy's model for `parser` and `beam_ner`.

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
    """Let the factory `ner` make our component."""
    Language()  # registers spaCy's factories
    registry.architectures.register(PARSER, func=classifier_or_parser)
    registry.factories.register("ner", func=counted(make_transformer_ner))
    meta = Language.get_factory_meta("transformer_ner")
    config = {**meta.default_config, **Config().from_str(NER)}
    Language.set_factory_meta("ner", replace(meta, factory="ner", default_config=config))


@counted
def build_encoder(name: str, *args: object, **kwargs: object) -> Model:
    """Build TransformerModel.v1 from the arguments of spacy-transformers' TransformerModel.

    name (str): The encoder. Other arguments do not count.
    RETURNS (Model): The model.
    """
    model = registry.architectures.get("spacy-transformer-ner.TransformerModel.v1")(name)
    # The test's config names their architecture and has its settings.
    model.attrs["replace_listener_cfg"] = replace_listener_cfg
    return model


class StandIn(type):
    """The type of what stands for the class TransformerModel of spacy-transformers."""

    def __call__(cls, *args: object, **kwargs: object) -> Model:
        return build_encoder(*args, **kwargs)

    def __instancecheck__(cls, model: Model) -> bool:
        return any(isinstance(shim, EncoderShim) for shim in model.shims)


def replace_encoder() -> None:
    """Let spacy-transformers' architectures build our encoder."""
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
