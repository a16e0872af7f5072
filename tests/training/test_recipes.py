"""Every recipe trains with a tiny encoder of its architecture."""

import shutil

import pytest
import spacy
import torch
from spacy.cli.debug_config import debug_config
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.training.preflight import check_training
from spacy_transformer_ner.training.recipe import BUILT_IN, encoder_of, load_recipe, recipe_names

from ..conftest import SHAPE, blank_pipeline, make_examples, ner, train_tokenizer

RECIPES = recipe_names()
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 130}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}
MODERN = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": 130, "cls_token_id": 0, "sep_token_id": 2, "bos_token_id": 0,
    "eos_token_id": 2, "reference_compile": False,
}  # fmt: skip
# By prefix of the recipe's name: the architecture, the tokenizer family, the shape.
ARCHITECTURES = {
    "minilm": (BertConfig, "wordpiece", SHAPE),
    "transformers": (BertConfig, "wordpiece", SHAPE),
    "spans": (BertConfig, "wordpiece", SHAPE),
    "bert-base": (BertConfig, "wordpiece", SHAPE),
    "distilbert": (DistilBertConfig, "wordpiece", DISTIL),
    "electra": (ElectraConfig, "wordpiece", {**SHAPE, "embedding_size": 16}),
    "spanberta": (RobertaConfig, "byte-bpe", SHAPE),
    "roberta": (RobertaConfig, "byte-bpe", SHAPE),
    "xlm-roberta": (XLMRobertaConfig, "unigram", SHAPE),
    "deberta": (DebertaV2Config, "unigram", {**SHAPE, **DEBERTA}),
    "modernbert": (ModernBertConfig, "byte-bpe", MODERN),
}


@pytest.fixture
def tiny_encoder(tmp_path):
    def make(recipe):
        config_class, family, shape = next(
            of for name, of in ARCHITECTURES.items() if recipe.startswith(name)
        )
        torch.manual_seed(0)
        tokenizer = train_tokenizer(family)
        config = config_class(
            vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **shape
        )
        AutoModel.from_config(config).save_pretrained(tmp_path / "encoder")
        tokenizer.save_pretrained(tmp_path / "encoder")
        return tmp_path / "encoder"

    return make


@pytest.fixture
def corpus(encoders, tmp_path):
    nlp = blank_pipeline(encoders["wordpiece"])
    docs = [example.reference for example in make_examples(nlp)]
    for doc in docs:
        doc.spans["sc"] = list(doc.ents)
        for token in doc:
            token.is_sent_start = token.i == 0
    DocBin(docs=docs * 3).to_disk(tmp_path / "corpus.spacy")
    return tmp_path / "corpus.spacy"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_few_steps(recipe, tiny_encoder, corpus, tmp_path):
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.encoder": str(tiny_encoder(recipe)),
        "paths.history": str(tmp_path / "history.jsonl"),
        "components.transformer.model.window": 64,
        "training.eval_frequency": 2,
        "training.max_steps": 4,
        "training.max_epochs": 0,
    }
    config = check_training(recipe, overrides)
    nlp = init_nlp(config)
    before = nlp.get_pipe("transformer").model.shims[0].to_bytes()
    (tmp_path / "out").mkdir()
    train(nlp, tmp_path / "out")
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.get_pipe("transformer").model.shims[0].to_bytes() != before
    doc = trained("Marit Solheim leads Fjordverk in Oslo.")
    assert len(doc) == 7 and all(0 <= ent._.score <= 1 for ent in doc.ents)
    assert ("sc" in doc.spans) == (recipe == "spans")
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) >= 2


@pytest.mark.parametrize("recipe", RECIPES)
def test_encoders(recipe):
    """Each recipe sets its encoder."""
    name = encoder_of(recipe)
    assert recipe in ("minilm", "transformers", "spans") or recipe.split("-")[0] in name.lower()
    assert encoder_of(recipe, "other") == "other"


def test_faithful_recipes_are_as_published():
    config = load_recipe("bert-base-cased-faithful").interpolate()
    optimizer, training = config["training"]["optimizer"], config["training"]
    assert optimizer["learn_rate"]["initial_rate"] == 2e-5 and optimizer["eps"] == 1e-8
    assert (optimizer["beta1"], optimizer["beta2"], optimizer["rate_width"]) == (0.9, 0.999, None)
    assert (training["batcher"]["size"], training["max_epochs"], training["seed"]) == (8, 3, 42)
    assert config["corpora"]["train"]["gold_preproc"] is True
    assert config["components"]["transformer"]["model"]["wordpiece_pooling"] == "first"
    # Other settings are those of the recipe it extends.
    assert training["dropout"] == 0.1 and config["nlp"]["pipeline"][0] == "transformer"


@pytest.mark.parametrize("recipe", RECIPES)
def test_debug_config(recipe, corpus, tmp_path):
    """Each recipe is a complete config for spaCy."""
    paths = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    load_recipe(recipe, paths).to_disk(tmp_path / "config.cfg")
    debug_config(tmp_path / "config.cfg")  # exits if the config is invalid


def test_config_of_a_training(corpus, tiny_encoder, tmp_path):
    """`spacy ner train` writes a complete config for spaCy."""
    done = ner(
        "train", "spanberta-faithful", "--output", tmp_path / "out", "--check-only",
        "--encoder", tiny_encoder("spanberta"), "--train", corpus, "--dev", corpus,
        "--training.eval_frequency", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    path = tmp_path / "out" / "config.cfg"
    debug_config(path)  # exits if the config is invalid
    assert "extends" not in path.read_text()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["config.cfg"]


def test_recipes_by_name(tmp_path, monkeypatch):
    """A built-in recipe, one in configs/, and a file that extends a recipe by name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.cfg").write_text(
        '[recipe]\nextends = "bert-base-cased"\n\n[training]\nmax_steps = 7\n'
    )
    (tmp_path / "alone.cfg").write_text('[recipe]\nextends = "minilm"\n\n[nlp]\nlang = "de"\n')
    assert load_recipe("bert-base-cased")["training"]["max_steps"] != 7
    mine = load_recipe("mine")
    assert mine["training"]["max_steps"] == 7
    assert mine["paths"]["encoder"] == "google-bert/bert-base-cased"
    assert load_recipe("alone.cfg")["nlp"]["lang"] == "de"
    with pytest.raises(InputError, match="one of .*minilm"):
        load_recipe("nothing")
    done = ner("config", "mine", "--lang", "fr", "--output", tmp_path / "whole.cfg")
    assert done.returncode == 0
    whole = Config().from_disk(tmp_path / "whole.cfg", interpolate=False)
    assert whole == load_recipe("mine", {"nlp.lang": "fr"})


@pytest.mark.parametrize(
    "text, said",
    [
        ('[recipe]\nextends = "nothing.cfg"', "there is no such config"),
        ('[recipe]\nextends = "x.cfg"', "extends itself"),
        ('[recipe]\nextend = "minilm.cfg"', "setting extends"),
        ("[paths]\nencoder = null", "sets no encoder"),
    ],
)
def test_invalid_recipe(text, said, tmp_path):
    path = tmp_path / "x.cfg"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        encoder_of(path)


def test_recipes_that_extend_each_other(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.cfg").write_text(f'[recipe]\nextends = "{other}.cfg"\n')
    with pytest.raises(InputError, match="a.cfg: extends itself"):
        load_recipe(tmp_path / "a.cfg")


def test_sections_in_any_order(tmp_path):
    """A section and a nested one, in either order."""
    shutil.copy(BUILT_IN / "minilm.cfg", tmp_path)
    path = tmp_path / "x.cfg"
    parts = [
        "[training]\ndropout = 0.2\n",
        "[training.optimizer.learn_rate]\ninitial_rate = 1e-4\n",
    ]
    for text in ("\n".join(parts), "\n".join(parts[::-1])):
        path.write_text(f'[recipe]\nextends = "minilm.cfg"\n\n{text}')
        training = load_recipe(path)["training"]
        assert training["dropout"] == 0.2 and training["max_steps"] == 2550
        assert training["optimizer"]["learn_rate"]["initial_rate"] == 1e-4
