"""How encoders are stored: as pretrained ones, and within a saved pipeline."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import torch
from huggingface_hub.utils import logging as hub_logging
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from ..errors import InputError, one_line
from .network import Encoder, InputOptions
from .sources import resolve_encoder
from .validate import (
    check_config,
    check_encoder,
    check_finite,
    check_loaded,
    check_tensors,
    check_weights,
)

# Configurations of BERT's kind and of DistilBERT's call it differently.
ATTENTION_DROPOUT_NAMES = ("attention_probs_dropout_prob", "attention_dropout")
# What transformers' fast tokenizers save and read; anything else is not unpacked.
TOKENIZER_FILES = frozenset(
    {
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.txt", "vocab.json", "merges.txt", "bpe.codes", "normalizer.json",
        "spiece.model", "spm.model", "sentencepiece.model", "sentencepiece.bpe.model",
        "tokenizer.model",
    }
)  # fmt: skip


def load_pretrained(name: str, options: InputOptions, *, attention_dropout: float) -> Encoder:
    """Load a pretrained encoder and its tokenizer.

    name (str): As `resolve_encoder` takes it. Only a hub name uses the network.
    options (InputOptions): How it is to read tokens.
    attention_dropout (float): The dropout rate within attention.
    RETURNS (Encoder): The encoder, on the CPU.
    RAISES: InputError if it cannot be found or read, or its weights, settings and
        tokenizer do not fit together.
    """
    tokenizer, config = load_tokenizer(name)
    for name_of_rate in ATTENTION_DROPOUT_NAMES:
        if hasattr(config, name_of_rate):
            setattr(config, name_of_rate, attention_dropout)
    with loading(name) as source:
        encoder = Encoder(load_network(AutoModel, source, config), tokenizer, options)
        check_encoder(encoder)
    return encoder


def load_network(auto_class: type, source: str, config: PretrainedConfig) -> PreTrainedModel:
    """Load a network, all of whose weights are the checkpoint's.

    auto_class (type): transformers' class for the task, such as AutoModel.
    source (str): What `loading` gives for the encoder's name.
    config (PretrainedConfig): Its configuration.
    RETURNS (PreTrainedModel): The network, on the CPU, in fp32.
    RAISES: InputError if weights are missing or not finite; and what transformers raises,
        which `loading` takes care of.
    """
    if Path(source).is_dir():
        with torch.device("meta"):  # takes no memory, however large the settings are
            check_tensors(MODEL_MAPPING[type(config)](config), Path(source))
    network, found = auto_class.from_pretrained(
        source,
        config=config,
        # Only safetensors: other formats can run code when they are read.
        use_safetensors=True,
        torch_dtype=torch.float32,
        output_loading_info=True,
        trust_remote_code=False,
    )
    check_loaded(network, found["missing_keys"], found["unexpected_keys"])
    return network


def load_tokenizer(name: str) -> tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """Load the tokenizer and the configuration of a pretrained encoder.

    name (str): As `resolve_encoder` takes it. Only a hub name uses the network.
    RETURNS (tuple[PreTrainedTokenizerFast, PretrainedConfig]): Both.
    RAISES: InputError if it cannot be found or read.
    """
    with loading(name) as source:
        with _reading("config.json", source):
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        # A kernel from a hub is code too.
        config._attn_implementation_internal = None
        check_config(config)
        with _reading("tokenizer", source):
            return (
                AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False),
                config,
            )


@contextmanager
def loading(name: str) -> Iterator[str]:
    """Give what an encoder's name stands for, and turn into an InputError whatever
    transformers raises where it is not as it should be.

    name (str): As `resolve_encoder` takes it.
    YIELDS (str): The folder, or the name on the hub.
    """
    source = resolve_encoder(name)
    try:
        with _quiet_transformers():
            yield source
    except Exception as error:  # each architecture and each tokenizer has its own
        reason = _reason(error)
        if not isinstance(error, InputError):
            hint = (
                "do the files in the folder belong together?"
                if Path(source).is_dir()
                else (
                    "it is neither a folder here nor known without a hub, and the Hugging Face "
                    "hub does not give it (no network, a misspelt name, or no safetensors weights)."
                )
            )
            reason = f"{hint} ({reason})"
        raise InputError(f"cannot load the encoder {name!r}: {reason}") from None


@contextmanager
def _reading(what: str, source: str) -> Iterator[None]:
    """Say which of a folder's files is at fault."""
    try:
        yield
    except Exception as error:
        if not Path(source).is_dir():  # it may be the network
            raise
        raise InputError(f"its {what} cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    if "trust_remote_code" in str(error):
        return (
            "it needs Python code of its own, which is never run. Use an encoder whose "
            "architecture and tokenizer are part of transformers."
        )
    return f"{type(error).__name__}: {one_line(error)}"


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
    RAISES: InputError if they are damaged or do not fit together.
    """
    try:
        with _quiet_transformers():
            return _from_parts(parts)
    except Exception as error:  # each architecture and each tokenizer has its own
        raise InputError(
            f"the encoder that the pipeline has stored is damaged, or was changed: {_reason(error)}"
        ) from None


def _from_parts(parts: dict) -> Encoder:
    config = AutoConfig.for_model(
        **{key: value for key, value in parts["config"].items() if "attn_implementation" not in key}
    )
    check_config(config)
    weights = load_safetensors(parts["weights"])
    # What was saved by an earlier version has fewer fields.
    options = InputOptions(
        **{f.name: parts[f.name] for f in fields(InputOptions) if f.name in parts}
    )
    tokenizer = _unpack_tokenizer(parts["tokenizer"])
    # AutoModel.from_config would import the modules of all architectures.
    network_class = MODEL_MAPPING[type(config)]
    # The random weights drawn here are overwritten: leave no trace of them.
    with torch.random.fork_rng(devices=[]):
        with torch.device("meta"):  # takes no memory, however large the settings are
            empty = network_class(config)
        prefix = "transformer."
        check_weights(
            empty,
            {
                name.removeprefix(prefix): tensor
                for name, tensor in weights.items()
                if name.startswith(prefix)
            },
        )
        encoder = Encoder(network_class(config), tokenizer, options)
    encoder.load_state_dict(weights)
    check_finite(encoder)
    check_encoder(encoder)
    return encoder


def _unpack_tokenizer(files: dict[str, bytes]) -> PreTrainedTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        for name in TOKENIZER_FILES.intersection(files):
            Path(folder, name).write_bytes(files[name])
        return AutoTokenizer.from_pretrained(
            folder, use_fast=True, trust_remote_code=False, local_files_only=True
        )


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
