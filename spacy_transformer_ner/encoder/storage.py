"""Loading pretrained encoders, and storing encoders in saved pipelines."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

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
)
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast
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

# BERT's and DistilBERT's configs use different names.
ATTENTION_DROPOUT_NAMES = ("attention_probs_dropout_prob", "attention_dropout")
# The files of transformers' fast tokenizers. No others are unpacked.
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

    name (str): The encoder, see `resolve_encoder`. Only a hub name uses the network.
    options (InputOptions): How the encoder reads tokens.
    attention_dropout (float): Dropout rate of the attention weights.
    RETURNS (Encoder): The encoder, on the CPU.
    RAISES: InputError if the encoder cannot be found or loaded, or its weights, config and
        tokenizer do not match.
    """
    tokenizer, config = load_tokenizer(name)
    for setting in ATTENTION_DROPOUT_NAMES:
        if hasattr(config, setting):
            setattr(config, setting, attention_dropout)
    with loading(name) as source:
        encoder = Encoder(load_network(AutoModel, source, config), tokenizer, options)
        check_encoder(encoder)
    return encoder


def load_network(auto_class: type[Any], source: str, config: PretrainedConfig) -> PreTrainedModel:
    """Load a network and check that the checkpoint has all its weights.

    auto_class (type): transformers' class for the task, such as AutoModel.
    source (str): The folder or hub name, as `loading` yields it.
    config (PretrainedConfig): The network's config.
    RETURNS (PreTrainedModel): The network, on the CPU, in fp32.
    RAISES: InputError if weights are missing or not finite. Also raises transformers'
        errors, which `loading` converts.
    """
    if Path(source).is_dir():
        with torch.device("meta"):  # allocates no memory, whatever the config
            check_tensors(_network_class(config)(config), Path(source))
    network, found = auto_class.from_pretrained(
        source,
        config=config,
        # Other formats can run code when loaded.
        use_safetensors=True,
        torch_dtype=torch.float32,
        output_loading_info=True,
        trust_remote_code=False,
    )
    check_loaded(network, found["missing_keys"], found["unexpected_keys"])
    return network


def load_tokenizer(name: str) -> tuple[PreTrainedTokenizerFast, PretrainedConfig]:
    """Load the tokenizer and the config of a pretrained encoder.

    name (str): The encoder, see `resolve_encoder`. Only a hub name uses the network.
    RETURNS (tuple[PreTrainedTokenizerFast, PretrainedConfig]): The tokenizer and the config.
    RAISES: InputError if they cannot be found or loaded.
    """
    with loading(name) as source:
        with _reading("config.json", source):
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        # Do not load attention kernels from a hub, which are code.
        config._attn_implementation_internal = None
        check_config(config)
        with _reading("tokenizer", source):
            return (
                AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False),
                config,
            )


@contextmanager
def loading(name: str) -> Iterator[str]:
    """Context manager that resolves an encoder's name, and converts any error raised while
    loading it to an InputError.

    name (str): The encoder, see `resolve_encoder`.
    YIELDS (str): The folder, or the name on the hub.
    RAISES: InputError for any error.
    """
    source = resolve_encoder(name)
    try:
        with _quiet_transformers():
            yield source
    except Exception as error:  # architectures and tokenizers raise errors of many types
        reason = _reason(error)
        if not isinstance(error, InputError):
            hint = (
                "check that all files in the folder are from the same model."
                if Path(source).is_dir()
                else (
                    "it is not a folder, and cannot be loaded from the Hugging Face hub. Check "
                    "the name, the network, and that it has weights in safetensors."
                )
            )
            reason = f"{hint} ({reason})"
        raise InputError(f"cannot load the encoder {name!r}: {reason}") from None


@contextmanager
def _reading(what: str, source: str) -> Iterator[None]:
    """Context manager that adds to errors which file of a folder cannot be read."""
    try:
        yield
    except Exception as error:
        if not Path(source).is_dir():  # may be a network error
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
    """Convert an encoder to serializable parts.

    encoder (Encoder): The encoder.
    RETURNS (dict): `config` (dict), `tokenizer` (file names to bytes), `weights`
        (safetensors, as bytes), and the fields of its `InputOptions`.
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
    """Restore an encoder from its parts, without using the network.

    parts (dict): The output of `to_parts`.
    RETURNS (Encoder): The encoder, on the CPU.
    RAISES: InputError if the parts are damaged or do not match.
    """
    try:
        with _quiet_transformers():
            return _from_parts(parts)
    except Exception as error:  # architectures and tokenizers raise errors of many types
        raise InputError(
            f"the encoder in the pipeline is damaged, or was changed: {_reason(error)}"
        ) from None


def _from_parts(parts: dict) -> Encoder:
    config = AutoConfig.for_model(
        **{key: value for key, value in parts["config"].items() if "attn_implementation" not in key}
    )
    check_config(config)
    weights = load_safetensors(parts["weights"])
    # Pipelines saved by earlier versions have fewer fields.
    options = InputOptions(
        **{f.name: parts[f.name] for f in fields(InputOptions) if f.name in parts}
    )
    tokenizer = _unpack_tokenizer(parts["tokenizer"])
    network_class = _network_class(config)
    # The random initial weights are overwritten, so do not advance the random state.
    with torch.random.fork_rng(devices=[]):
        with torch.device("meta"):  # allocates no memory, whatever the config
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


def _network_class(config: PretrainedConfig) -> type[PreTrainedModel]:
    """AutoModel.from_config would import the modules of all architectures."""
    return cast(type[PreTrainedModel], MODEL_MAPPING[type(config)])


def _unpack_tokenizer(files: dict[str, bytes]) -> PreTrainedTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        for name in TOKENIZER_FILES.intersection(files):
            Path(folder, name).write_bytes(files[name])
        return AutoTokenizer.from_pretrained(
            folder, use_fast=True, trust_remote_code=False, local_files_only=True
        )


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence transformers' messages about unused weights, such as a pooler's, and the hub
    client's messages about retries."""
    levels = [(log, log.get_verbosity()) for log in (transformers_logging, hub_logging)]
    try:
        for log, _ in levels:
            log.set_verbosity_error()
        yield
    finally:
        for log, level in levels:
            log.set_verbosity(level)
