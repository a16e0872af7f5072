"""How encoders are stored: as pretrained ones, and within a saved pipeline."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import torch
from huggingface_hub.utils import logging as hub_logging
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from ..errors import InputError
from .network import Encoder, InputOptions
from .sources import resolve_encoder

# Configurations of BERT's kind and of DistilBERT's call it differently.
ATTENTION_DROPOUT_NAMES = ("attention_probs_dropout_prob", "attention_dropout")


def load_pretrained(name: str, options: InputOptions, *, attention_dropout: float) -> Encoder:
    """Load a pretrained encoder and its tokenizer.

    name (str): As `resolve_encoder` takes it. Only a hub name uses the network.
    options (InputOptions): How it is to read tokens.
    attention_dropout (float): The dropout rate within attention.
    RETURNS (Encoder): The encoder, on the CPU.
    RAISES: InputError if it cannot be found or read.
    """
    tokenizer, config = load_tokenizer(name)
    for name_of_rate in ATTENTION_DROPOUT_NAMES:
        if hasattr(config, name_of_rate):
            setattr(config, name_of_rate, attention_dropout)
    with loading(name) as source:
        # Only safetensors: other formats can run code when they are read.
        transformer = AutoModel.from_pretrained(
            source, config=config, use_safetensors=True, torch_dtype=torch.float32
        )
    return Encoder(transformer, tokenizer, options)


def load_tokenizer(name: str) -> tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """Load the tokenizer and the configuration of a pretrained encoder.

    name (str): As `resolve_encoder` takes it. Only a hub name uses the network.
    RETURNS (tuple[PreTrainedTokenizerFast, PretrainedConfig]): Both.
    RAISES: InputError if it cannot be found or read.
    """
    with loading(name) as source:
        return (
            AutoTokenizer.from_pretrained(source, use_fast=True),
            AutoConfig.from_pretrained(source),
        )


@contextmanager
def loading(name: str) -> Iterator[str]:
    """Give what an encoder's name stands for, and turn into an InputError what
    transformers raises where it is not as it should be."""
    source = resolve_encoder(name)
    try:
        with _quiet_transformers():
            yield source
    except (OSError, ValueError, SafetensorError) as error:
        hint = (
            "is the folder complete?"
            if Path(source).is_dir()
            else (
                "it is neither a folder here nor known without a hub, and the Hugging Face hub "
                "does not give it (no network, a misspelt name, or no safetensors weights)."
            )
        )
        raise InputError(
            f"cannot load the encoder {name!r}: {hint} ({_first_line(error)})"
        ) from None


def to_parts(encoder: Encoder) -> dict:
    """Take an encoder apart for saving.

    encoder (Encoder): The encoder.
    RETURNS (dict): `config` (dict), `tokenizer` (file names to bytes), `weights`
        (bytes of safetensors), and the fields of its `InputOptions`.
    """
    with tempfile.TemporaryDirectory() as folder:
        encoder.wordpieces.tokenizer.save_pretrained(folder)
        files = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir()) if p.is_file()}
    weights = {key: value.contiguous().cpu() for key, value in encoder.state_dict().items()}
    return {
        "config": encoder.transformer.config.to_dict(),
        "tokenizer": files,
        "weights": save_safetensors(weights),
        **asdict(encoder.options),
    }


def from_parts(parts: dict) -> Encoder:
    """Put an encoder together again. Uses no network.

    parts (dict): As `to_parts` gives them.
    RETURNS (Encoder): The encoder, on the CPU.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet_transformers():
        for name, content in parts["tokenizer"].items():
            Path(folder, os.path.basename(name)).write_bytes(content)
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
        config = AutoConfig.for_model(**parts["config"])
        # The random weights drawn here are overwritten: leave no trace of them.
        with torch.random.fork_rng(devices=[]):
            # AutoModel.from_config would import the modules of all architectures.
            transformer = MODEL_MAPPING[type(config)](config)
    # What was saved by an earlier version has fewer fields.
    options = InputOptions(
        **{f.name: parts[f.name] for f in fields(InputOptions) if f.name in parts}
    )
    encoder = Encoder(transformer, tokenizer, options)
    encoder.load_state_dict(load_safetensors(parts["weights"]))
    return encoder


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers from reporting parts of a checkpoint that a token
    encoder has no use for, such as a pooler, and the hub's client from
    reporting each of its attempts."""
    levels = [(log, log.get_verbosity()) for log in (transformers_logging, hub_logging)]
    try:
        for log, _ in levels:
            log.set_verbosity_error()
        yield
    finally:
        for log, level in levels:
            log.set_verbosity(level)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
