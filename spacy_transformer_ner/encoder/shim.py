"""The encoder as thinc sees it: how it is run, trained, saved and loaded."""

import multiprocessing
import os
from collections.abc import Callable, Sequence

import srsly
import torch
from thinc.api import Optimizer, PyTorchShim, get_torch_default_device

from .network import Encoder, autocast_dtype, from_parts, to_parts
from .optimizer import AdamW
from .windows import Window
from .wordpieces import Wordpieces


class EncoderShim(PyTorchShim):
    """Holds an `Encoder`, or None until the pipeline is initialised or loaded.

    precision (str): As `autocast_dtype` takes it.
    max_items (int): How many wordpieces are encoded at once.
    """

    def __init__(self, encoder: Encoder | None, *, precision: str, max_items: int):
        super().__init__(encoder)
        self.precision = precision
        self.max_items = max_items
        self._process = os.getpid()
        self._awaits_gradient = False
        self._deferred: Optimizer | None = None

    @property
    def encoder(self) -> Encoder | None:
        """RETURNS (Encoder | None): The encoder."""
        return self._model

    def set_encoder(self, encoder: Encoder) -> None:
        """Take an encoder, on the device that thinc uses.

        encoder (Encoder): The encoder.
        """
        self._model = encoder.to(get_torch_default_device())

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
        encoder = self._model.train(is_train)
        dtype = autocast_dtype(self.precision, self.device)
        # Not inference_mode: another component may train on these vectors.
        with (
            torch.set_grad_enabled(is_train),
            torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None),
        ):
            vectors = encoder(pieces, windows, self.max_items)
        self._awaits_gradient, self._deferred = is_train, None

        def backward(gradient: torch.Tensor) -> None:
            vectors.backward(gradient)
            self._awaits_gradient = False
            if self._deferred is not None:
                self.finish_update(self._deferred)

        return vectors.detach(), backward

    def _mind_forks(self) -> None:
        """In a forked process (`nlp.pipe(n_process=2)`) torch's threads are gone,
        and waiting for them would never end: let it do with this one."""
        if self._process != os.getpid():
            self._process = os.getpid()
            if multiprocessing.parent_process() is not None:
                torch.set_num_threads(1)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights and forget the gradients.

        `nlp.update(examples, sgd=...)` calls this before the components that
        listen have given their gradient; then the update waits for it.

        optimizer (Optimizer): Our AdamW updates all weights at once; any other
            of thinc's works too, tensor by tensor.
        """
        if self._awaits_gradient:
            self._deferred = optimizer
        elif isinstance(optimizer, AdamW):
            optimizer.update_encoder((self.id, "encoder"), self._model, self._model.width)
        else:
            super().finish_update(optimizer)

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
