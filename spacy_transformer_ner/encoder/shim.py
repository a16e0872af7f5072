"""The encoder as thinc sees it: how it is run, trained, saved and loaded."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from typing import TypeVar

import srsly
import torch
from thinc.api import Optimizer, PyTorchShim, get_torch_default_device, xp2torch
from thinc.optimizers import KeyT
from thinc.types import FloatsXd

from ..errors import InputError
from .attention import PlainAttention
from .linear import can_pack, pack_linears
from .network import Encoder
from .onnx import OnnxNetwork
from .optimizer import AdamW
from .precision import autocast_dtype, grad_scaler
from .settings import EncoderSettings
from .storage import from_parts, to_parts
from .windows import ON_CPU, ON_GPU, Batching, Window
from .wordpieces import Wordpieces

# Where fewer wordpieces are predicted at once, entering `PlainAttention` takes longer than
# it saves.
ENOUGH_FOR_PLAIN = 256

Copy = TypeVar("Copy", Encoder, OnnxNetwork)


class EncoderShim(PyTorchShim):
    """Holds an `Encoder`, or None until the pipeline is initialised or loaded.

    settings (EncoderSettings): How it is run and trained.
    """

    def __init__(self, encoder: Encoder | None, settings: EncoderSettings):
        super().__init__(encoder)
        self.settings = settings
        self._copy: Encoder | OnnxNetwork | None = None
        self._copy_of: tuple = ()
        self._inherited: Encoder | OnnxNetwork | None = None
        self._process = os.getpid()
        self._awaits_gradient = self._has_gradient = False
        self._deferred: Optimizer | None = None

    @property
    def encoder(self) -> Encoder | None:
        """RETURNS (Encoder | None): The encoder."""
        return self._model

    @property
    def key(self) -> tuple[int, str]:
        """RETURNS (tuple[int, str]): What optimizers know it by."""
        return self.id, "encoder"

    @property
    def batching(self) -> Batching:
        """RETURNS (Batching): How windows are put together."""
        suits = ON_GPU if self.device.type == "cuda" else ON_CPU
        return replace(suits, max_items=self.settings.max_batch_items or suits.max_items)

    @property
    def _dtype(self) -> torch.dtype | None:
        return autocast_dtype(self.settings.precision, self.device)

    @property
    def _attends_plainly(self) -> bool:
        """RETURNS (bool): Whether our own attention is faster here than torch's."""
        return (self.device.type, self._dtype) == ("cpu", torch.bfloat16)

    def set_encoder(self, encoder: Encoder) -> None:
        """Take an encoder, on the device that thinc uses.

        encoder (Encoder): The encoder.
        """
        self._model = encoder.to(get_torch_default_device())
        self._parameters = list(encoder.parameters())  # to list them takes a millisecond
        self._copy = None
        encoder.word_dropout = self.settings.word_dropout
        embeddings = encoder.transformer.get_input_embeddings()
        embeddings.requires_grad_(not self.settings.freeze_embeddings)
        if self.settings.gradient_checkpointing:
            options: dict = {"use_reentrant": False}
            if self._attends_plainly:
                options["context_fn"] = _contexts
            encoder.transformer.gradient_checkpointing_enable(options)
        self.scaler = grad_scaler(self.settings.precision, self.device)

    def encode(
        self, pieces: Wordpieces, windows: Sequence[Window], is_train: bool
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], None]]:
        """Run the encoder.

        pieces, windows: As `Encoder.forward` takes them.
        is_train (bool): Whether gradients and dropout are wanted.
        RETURNS (tuple[Tensor, Callable]): The tokens' vectors (tokens, width),
            and a function that takes their gradient and adds up the weights'.
        """
        self._mind_forks()
        dtype, kind = self._dtype, self.device.type
        is_plain = self._attends_plainly and (is_train or len(pieces.ids) >= ENOUGH_FOR_PLAIN)
        attention = PlainAttention if is_plain else nullcontext
        run = None
        if is_train:
            encoder = self._model.train()
            precision = torch.autocast(kind, dtype=dtype, enabled=dtype is not None)
        else:
            encoder = self._model
            if encoder.training:  # to set it takes a millisecond too
                encoder.eval()
            precision = torch.inference_mode()
            if self.settings.runtime != "torch" and kind == "cpu":
                run = self._in_onnx()
            elif dtype is not None:
                encoder = self._in_16_bits(dtype)
        with precision, attention():
            vectors = encoder(pieces, windows, self.batching, run)
        if is_train:  # predictions between an update's two halves change nothing of it
            self._awaits_gradient, self._deferred = True, None

        def backward(gradient: torch.Tensor) -> None:
            if gradient.any():  # grad_factor = 0.0 leaves all weights as they are
                vectors.backward(self.scaler.scale(gradient))
            self._awaits_gradient, self._has_gradient = False, True
            if self._deferred is not None:
                self.finish_update(self._deferred)

        return vectors.detach(), backward

    def _in_16_bits(self, dtype: torch.dtype) -> Encoder:
        """A copy of the encoder for inference, with weights in 16 bits: a third
        faster on a CPU than autocast."""
        # The tokenizer and what it remembers are shared.
        shared = {id(self._model.wordpieces): self._model.wordpieces}

        def make() -> Encoder:
            copy = deepcopy(self._model, shared).to(dtype)
            if (self.device.type, dtype) == ("cpu", torch.bfloat16) and can_pack():
                pack_linears(copy)
            return copy

        return self._copied(make, self.device, dtype)

    def _in_onnx(self) -> OnnxNetwork:
        """The encoder's network for onnxruntime, with as many threads as torch has."""
        threads = torch.get_num_threads()
        is_int8 = self.settings.runtime == "onnx-int8"
        return self._copied(lambda: OnnxNetwork(self._model, is_int8, threads), threads)

    def _copied(self, make: Callable[[], Copy], *settings: object) -> Copy:
        """What is made of the encoder. It is made again when the weights or the
        settings change."""
        key = settings, [parameter._version for parameter in self._parameters]
        if self._copy is None or self._copy_of != key:
            self._copy, self._copy_of = make(), key
        return self._copy

    def __getstate__(self) -> dict:
        """What is copied and pickled: not what can be made again."""
        return {**self.__dict__, "_copy": None, "_inherited": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if multiprocessing.parent_process() is None:  # no worker of `nlp.pipe`
            self._process = os.getpid()

    def _mind_forks(self) -> None:
        """In a forked process (`nlp.pipe(n_process=2)`, or a server's) the threads of torch
        and of onnxruntime are gone, and waiting for them would never end: let it do with
        this one, and never take down what had them. Workers that are started anew get one
        thread too, for they share the processor."""
        if self._process != os.getpid():
            self._process = os.getpid()
            torch.set_num_threads(1)
            self._inherited = self._copy

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights and forget the gradients.

        `nlp.update(examples, sgd=...)` calls this before the components that
        listen have given their gradient; then the update waits for it.

        optimizer (Optimizer): Our AdamW updates all weights at once; any other
            of thinc's works too, tensor by tensor.
        """
        self._copy = None  # fused updates leave no trace in the weights' versions
        if self._awaits_gradient:
            self._deferred = optimizer
            return
        if not self._has_gradient:
            return
        self._has_gradient = False
        if isinstance(optimizer, AdamW):
            optimizer.update_encoder(self.key, self._model, self._model.width, self.scaler)
        elif self.scaler.is_enabled():
            raise InputError(
                'training in fp16 needs @optimizers = "spacy-transformer-ner.AdamW.v1" in '
                "[training.optimizer], because its gradients are scaled."
            )
        else:
            super().finish_update(optimizer)

    @contextmanager
    def use_params(self, params: dict[KeyT, FloatsXd]) -> Iterator[None]:
        """Put weights in the encoder's place for a while.

        params (dict[tuple[int, str], FloatsXd]): Weights by the shim's id and their names,
            such as an optimizer's averages; others are left alone.
        """
        weights = {} if self._model is None else self._model.state_dict()
        others = {
            name: xp2torch(params[self.id, name]) for name in weights if (self.id, name) in params
        }
        own = {name: weights[name].clone() for name in others}
        try:
            _put(others, weights)
            yield
        finally:
            _put(own, weights)

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The encoder, its tokenizer and its weights, these as
        safetensors; nothing in them can run code."""
        return srsly.msgpack_dumps(None if self._model is None else to_parts(self._model))

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        """Load what `to_bytes` gave.

        bytes_data (bytes): The bytes.
        RETURNS (EncoderShim): Itself.
        """
        parts = srsly.msgpack_loads(bytes_data)
        if parts is not None:
            self.set_encoder(from_parts(parts))
        return self


@torch.no_grad()
def _put(tensors: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        weights[name].copy_(tensor)


def _contexts() -> tuple:
    """What is computed again for the gradient is to be computed as it was. Contexts
    belong to a thread, and gradients may be computed in another."""
    return nullcontext(), PlainAttention()
