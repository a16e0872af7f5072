"""The encoder's settings, as a config has them."""

from dataclasses import dataclass, fields
from typing import Literal, Optional

from ..errors import InputError
from .network import InputOptions
from .onnx import Runtime

Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of `model.build_transformer_model`, which describes them. Those of
    `InputOptions`, and `name` and `attention_dropout`, count when the encoder is
    initialised; the others can be overridden for a trained pipeline too.

    RAISES: InputError if they do not fit.
    """

    name: str
    window: int = 256
    context: int = 32
    word_shape: bool = False
    attention_dropout: float = 0.0
    precision: Precision = "auto"
    max_batch_items: Optional[int] = None
    word_dropout: float = 0.0
    freeze_embeddings: bool = False
    gradient_checkpointing: bool = False
    word_boundaries: bool = False
    wordpiece_pooling: Literal["mean", "first"] = "mean"
    leading_space: bool = True
    runtime: Runtime = "torch"

    def __post_init__(self) -> None:
        if not 0.0 <= self.word_dropout < 1.0:
            raise InputError(f"the encoder's word_dropout is a part of 1, not {self.word_dropout}.")
        if self.window < 1 or not 0 <= self.context <= self.window // 4:
            raise InputError(
                f"the encoder's window is {self.window} and its context {self.context}: the "
                "context is at most a quarter of the window."
            )

    @property
    def options(self) -> InputOptions:
        """RETURNS (InputOptions): How the encoder reads tokens."""
        return InputOptions(**{f.name: getattr(self, f.name) for f in fields(InputOptions)})
