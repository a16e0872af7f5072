"""The thinc shim of the encoder: prediction, training and serialization."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from typing import TypeVar, cast

import srsly
import torch
from spacy.language import Language
from thinc.api import Model, Optimizer, PyTorchShim, get_torch_default_device, xp2torch
from thinc.optimizers import KeyT
from thinc.types import FloatsXd
from torch.amp import GradScaler

from ..errors import InputError
from ..gpu import NO_APPLE_GPU
from .attention import PlainAttention, is_torch_faster
from .linear import can_pack, pack_linears
from .network import Encoder
from .onnx import OnnxNetwork
from .optimizer import AdamW
from .precision import autocast_dtype
from .settings import EncoderSettings
from .storage import from_parts, to_parts
from .windows import ON_CPU, ON_GPU, Batching, Window
from .wordpieces import Wordpieces

# In predictions of fewer wordpieces, `PlainAttention` takes longer than it saves.
ENOUGH_FOR_PLAIN = 256

Copy = TypeVar("Copy", Encoder, OnnxNetwork)


class EncoderShim(PyTorchShim):
    """Thinc shim that wraps an `Encoder`.

    encoder (Encoder | None): The encoder, None until the pipeline is initialized or loaded.
    settings (EncoderSettings): The encoder's settings.
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
        """RETURNS (tuple[int, str]): The key of the encoder in optimizers."""
        return self.id, "encoder"

    @property
    def batching(self) -> Batching:
        """RETURNS (Batching): How windows are batched on the encoder's device."""
        default = ON_GPU if self.device.type == "cuda" else ON_CPU
        return replace(default, max_items=self.settings.max_batch_items or default.max_items)

    @property
    def _dtype(self) -> torch.dtype | None:
        return autocast_dtype(self.settings.precision, self.device)

    @property
    def _is_cpu_in_bf16(self) -> bool:
        """RETURNS (bool): Whether `PlainAttention` may be faster than torch's attention."""
        return (self.device.type, self._dtype) == ("cpu", torch.bfloat16)

    def set_encoder(self, encoder: Encoder) -> None:
        """Set the encoder and move it to the device that thinc uses.

        encoder (Encoder): The encoder.
        RAISES: InputError if thinc uses an Apple GPU.
        """
        device = get_torch_default_device()
        if device.type == "mps":
            raise InputError(f"{NO_APPLE_GPU} Call spacy.require_cpu() before loading a pipeline.")
        self._model = encoder.to(device)
        self._parameters = list(encoder.parameters())  # listing them takes 1 ms
        self._copy = None
        encoder.word_dropout = self.settings.word_dropout
        embeddings = encoder.transformer.get_input_embeddings()
        embeddings.requires_grad_(not self.settings.freeze_embeddings)
        if self.settings.gradient_checkpointing:
            options: dict = {"use_reentrant": False}
            if self._is_cpu_in_bf16:
                options["context_fn"] = _contexts
            encoder.transformer.gradient_checkpointing_enable(options)
        # Keeps small gradients from vanishing in fp16 (Micikevicius et al., 2018).
        is_fp16 = self.settings.precision == "fp16"
        self.scaler = GradScaler(self.device.type, enabled=is_fp16)

    def encode(
        self, pieces: Wordpieces, windows: Sequence[Window], is_train: bool
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], None]]:
        """Run the encoder.

        pieces, windows: See `Encoder.forward`.
        is_train (bool): Whether to use dropout and prepare the backward pass.
        RETURNS (tuple[Tensor, Callable]): The token vectors, (tokens, width), and a callback
            that takes their gradient and accumulates the gradients of the weights.
        """
        self._handle_fork()
        dtype, kind = self._dtype, self.device.type
        is_enough = is_train or len(pieces.ids) >= ENOUGH_FOR_PLAIN
        is_plain = self._is_cpu_in_bf16 and is_enough and not is_torch_faster(is_train)
        attention = PlainAttention if is_plain else nullcontext
        run = None
        if is_train:
            encoder = self._model.train()
            precision: torch.autocast | torch.inference_mode
            precision = torch.autocast(kind, dtype=dtype, enabled=dtype is not None)
        else:
            encoder = self._model
            if encoder.training:  # setting it takes 1 ms
                encoder.eval()
            precision = torch.inference_mode()
            if self.settings.runtime != "torch" and kind == "cpu":
                run = self._in_onnx()
            elif dtype is not None:
                encoder = self._in_16_bits(dtype)
        with precision, attention():
            vectors = encoder(pieces, windows, self.batching, run)
        if is_train:  # predictions between forward and backward do not affect the update
            self._awaits_gradient, self._deferred = True, None

        def backward(gradient: torch.Tensor) -> None:
            if gradient.any():  # grad_factor = 0.0 leaves all weights unchanged
                vectors.backward(self.scaler.scale(gradient))
            self._awaits_gradient, self._has_gradient = False, True
            if self._deferred is not None:
                self.finish_update(self._deferred)

        return vectors.detach(), backward

    def _in_16_bits(self, dtype: torch.dtype) -> Encoder:
        """Get a copy of the encoder with 16-bit weights, for inference. A third faster than
        autocast on a CPU."""
        # Share the tokenizer and its cache.
        shared = {id(self._model.wordpieces): self._model.wordpieces}

        def make() -> Encoder:
            copy = deepcopy(self._model, shared).to(dtype)
            if (self.device.type, dtype) == ("cpu", torch.bfloat16) and can_pack():
                pack_linears(copy)
            return copy

        return self._copied(make, self.device, dtype)

    def _in_onnx(self) -> OnnxNetwork:
        """Get the encoder's network for onnxruntime, with as many threads as torch uses."""
        threads = torch.get_num_threads()
        is_int8 = self.settings.runtime == "onnx-int8"
        return self._copied(lambda: OnnxNetwork(self._model, is_int8, threads), threads)

    def _copied(self, make: Callable[[], Copy], *settings: object) -> Copy:
        """Get a cached copy of the encoder. It is created again if the weights or settings
        change."""
        key = settings, [parameter._version for parameter in self._parameters]
        if self._copy is None or self._copy_of != key:
            self._copy, self._copy_of = make(), key
        return cast(Copy, self._copy)

    def __getstate__(self) -> dict:
        """Leave out cached copies of the encoder, which can be created again."""
        return {**self.__dict__, "_copy": None, "_inherited": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        if multiprocessing.parent_process() is None:  # not a worker of `nlp.pipe`
            self._process = os.getpid()

    def _handle_fork(self) -> None:
        """Use one thread in a forked process, such as a worker of `nlp.pipe(n_process=2)` or
        of a server. The thread pools of torch and onnxruntime do not survive a fork, and
        waiting for them would never end. Keep a reference to the inherited copy, so that it
        is not destroyed. Spawned workers also use one thread, because they share the
        processor."""
        if self._process != os.getpid():
            self._process = os.getpid()
            torch.set_num_threads(1)
            self._inherited = self._copy

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights and clear the gradients.

        `nlp.update(examples, sgd=...)` calls this before listeners have backpropagated their
        gradients. In that case the update is deferred until they have.

        optimizer (Optimizer): `AdamW` updates all weights together. Other thinc optimizers
            update each tensor separately.
        """
        self._copy = None  # fused updates do not change the weights' versions
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
        """Context manager that temporarily replaces weights of the encoder.

        params (dict[tuple[int, str], FloatsXd]): Weights by shim id and name, such as an
            optimizer's averages. Weights of other models are ignored.
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
        """RETURNS (bytes): The encoder's config, tokenizer and weights. The weights are
        stored as safetensors; loading them cannot run code."""
        return srsly.msgpack_dumps(None if self._model is None else to_parts(self._model))

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        """Load the encoder from bytes.

        bytes_data (bytes): The output of `to_bytes`.
        RETURNS (EncoderShim): The shim itself.
        """
        parts = srsly.msgpack_loads(bytes_data)
        if parts is not None:
            self.set_encoder(from_parts(parts))
        return self


def encoders_of(nlp: Language) -> Iterator[tuple[Encoder, EncoderSettings]]:
    """nlp (Language): A pipeline.
    YIELDS (tuple[Encoder, EncoderSettings]): Each of its encoders with the architecture of this
    package, and the settings of it."""
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            for shim in node.shims:
                if isinstance(shim, EncoderShim) and shim.encoder is not None:
                    yield shim.encoder, shim.settings


@torch.no_grad()
def _put(tensors: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        weights[name].copy_(tensor)


def _contexts() -> tuple:
    """Get the contexts of gradient checkpointing, for the forward pass and for computing it
    again. The second may run in another thread, which has not entered `PlainAttention`."""
    return nullcontext(), PlainAttention()
