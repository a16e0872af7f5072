"""The settings of the encoder in a config."""

from dataclasses import dataclass, fields
from typing import Literal, Optional

from ..errors import InputError
from .augment import Augmentation
from .network import InputOptions
from .onnx import Runtime

Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of the encoder, see `model.build_transformer_model`. `name`,
    `attention_dropout` and the settings in `InputOptions` only take effect when the encoder
    is initialized. The others can also be overridden for a trained pipeline.

    RAISES: InputError if a setting is out of range.
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
    augment: Optional[dict[str, float]] = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.word_dropout < 1.0:
            raise InputError(
                f"the encoder's word_dropout is {self.word_dropout}: it must be >= 0 and < 1."
            )
        Augmentation.of(self.augment)  # check it
        if self.window < 1 or not 0 <= self.context <= self.window // 4:
            raise InputError(
                f"the encoder's window is {self.window} and its context {self.context}: set "
                "context to at most a quarter of window."
            )

    @property
    def options(self) -> InputOptions:
        """RETURNS (InputOptions): How the encoder reads tokens."""
        return InputOptions(**{f.name: getattr(self, f.name) for f in fields(InputOptions)})
