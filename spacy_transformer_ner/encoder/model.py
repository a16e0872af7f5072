"""The architecture spacy-transformer-ner.TransformerModel.v1."""

from collections.abc import Callable
from dataclasses import fields
from typing import List, Literal, Optional

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy_transformers.layers import split_trf_batch, trfs2arrays
from thinc.api import Model, chain, torch2xp, xp2torch
from thinc.types import Floats2d, Ragged
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ..errors import InputError
from .batch import TokenBatch
from .network import Encoder
from .onnx import Runtime, require_onnx
from .settings import EncoderSettings, Precision
from .shim import EncoderShim
from .storage import load_pretrained
from .windows import Window, cut_windows
from .wordpieces import Wordpieces


class TransformerModel(Model[List[Doc], TokenBatch]):
    """The model of the `transformer` component. As spacy-transformers' it gives what
    Hugging Face's transformers made, for use by itself.

    settings (EncoderSettings): Its settings.
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
        pipeline is initialised or loaded."""
        encoder = self.shims[0].encoder
        return None if encoder is None else encoder.wordpieces.tokenizer

    @property
    def transformer(self) -> Optional[PreTrainedModel]:
        """RETURNS (PreTrainedModel | None): The encoder, without what is added to its
        input; None until the pipeline is initialised or loaded."""
        encoder = self.shims[0].encoder
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
) -> Model[List[Doc], TokenBatch]:
    """Build an encoder for spacy-transformers' `transformer` component.

    It encodes spaCy's tokens themselves, so tokens and wordpieces align
    exactly. Texts longer than a window are cut into windows that overlap;
    nothing is truncated. Each token gets one vector, read where it has most
    context.

    name (str): The encoder, as `sources.resolve_encoder` takes it. Needed for
        initialising only: a saved pipeline has its weights inside.
    window (int): How many wordpieces are encoded together at most.
    context (int): How many of a window's wordpieces, on each side, are there
        only to be seen. At most a quarter of `window`.
    word_shape (bool): Whether an embedding of the case of the word's letters is
        added to the input; for uncased encoders.
    attention_dropout (float): The dropout rate within attention in training.
        Without it attention is faster.
    precision (str): "fp32"; "bf16"; "fp16", for older GPUs; or "auto", bf16 where
        the hardware has instructions for it, else fp32. Weights stay fp32. In 16
        bits a near tie between two tags can fall differently when a text is
        batched with others.
    max_batch_items (int | None): How many wordpieces, padding and special ones
        included, are encoded at once. None for what suits the device.
    word_dropout (float): The part of the wordpieces that are masked in training, so
        that more is learnt from what is around them.
    freeze_embeddings (bool): Whether the embeddings of wordpieces stay as they are,
        so that words of the training data and all others remain of one kind. It
        saves time and memory too.
    gradient_checkpointing (bool): Whether training keeps only what stands between
        the layers, and computes the rest again: less memory, a third more time.
    word_boundaries (bool): Whether an embedding is added to the input that tells the
        first wordpiece of each of spaCy's tokens from its others. Most tokenizers
        part "Al-Ain" as they do "Al - Ain", so without it an encoder cannot know
        which of its wordpieces are to be a token together.
    wordpiece_pooling (str): What a token's vector is: the "mean" of its wordpieces', or that of
        the "first", as in transformers' recipes.
    leading_space (bool): Whether a text's first token is encoded as if after a space.
    runtime (str): What runs the encoder on a CPU, but for training: "torch"; "onnx",
        onnxruntime in fp32; or "onnx-int8", with the weights of its products of matrices
        in 8 bits, of which one range is taken for all of a batch, so that near ties depend
        on what else is in it. `precision` does not count then. It takes some seconds to make it of
        the weights at the first text, and again after training.
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
) -> Model[List[Doc], List[Floats2d]]:
    """Build the same encoder as a part of one component's model. It is what
    `nlp.replace_listeners` puts in a listener's place.

    pooling (Model[Ragged, Floats2d]): The listener's; vectors are already one
        a token, so it changes nothing.
    grad_factor (float): The gradient is multiplied by it.
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
    """Load the pretrained encoder, unless the model has one already."""
    settings: EncoderSettings = model.attrs["settings"]
    shim: EncoderShim = model.shims[0]
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
            f"and the window is {settings.window}: set window in "
            "[components.transformer.model] to that or less."
        )


def forward(
    model: Model, docs: List[Doc], is_train: bool
) -> tuple[TokenBatch, Callable[[TokenBatch], List[Doc]]]:
    """Encode a batch of Docs."""
    shim: EncoderShim = model.shims[0]
    if shim.encoder is None:
        raise InputError(
            "the transformer has no weights yet: initialise the pipeline (nlp.initialize) "
            "or load a trained one."
        )
    settings: EncoderSettings = model.attrs["settings"]
    _check_window(settings, shim.encoder)  # a trained pipeline's can be overridden
    pieces = shim.encoder.wordpieces(docs)
    lengths = pieces.doc_lengths
    if not len(pieces.ids):
        width = shim.encoder.width
        empty = [model.ops.alloc2f(int(length), width) for length in lengths]
        return TokenBatch.from_vectors(empty), lambda _: docs
    windows = plan_windows(docs, pieces, settings)
    vectors, backward = shim.encode(pieces, windows, is_train)

    def backprop(d_batch: TokenBatch) -> List[Doc]:
        backward(xp2torch(model.ops.xp.concatenate(d_batch.vectors)))
        return docs

    ends = numpy.cumsum(lengths)
    rows = torch2xp(vectors)
    split = [rows[end - length : end] for end, length in zip(ends, lengths)]
    return TokenBatch.from_vectors(split), backprop


def plan_windows(docs: List[Doc], pieces: Wordpieces, settings: EncoderSettings) -> List[Window]:
    """Cut the Docs of a batch into windows.

    docs (List[Doc]): The Docs.
    pieces (Wordpieces): Their wordpieces.
    settings (EncoderSettings): For the windows' size.
    RETURNS (List[Window]): The windows of all.
    """
    windows: List[Window] = []
    token = offset = 0
    for doc, n_tokens in zip(docs, pieces.doc_lengths):
        token_lengths = pieces.token_lengths[token : token + n_tokens]
        length = int(token_lengths.sum())
        token_starts, sentence_starts = (), ()
        if length > settings.window:
            starts = numpy.cumsum(token_lengths) - token_lengths
            token_starts = starts[token_lengths > 0]
            if doc.has_annotation("SENT_START"):
                sentence_starts = starts[doc.to_array(SENT_START) == 1]
        windows.extend(
            cut_windows(
                length, settings.window, settings.context, token_starts, sentence_starts, offset
            )
        )
        token += n_tokens
        offset += length
    return windows
