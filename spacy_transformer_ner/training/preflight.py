"""What can be known to be wrong before a training starts."""

import difflib
from pathlib import Path

import torch
from catalogue import RegistryError
from confection import ConfigValidationError
from spacy import util
from spacy.schemas import ConfigSchemaNlp, ConfigSchemaTraining
from spacy.vocab import Vocab
from thinc.api import Config, require_gpu
from thinc.util import has_cupy_gpu

from ..corpus.docbin import read_docbin
from ..encoder.listeners import check_listeners
from ..errors import InputError
from .recipe import load_recipe

# What the names of our own functions start with.
OURS = "spacy-transformer-ner."


def check_gpu(gpu_id: int) -> None:
    """See that a GPU can be used if one is asked for.

    gpu_id (int): Its number; -1 for the CPU.
    RAISES: InputError if it cannot.
    """
    if gpu_id < 0:
        return
    if not torch.cuda.is_available():
        raise InputError(
            f"GPU {gpu_id} was asked for, but torch finds none. Train on the CPU with "
            "--gpu-id -1, or install a torch built for this machine's CUDA."
        )
    if gpu_id >= torch.cuda.device_count():
        raise InputError(
            f"GPU {gpu_id} was asked for, but there are only {torch.cuda.device_count()}, "
            "counted from 0."
        )
    if not has_cupy_gpu:
        version = (torch.version.cuda or "12").split(".")[0]
        raise InputError(
            f"GPU {gpu_id} was asked for, and torch can use it, but spaCy needs CuPy beside "
            f"it: pip install 'spacy-transformer-ner[cuda{version}x]'"
        )
    require_gpu(gpu_id)


def check_training(config_path: str | Path, overrides: dict, *, gpu_id: int = -1) -> Config:
    """See that `spacy train` can start: the config is valid, the corpus is
    there, the encoder can be had, the run has an end and is evaluated.

    config_path (str | Path): The config, whole or a recipe that extends another.
    overrides (dict): Settings that override it, as `spacy train` takes them.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (Config): The whole config with the overrides.
    RAISES: InputError for the first thing that is wrong.
    """
    check_gpu(gpu_id)
    try:
        config = load_recipe(config_path, overrides)
        _check_names(config)
        for name in ("train", "dev"):
            _check_corpus(config.get("paths", {}).get(name), name)
        nlp = util.load_model_from_config(config, auto_fill=True)
        filled = nlp.config.interpolate()
        training = util.registry.resolve(filled["training"], schema=ConfigSchemaTraining)
        util.resolve_dot_names(filled, [training["train_corpus"], training["dev_corpus"]])
        check_listeners(nlp, training["frozen_components"], training["annotating_components"])
        if "transformer" in nlp.pipe_names:
            nlp.get_pipe("transformer").model.initialize()
        # Makes a schedule that counts the run's steps do so.
        training["optimizer"].step_schedules()
        return config
    except InputError:
        raise
    except ConfigValidationError as error:
        raise InputError(_describe(error), path=config_path) from None
    except RegistryError as error:
        hint = ""
        if f"'{OURS}" in str(error):  # an editable install knows what it had when it was made
            hint = " If the package was updated, install it again: pip install -e ."
        raise InputError(_first_sentences(error) + hint, path=config_path) from None
    except (ImportError, ValueError, KeyError, TypeError) as error:
        # What spaCy raises for names and values it does not know.
        raise InputError(_first_sentences(error), path=config_path) from None


def _check_names(config: dict) -> None:
    """Settings that spaCy would ignore without a word."""
    for section, schema in (("nlp", ConfigSchemaNlp), ("training", ConfigSchemaTraining)):
        for name in config.get(section, {}):
            if name not in schema.model_fields:
                near = difflib.get_close_matches(name, schema.model_fields, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise InputError(f"[{section}] has no setting {name!r}.{hint}")


def _check_corpus(path: str | None, name: str) -> None:
    if path is None:
        raise InputError(f"no {name} corpus is given: --paths.{name} PATH.spacy")
    if not Path(path).exists():
        raise InputError(
            f"the {name} corpus is not there. Make it with the convert command.", path=path
        )
    if not any(doc.ents for doc in read_docbin(path, Vocab())):
        raise InputError(f"the {name} corpus holds no entities.", path=path)


def _describe(error: ConfigValidationError) -> str:
    places = [
        f"[{'.'.join(map(str, entry.get('loc', [])))}] {entry.get('msg', '')}"
        for entry in error.errors or ()
    ]
    return "; ".join(places) or _first_sentences(error)


def _first_sentences(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(str(text).split())[:600]
