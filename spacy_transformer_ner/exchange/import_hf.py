"""A token classifier of transformers as a pipeline of ours."""

import random
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Literal, Optional

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.types import Floats1d, Floats2d
from torch import nn
from transformers import (
    AutoModelForTokenClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ..corpus.docbin import check_language
from ..encoder.network import positions_of
from ..encoder.storage import load_network, load_tokenizer, loading
from ..encoder.wordpieces import WordpieceEncoder
from ..errors import InputError
from ..recogniser.constraints import BEGIN, INSIDE, OUTSIDE
from .tag_schemes import Scheme, find_scheme, read_outputs

# Encoders that take longer texts were trained for it on other tasks, and cost more.
MAX_POSITIONS = 512
# So many words are asked for at once and so often, until so many of them were entities.
WORDS_AT_ONCE, MOST_ROUNDS, WANTED = 1024, 4, 32


def import_pipeline(
    source: str,
    lang: str = "en",
    *,
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32",
    scheme: Optional[Scheme] = None,
) -> Language:
    """Make a pipeline of a checkpoint, with its weights: the same encoder, the scores of
    its outputs as ours, and from there on ours: legal entities only, no truncation,
    scores of entities, and training where wanted.

    source (str): A local folder, or a name on the Hugging Face hub.
    lang (str): The language's code, for the pipeline's tokenizer.
    precision (str): Of the encoder, see `encoder.model.build_transformer_model`.
    scheme (str | None): Whether entities start with B- ("bio") or, as in CoNLL-2003's own
        files, with I- ("iob1"). None to ask the checkpoint: it tags single words.
    RETURNS (Language): The pipeline: transformer, transformer_ner, doc_cleaner.
    RAISES: InputError if there is no such checkpoint, its outputs are not tags of
        entities, its weights are not whole, or its head is more than one linear layer.
    """
    check_language(lang)
    tokenizer, config = load_tokenizer(source)
    with loading(source):
        outputs = read_outputs(config.id2label, scheme)
    weights, bias, window = _read_classifier(source, tokenizer, config)
    weights, bias = outputs.head(weights, bias)
    nlp = spacy.blank(lang)
    transformer = nlp.add_pipe(
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
            f"cannot tell whether the entities of {source!r} start with B- or with I-: give "
            "--scheme bio (most checkpoints) or --scheme iob1 (those trained on CoNLL-2003's own "
            "tags)."
        )
    nlp.add_pipe("transformer_ner", config={"model": {"iob1": True}} if scheme == "iob1" else {})
    nlp.add_pipe("doc_cleaner")
    recogniser = nlp.get_pipe("transformer_ner")
    for label in outputs.labels:
        recogniser.add_label(label)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("a"), {"entities": []})])
    linear = recogniser.model.get_ref("output_layer")
    linear.set_param("W", linear.ops.asarray2f(weights))
    linear.set_param("b", linear.ops.asarray1f(bias))
    return nlp


def _read_classifier(
    source: str, tokenizer: PreTrainedTokenizerFast, config: PretrainedConfig
) -> tuple[Floats2d, Floats1d, int]:
    """RETURNS (tuple[Floats2d, Floats1d, int]): The head's weights and biases, and how many
    wordpieces the encoder takes."""
    with loading(source) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = load_network(AutoModelForTokenClassification, path, config)
        head = _linear_head(classifier)
        pieces = WordpieceEncoder(tokenizer)
        # A tokenizer that knows no bound gives a huge number.
        length = tokenizer.model_max_length
        positions = min(positions_of(classifier.base_model), length, MAX_POSITIONS)
        window = positions - len(pieces.prefix) - len(pieces.suffix)
        if window < 1:
            raise InputError(
                f"the encoder takes {positions} wordpieces (max_position_embeddings in "
                "config.json, model_max_length in tokenizer_config.json), which is too few."
            )
    return head.weight.detach().numpy(), head.bias.detach().numpy(), window


def _linear_head(classifier: PreTrainedModel) -> nn.Linear:
    head = getattr(classifier, "classifier", None)
    if not isinstance(head, nn.Linear) or getattr(classifier, "head", None) is not None:
        raise InputError(
            f"{type(classifier).__name__} has more above its encoder than one linear layer, which "
            "cannot be taken over. Train the encoder again with `spacy project run all`."
        )
    if head.bias is None:
        head.bias = nn.Parameter(torch.zeros(head.out_features))
    return head


def _entity_starts(
    nlp: Language, tokenizer: PreTrainedTokenizerFast, weights: Floats2d, bias: Floats1d
) -> Counter[str]:
    """Let a checkpoint tag words of its vocabulary, each as a text, and count what the
    entities start with. A word at a text's start has no entity before it, so it is B- in BIO
    and I- in IOB1, whatever the language and the types are."""
    model = nlp.get_pipe("transformer").model
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
    """The words of a vocabulary, in an order of chance that is always the same."""
    special = set(tokenizer.all_special_ids)
    numbers = sorted(number for number in tokenizer.get_vocab().values() if number not in special)
    random.Random(0).shuffle(numbers)
    for number in numbers:
        word = tokenizer.decode([number]).strip()
        if word.isalpha():
            yield word


def _starts_with_space(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the tokenizer takes a text's start for a word's."""
    bare, spaced = (
        tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).tokens
        for text in ("a", " a")
    )
    return bare == spaced
