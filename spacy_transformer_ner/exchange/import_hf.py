"""Import a transformers token classifier as a pipeline."""

import random
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal, Optional, cast

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from torch import nn
from transformers import (
    AutoModelForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

from ..corpus.docbin import check_language
from ..encoder.network import positions_of
from ..encoder.storage import load_network, load_tokenizer, loading
from ..encoder.wordpieces import WordpieceEncoder
from ..errors import InputError
from ..recogniser.constraints import BEGIN, INSIDE, OUTSIDE
from .tag_schemes import Scheme, find_scheme, read_outputs

# Longer windows cost more, and token classifiers are rarely trained on them.
MAX_POSITIONS = 512
# Tag batches of 1024 words, at most 4 times, until at least 32 of the words are entities.
WORDS_AT_ONCE, MOST_ROUNDS, WANTED = 1024, 4, 32


def import_pipeline(
    source: str,
    lang: str = "en",
    *,
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32",
    scheme: Optional[Scheme] = None,
) -> Language:
    """Convert a checkpoint to a pipeline with the same encoder and the same tag scores. The
    pipeline adds valid tag sequences, windows for long texts, and scores of entities, and can
    be trained further.

    source (str): A local folder, or a name on the Hugging Face Hub.
    lang (str): The language code, for the pipeline's tokenizer.
    precision (str): The encoder's precision, see `encoder.model.build_transformer_model`.
    scheme (str | None): Whether entities start with B- ("bio") or, as in CoNLL-2003's own
        files, with I- ("iob1"). None detects it by tagging single words.
    RETURNS (Language): The pipeline: transformer, transformer_ner, doc_cleaner.
    RAISES: InputError if the checkpoint is not found, its outputs are not entity tags, its
        weights are incomplete, or its head has several layers.
    """
    check_language(lang)
    tokenizer, config = load_tokenizer(source)
    with loading(source):
        outputs = read_outputs(config.id2label, scheme)
    weights, bias, window = _read_classifier(source, tokenizer, config)
    weights, bias = outputs.head(weights, bias)
    nlp = spacy.blank(lang)
    # spaCy's stubs say that components are functions.
    transformer: Any = nlp.add_pipe(
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
    transformer.model.initialize()
    scheme = outputs.scheme or find_scheme(_entity_starts(nlp, tokenizer, weights, bias))
    if scheme is None:
        raise InputError(
            f"cannot detect whether the entities of {source!r} start with B- or with I-. Set "
            "--scheme bio (most checkpoints) or --scheme iob1 (those trained on CoNLL-2003's own "
            "tags)."
        )
    nlp.add_pipe("transformer_ner", config={"model": {"iob1": True}} if scheme == "iob1" else {})
    nlp.add_pipe("doc_cleaner")
    recogniser: Any = nlp.get_pipe("transformer_ner")
    for label in outputs.labels:
        recogniser.add_label(label)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("a"), {"entities": []})])
    linear = recogniser.model.get_ref("output_layer")
    linear.set_param("W", linear.ops.asarray2f(weights))
    linear.set_param("b", linear.ops.asarray1f(bias))
    return nlp


def _read_classifier(
    source: str, tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig
) -> tuple[numpy.ndarray, numpy.ndarray, int]:
    """RETURNS (tuple[ndarray, ndarray, int]): The head's weights and biases, and the length of
    the encoder's windows in wordpieces."""
    with loading(source) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = load_network(AutoModelForTokenClassification, path, config)
        head = _linear_head(classifier)
        pieces = WordpieceEncoder(tokenizer)
        # A tokenizer without a limit has a huge number here.
        length = cast(Any, tokenizer).model_max_length
        encoder = cast(PreTrainedModel, classifier.base_model)
        positions = min(positions_of(encoder), length, MAX_POSITIONS)
        window = positions - len(pieces.prefix) - len(pieces.suffix)
        if window < 1:
            raise InputError(
                f"the encoder's maximum length of {positions} wordpieces is too few. Check "
                "max_position_embeddings in config.json and model_max_length in "
                "tokenizer_config.json."
            )
    return head.weight.detach().numpy(), head.bias.detach().numpy(), window


def _linear_head(classifier: PreTrainedModel) -> nn.Linear:
    head = getattr(classifier, "classifier", None)
    if not isinstance(head, nn.Linear) or getattr(classifier, "head", None) is not None:
        raise InputError(
            f"{type(classifier).__name__} has a head of several layers, which cannot be imported. "
            "Fine-tune its encoder with `spacy ner train` instead."
        )
    if head.bias is None:
        head.bias = nn.Parameter(torch.zeros(head.out_features))
    return head


def _entity_starts(
    nlp: Language,
    tokenizer: PreTrainedTokenizerFast,
    weights: numpy.ndarray,
    bias: numpy.ndarray,
) -> Counter[str]:
    """Tag single words of the checkpoint's vocabulary and count the prefixes of entities. An
    entity at the start of a text is B- in BIO and I- in IOB1, in any language."""
    model = cast(Any, nlp.get_pipe("transformer")).model
    starts: Counter[str] = Counter()
    words = _words(tokenizer)
    for _ in range(MOST_ROUNDS):
        docs = [Doc(nlp.vocab, words=[word]) for word in islice(words, WORDS_AT_ONCE)]
        if not docs or starts.total() >= WANTED:
            break
        vectors = model.ops.to_numpy(model.ops.xp.concatenate(model.predict(docs).vectors))
        scores = vectors @ weights.T + bias
        outside, begin, inside = (
            scores[:, OUTSIDE],
            scores[:, BEGIN::4].max(axis=1),
            scores[:, INSIDE::4].max(axis=1),
        )
        starts["B"] += int(((begin > outside) & (begin > inside)).sum())
        starts["I"] += int(((inside > outside) & (inside >= begin)).sum())
    return starts


def _words(tokenizer: PreTrainedTokenizerFast) -> Iterator[str]:
    """Yield the words of a vocabulary in random order, with a fixed seed."""
    fast = cast(Any, tokenizer)  # transformers' stubs lack the methods of tokenizers
    special = set(fast.all_special_ids)
    numbers = sorted(number for number in fast.get_vocab().values() if number not in special)
    random.Random(0).shuffle(numbers)
    for number in numbers:
        word = fast.decode([number]).strip()
        if word.isalpha():
            yield word


def _starts_with_space(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the tokenizer treats the start of a text like a space."""
    backend = cast(Any, tokenizer).backend_tokenizer
    bare, spaced = (backend.encode(text, add_special_tokens=False).tokens for text in ("a", " a"))
    return bare == spaced
