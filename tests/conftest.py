"""Tiny encoders and pipelines: no test needs downloaded weights or a network."""

import os

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
# Tests run in several processes, which share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
import torch
from spacy.tokens import DocBin
from spacy.training import Example
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer, UnigramTrainer, WordPieceTrainer
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "assets" / "sample"


def pytest_collection_modifyitems(items):
    """Run files with slow tests first, so that no process has to wait for the last one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def ner(*arguments) -> SimpleNamespace:
    """Run `spacy ner` in this process. Exceptions other than SystemExit are raised."""
    from spacy_transformer_ner.cli import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return SimpleNamespace(returncode=result.exit_code, stdout=result.output, stderr="")


SENTENCES = [
    ("Marit Solheim leads Fjordverk in Oslo.", [(0, 13, "PER"), (20, 29, "ORG"), (33, 37, "LOC")]),
    ("Fjordverk hired Ann Lee in New York.", [(0, 9, "ORG"), (16, 23, "PER"), (27, 35, "LOC")]),
    ("It rained in Oslo and in New York.", [(13, 17, "LOC"), (25, 33, "LOC")]),
    ("Nobody knows why it happened.", []),
    ("Ann Lee met Marit Solheim in Oslo.", [(0, 7, "PER"), (12, 25, "PER"), (29, 33, "LOC")]),
]


def train_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """Train a tokenizer of one family on a few sentences."""
    texts = [text for text, _ in SENTENCES] + ["Ünïcödé text’s 10km, isn't it?"]
    if kind == "wordpiece":
        special = {
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
        }
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = WordPieceTrainer(vocab_size=150, special_tokens=list(special.values()))
    else:
        special = {
            "cls_token": "<s>",
            "pad_token": "<pad>",
            "sep_token": "</s>",
            "unk_token": "<unk>",
        }
        if kind == "byte-bpe":
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
            tokenizer.decoder = decoders.ByteLevel()
            trainer = BpeTrainer(
                vocab_size=400,
                special_tokens=list(special.values()),
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            )
        else:
            tokenizer = Tokenizer(models.Unigram())
            tokenizer.normalizer = normalizers.NFKC()
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            trainer = UnigramTrainer(
                vocab_size=150, special_tokens=list(special.values()), unk_token="<unk>"
            )
    tokenizer.train_from_iterator(texts, trainer)
    cls, sep = special["cls_token"], special["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
FAMILIES = {
    "wordpiece": (BertConfig, BertModel),
    "byte-bpe": (RobertaConfig, RobertaModel),
    "unigram": (XLMRobertaConfig, XLMRobertaModel),
}


@pytest.fixture(scope="session")
def encoders(tmp_path_factory) -> dict[str, Path]:
    """Folders with a random encoder of each tokenizer family."""
    folders = {}
    for kind, (config_class, model_class) in FAMILIES.items():
        torch.manual_seed(0)
        tokenizer = train_tokenizer(kind)
        config = config_class(
            vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **SHAPE
        )
        folder = tmp_path_factory.mktemp(kind)
        model_class(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        folders[kind] = folder
    return folders


def blank_pipeline(encoder: Path, **settings) -> spacy.Language:
    """An uninitialized pipeline with `transformer` and `transformer_ner`."""
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-transformer-ner.TransformerModel.v1",
        "name": str(encoder),
        "window": 64,
        "context": 8,
        "precision": "fp32",
        **settings,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.add_pipe("transformer_ner")
    return nlp


def make_examples(nlp: spacy.Language) -> list[Example]:
    return [
        Example.from_dict(nlp.make_doc(text), {"entities": entities})
        for text, entities in SENTENCES
    ]


def entities(doc) -> list[tuple[int, int, str]]:
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


@pytest.fixture(scope="session")
def trained(encoders) -> spacy.Language:
    """A tiny pipeline, overfitted on the sentences. Do not modify it."""
    torch.manual_seed(0)
    nlp = blank_pipeline(encoders["wordpiece"], word_shape=True)
    examples = make_examples(nlp)
    from spacy_transformer_ner.encoder.optimizer import create_adamw

    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    return nlp


@pytest.fixture
def overrides(encoders, tmp_path):
    """What makes the recipe minilm train a tiny encoder on the sentences."""
    nlp = blank_pipeline(encoders["wordpiece"])
    path = tmp_path / "train.spacy"
    DocBin(docs=[e.reference for e in make_examples(nlp)]).to_disk(path)
    return {
        "paths.train": str(path),
        "paths.dev": str(path),
        "paths.encoder": str(encoders["wordpiece"]),
        "components.transformer.model.window": 64,
        "components.transformer.model.context": 8,
        "training.eval_frequency": 5,
    }
