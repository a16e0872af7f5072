"""The architecture spacy-transformer-ner.TransformerModel.v1."""

from collections.abc import Callable
from dataclasses import fields
from typing import Dict, List, Literal, Optional, cast

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy_transformers.layers import split_trf_batch, trfs2arrays
from thinc.api import Model, chain, torch2xp, xp2torch
from thinc.types import Floats2d, Ragged
from transformers import PreTrainedModel
from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

from ..errors import InputError
from .augment import Augmentation
from .batch import TokenBatch
from .network import Encoder
from .onnx import Runtime, require_onnx
from .settings import EncoderSettings, Precision
from .shim import EncoderShim
from .storage import load_pretrained
from .windows import Window, cut_windows
from .wordpieces import Wordpieces


class TransformerModel(Model[List[Doc], TokenBatch]):
    """The model of the `transformer` component. As in spacy-transformers, `tokenizer` and
    `transformer` give access to the Hugging Face objects.

    settings (EncoderSettings): The encoder's settings.
    """

    def __init__(self, settings: EncoderSettings):
        if settings.runtime != "torch":
            require_onnx()
        super().__init__(
            "transformer",
            forward,
            init=init,
            dims={"nO": None},
            shims=[EncoderShim(None, settings)],
            attrs={
                "settings": settings,
                "replace_listener": _replace_listener,
                "replace_listener_cfg": _replace_listener_config,
            },
        )

    @property
    def tokenizer(self) -> Optional[PreTrainedTokenizerFast]:
        """RETURNS (PreTrainedTokenizerFast | None): The encoder's tokenizer; None until the
        pipeline is initialized or loaded."""
        encoder = cast(EncoderShim, self.shims[0]).encoder
        return None if encoder is None else encoder.wordpieces.tokenizer

    @property
    def transformer(self) -> Optional[PreTrainedModel]:
        """RETURNS (PreTrainedModel | None): The Hugging Face encoder, without the added
        input embeddings; None until the pipeline is initialized or loaded."""
        encoder = cast(EncoderShim, self.shims[0]).encoder
        return None if encoder is None else encoder.transformer


def build_transformer_model(
    name: str,
    window: int = 256,
    context: int = 32,
    word_shape: bool = False,
    attention_dropout: float = 0.0,
    precision: Precision = "auto",
    max_batch_items: Optional[int] = None,
    word_dropout: float = 0.0,
    freeze_embeddings: bool = False,
    gradient_checkpointing: bool = False,
    word_boundaries: bool = False,
    wordpiece_pooling: Literal["mean", "first"] = "mean",
    leading_space: bool = True,
    runtime: Runtime = "torch",
    augment: Optional[Dict[str, float]] = None,
) -> Model[List[Doc], TokenBatch]:
    """Build an encoder for spacy-transformers' `transformer` component.

    The encoder takes spaCy's tokens, so tokens and wordpieces align exactly. Texts longer
    than a window are split into overlapping windows; nothing is truncated. Each token gets
    one vector, read from the window in which it has the most context.

    name (str): The encoder, see `sources.resolve_encoder`. Only needed for
        initialization: a saved pipeline contains the weights.
    window (int): Maximum number of wordpieces encoded together.
    context (int): Number of wordpieces on each side of a window that only serve as
        context. At most a quarter of `window`.
    word_shape (bool): Whether to add an embedding of the case of each word's letters to the
        input. For uncased encoders.
    attention_dropout (float): Dropout rate of the attention weights in training. Attention
        is faster if this is zero.
    precision (str): "fp32"; "bf16"; "fp16", for older GPUs; or "auto", which is bf16 if the
        hardware has instructions for it and fp32 otherwise. Weights stay in fp32. In 16
        bits, a near tie between two tags can be decided differently depending on the other
        texts in the batch.
    max_batch_items (int | None): Maximum number of wordpieces encoded at once, including
        padding and special ones. None for a default that depends on the device.
    word_dropout (float): Proportion of wordpieces masked in training, so that the model
        learns more from context.
    freeze_embeddings (bool): Whether to keep the wordpiece embeddings unchanged, so that
        words in the training data stay comparable to all others. Also saves time and
        memory.
    gradient_checkpointing (bool): Whether training only stores the outputs of the layers,
        and computes everything else again: less memory, a third more time.
    word_boundaries (bool): Whether to add an embedding to the input that distinguishes the
        first wordpiece of each spaCy token from the others. Most tokenizers split "Al-Ain"
        like "Al - Ain", so without it the encoder cannot tell which wordpieces form a
        token.
    wordpiece_pooling (str): The vector of a token: the "mean" of its wordpieces' vectors, or
        the vector of the "first" one, as in the examples of transformers.
    leading_space (bool): Whether to encode the first token of a text as if it followed a
        space.
    runtime (str): What runs the encoder on a CPU, except in training: "torch"; "onnx",
        which is onnxruntime in fp32; or "onnx-int8", with matrix products in 8 bits. In 8
        bits, values are scaled by the range of the whole batch, so near ties depend on the
        other texts in it. ONNX ignores `precision`. Exporting the weights takes a few
        seconds, at the first text and again after training.
    augment (dict[str, float] | None): How texts are changed in training: the fields of
        `augment.Augmentation`. None for no changes.
    RETURNS (Model[List[Doc], TokenBatch]): The model.
    """
    return TransformerModel(EncoderSettings(**locals()))


def build_tok2vec_transformer(
    name: str,
    pooling: Model[Ragged, Floats2d],
    grad_factor: float = 1.0,
    window: int = 256,
    context: int = 32,
    word_shape: bool = False,
    attention_dropout: float = 0.0,
    precision: Precision = "auto",
    max_batch_items: Optional[int] = None,
    word_dropout: float = 0.0,
    freeze_embeddings: bool = False,
    gradient_checkpointing: bool = False,
    word_boundaries: bool = False,
    wordpiece_pooling: Literal["mean", "first"] = "mean",
    leading_space: bool = True,
    runtime: Runtime = "torch",
    augment: Optional[Dict[str, float]] = None,
) -> Model[List[Doc], List[Floats2d]]:
    """Build the same encoder as part of a component's own model. `nlp.replace_listeners`
    replaces a listener with it.

    pooling (Model[Ragged, Floats2d]): The listener's pooling. It has no effect, as there is
        one vector per token already.
    grad_factor (float): Factor to multiply the gradient by.
    All others: see `build_transformer_model`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model.
    """
    given = locals()
    settings = EncoderSettings(**{f.name: given[f.name] for f in fields(EncoderSettings)})
    model = TransformerModel(settings)
    return chain(_replace_listener(model), trfs2arrays(pooling, grad_factor))


def _replace_listener(model: Model) -> Model:
    return chain(model, split_trf_batch())


def _replace_listener_config(model_config: dict, listener_config: dict) -> dict:
    return {
        **model_config,
        "@architectures": "spacy-transformer-ner.Tok2VecTransformer.v1",
        "pooling": listener_config["pooling"],
        "grad_factor": listener_config["grad_factor"],
    }


def init(model: Model, X: Optional[List[Doc]] = None, Y: object = None) -> None:
    """Load the pretrained encoder, unless the model already has one."""
    settings: EncoderSettings = model.attrs["settings"]
    shim = cast(EncoderShim, model.shims[0])
    if shim.encoder is not None:
        return
    encoder = load_pretrained(
        settings.name, settings.options, attention_dropout=settings.attention_dropout
    )
    _check_window(settings, encoder)
    shim.set_encoder(encoder)
    model.set_dim("nO", encoder.width)


def _check_window(settings: EncoderSettings, encoder: Encoder) -> None:
    if settings.window > encoder.max_length:
        raise InputError(
            f"the encoder {settings.name!r} takes at most {encoder.max_length} wordpieces, "
            f"but the window is {settings.window}: set window in "
            f"[components.transformer.model] to at most {encoder.max_length}."
        )


def forward(
    model: Model, docs: List[Doc], is_train: bool
) -> tuple[TokenBatch, Callable[[TokenBatch], List[Doc]]]:
    """Encode a batch of Docs."""
    shim = cast(EncoderShim, model.shims[0])
    if shim.encoder is None:
        raise InputError(
            "the transformer has no weights yet: initialize the pipeline (nlp.initialize) "
            "or load a trained one."
        )
    settings: EncoderSettings = model.attrs["settings"]
    _check_window(settings, shim.encoder)  # may be overridden after training
    variants = text_lengths = None
    if is_train and settings.augment:
        reading = Augmentation.of(settings.augment).read(docs, settings.window)
        variants, text_lengths = reading.variants, reading.lengths
    pieces = shim.encoder.wordpieces(docs, variants)
    lengths = pieces.doc_lengths
    if not len(pieces.ids):
        width = shim.encoder.width
        empty = [model.ops.alloc2f(int(length), width) for length in lengths]
        return TokenBatch.from_vectors(empty), lambda _: docs
    windows = plan_windows(docs, pieces, settings, text_lengths)
    vectors, backward = shim.encode(pieces, windows, is_train)

    def backprop(d_batch: TokenBatch) -> List[Doc]:
        backward(xp2torch(model.ops.xp.concatenate(d_batch.vectors)))
        return docs

    ends = numpy.cumsum(lengths)
    rows = cast(Floats2d, torch2xp(vectors))
    split = [rows[end - length : end] for end, length in zip(ends, lengths)]
    return TokenBatch.from_vectors(split), backprop


def plan_windows(
    docs: List[Doc],
    pieces: Wordpieces,
    settings: EncoderSettings,
    lengths: Optional[numpy.ndarray] = None,
) -> List[Window]:
    """Split a batch of Docs into windows.

    docs (List[Doc]): The Docs.
    pieces (Wordpieces): The Docs' wordpieces.
    settings (EncoderSettings): The encoder's settings, for the size of the windows.
    lengths (ndarray | None): The number of tokens of each text that is read on its own. None for
        the Docs. Shape: (texts,)
    RETURNS (List[Window]): The windows of all texts.
    """
    windows: List[Window] = []
    token = offset = 0
    starts_sentence = None
    for n_tokens in pieces.doc_lengths if lengths is None else lengths:
        token_lengths = pieces.token_lengths[token : token + n_tokens]
        length = int(token_lengths.sum())
        token_starts, sentence_starts = (), ()
        if length > settings.window:
            if starts_sentence is None:
                starts_sentence = numpy.concatenate(list(map(_starts_sentence, docs)))
            starts = numpy.cumsum(token_lengths) - token_lengths
            token_starts = starts[token_lengths > 0]
            sentence_starts = starts[starts_sentence[token : token + n_tokens]]
        windows.extend(
            cut_windows(
                length, settings.window, settings.context, token_starts, sentence_starts, offset
            )
        )
        token += n_tokens
        offset += length
    return windows


def _starts_sentence(doc: Doc) -> numpy.ndarray:
    """RETURNS (ndarray): Whether each token starts a sentence, as far as is known."""
    if not doc.has_annotation("SENT_START"):
        return numpy.zeros(len(doc), dtype="bool")
    return doc.to_array(SENT_START) == 1
