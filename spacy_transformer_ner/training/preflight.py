"""Checks before a training starts."""

import difflib
from collections.abc import Callable
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from catalogue import RegistryError
from confection import ConfigValidationError
from spacy import util
from spacy.pipeline.spancat import SpanCategorizer
from spacy.schemas import ConfigSchemaNlp, ConfigSchemaTraining
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Config

from ..corpus.docbin import read_docbin
from ..corpus.options import ReadOptions
from ..corpus.overlapping import entities_in
from ..corpus.reader import is_docbin, read_corpus
from ..encoder.listeners import check_listeners
from ..encoder.schedule import count_batches, count_steps, fit_evaluations
from ..errors import InputError
from ..gpu import check_gpu
from .recipe import load_recipe

# The prefix of this package's registered names.
OURS = "spacy-transformer-ner."
# The suggester of the recipe spans, which is adapted to the corpus.
NGRAMS = {"@misc": "spacy.ngram_range_suggester.v1", "min_size": 1, "max_size": 8}
# The share of the entities that it suggests, and the most tokens for which it suggests all spans.
COVERAGE, LONGEST = 0.99, 12
SPAN_FINDER = "span_finder"


def check_training(config_path: str | Path, overrides: dict, *, gpu_id: int = -1) -> Config:
    """Check that `spacy train` can start: the config is valid, the corpus exists, the encoder
    can be loaded, and the run ends. Adapt the steps and evaluations to the size of the corpus,
    see `schedule`.

    config_path (str | Path): The config, or a recipe that extends another.
    overrides (dict): Settings that override it, as for `spacy train`.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (Config): The complete config with the overrides, adapted to the corpus.
    RAISES: InputError for the first problem found.
    """
    check_gpu(gpu_id)
    try:
        config = load_recipe(config_path, overrides)
        _check_names(config)
        for name in ("train", "dev"):
            options = config.get("corpora", {}).get(name, {}).get("options")
            _check_corpus(config.get("paths", {}).get(name), name, options or {})
        nlp = util.load_model_from_config(config, auto_fill=True)
        filled = nlp.config.interpolate()
        training = util.registry.resolve(filled["training"], schema=ConfigSchemaTraining)
        check_listeners(nlp, training["frozen_components"], training["annotating_components"])
        if "transformer" in nlp.pipe_names:
            transformer: Any = nlp.get_pipe("transformer")
            transformer.model.initialize()
        train_corpus, _ = util.resolve_dot_names(
            filled, [training["train_corpus"], training["dev_corpus"]]
        )
        examples = cache(lambda: list(train_corpus(nlp)))
        # Epochs that are given on the command line count as they are.
        has_least = "training.max_epochs" not in overrides
        _fit_steps(config, training, examples, has_least)
        for name, pipe in nlp.pipeline:
            if isinstance(pipe, SpanCategorizer) and name not in training["frozen_components"]:
                _fit_suggester(config, name, pipe.key, examples)
        return config
    except InputError:
        raise
    except ConfigValidationError as error:
        raise InputError(_describe(error), path=config_path) from None
    except RegistryError as error:
        hint = ""
        if f"'{OURS}" in str(error):  # an editable install has the entry points of its install
            hint = " If the package was updated, install it again: pip install -e ."
        raise InputError(_first_sentences(error) + hint, path=config_path) from None
    except (ImportError, ValueError, KeyError, TypeError) as error:
        # Raised by spaCy for unknown names and invalid values.
        raise InputError(_first_sentences(error), path=config_path) from None


def _fit_steps(
    config: Config, training: dict[str, Any], read: Callable[[], list[Example]], has_least: bool
) -> None:
    """Adapt the steps and evaluations of a run with `linear_over_run` to its corpus.

    config (Config): The complete config. Changed in place.
    training (dict): Its section [training], resolved.
    read (Callable): Reads the training corpus.
    has_least (bool): Whether the run has at least `min_steps`.
    """
    rate = config["training"].get("optimizer", {}).get("learn_rate")
    if not isinstance(rate, dict) or rate.get("@schedules") != f"{OURS}linear_over_run.v1":
        return
    names = "max_epochs", "max_steps", "eval_frequency"
    max_epochs, max_steps, frequency = (training[name] for name in names)
    steps = count_steps(max_epochs, max_steps, count_batches(read, training["batcher"]))
    if has_least and max_epochs > 0:
        least = rate.get("min_steps", 0)
        steps = max(steps, 1 + (min(least, max_steps) if max_steps > 0 else least))
    fitted = fit_evaluations(steps, frequency)
    if fitted != (max_steps, frequency):
        # Shuffled batches may be one fewer than were counted.
        config["training"].update(zip(names, (0, *fitted)))


def _fit_suggester(config: Config, name: str, key: str, read: Callable[[], list[Example]]) -> None:
    """Adapt the recipe's suggester of spans to the lengths of the entities: all spans up to that
    length, or those of the span finder.

    config (Config): The complete config. Changed in place.
    name, key (str): The name of the spancat component, and its spans_key.
    read (Callable): Reads the training corpus.
    RAISES: InputError if the training corpus has no such spans.
    """
    references = [example.reference for example in read()]
    lengths = sorted(len(span) for doc in references for span in doc.spans.get(key, ()))
    if not lengths:
        raise InputError(
            f"the train corpus has no spans for {name!r} (spans_key = {key!r}). Convert it with "
            "--overlaps spans, or set the spans_key that it has."
        )
    suggester = config["components"][name]["suggester"]
    if suggester != NGRAMS:
        return
    covering = lengths[ceil(COVERAGE * len(lengths)) - 1]
    if covering <= LONGEST or SPAN_FINDER not in config["components"]:
        suggester["max_size"] = covering
        return
    suggester.clear()
    candidates = config["components"][SPAN_FINDER]["spans_key"]
    suggester.update({"@misc": "spacy.preset_spans_suggester.v1", "spans_key": candidates})
    pipeline, training = config["nlp"]["pipeline"], config["training"]
    config["nlp"]["pipeline"] = [
        part for pipe in pipeline for part in ([SPAN_FINDER, pipe] if pipe == name else [pipe])
    ]
    # spancat learns from what the span finder suggests.
    training["annotating_components"] = [
        *training["annotating_components"],
        "transformer",
        SPAN_FINDER,
    ]


def _check_names(config: dict) -> None:
    """Check for unknown settings in sections where spaCy ignores them silently."""
    for section, schema in (("nlp", ConfigSchemaNlp), ("training", ConfigSchemaTraining)):
        for name in config.get(section, {}):
            if name not in schema.model_fields:
                near = difflib.get_close_matches(name, schema.model_fields, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise InputError(f"[{section}] has no setting {name!r}.{hint}")


def _check_corpus(path: str | None, name: str, options: dict) -> None:
    if path is None:
        raise InputError(f"no {name} corpus is set. Set it with --{name} PATH.")
    if not Path(path).exists():
        raise InputError(f"{name} corpus not found. Run `spacy ner convert` first.", path=path)
    docs = (
        read_docbin(path, Vocab())
        if is_docbin(path)
        else read_corpus(path, options=ReadOptions.from_dict(options))
    )
    if not any(entities_in(doc) for doc in docs):
        raise InputError(f"the {name} corpus has no entities.", path=path)


def _describe(error: ConfigValidationError) -> str:
    places = [
        f"[{'.'.join(map(str, entry.get('loc', [])))}] {entry.get('msg', '')}"
        for entry in error.errors or ()
    ]
    return "; ".join(places) or _first_sentences(error)


def _first_sentences(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(str(text).split())[:600]
