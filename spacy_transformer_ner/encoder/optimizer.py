"""AdamW for transformers, with thinc's interface."""

import math
from collections.abc import Iterable
from typing import Optional, cast

import torch
from thinc.api import Optimizer, get_array_module, torch2xp, xp2torch
from thinc.optimizers import FloatOrSeq, KeyT
from thinc.types import FloatsXd
from torch import nn
from torch.amp import GradScaler

from ..errors import InputError

# How much smaller the learning rate is for wider encoders.
WIDTH_EXPONENT = 1.5
# Maximum decay of the averaged weights, as in thinc.
MAX_DECAY = 0.9999


class AdamW(Optimizer):
    """AdamW (Loshchilov and Hutter, 2019). Registered as spacy-transformer-ner.AdamW.v1. The
    encoder's weights are updated together by
    torch's fused implementation, without weight decay on biases and norms, and with
    gradients clipped by their global norm. The weights of thinc layers, such as the heads,
    are updated by thinc's implementation at a separate, higher rate, because they are
    trained from scratch.

    learn_rate (float | schedule): The learning rate of the encoder.
    rate_width (int | None): The encoder width that `learn_rate` is meant for. For other
        widths the rates are multiplied by (rate_width / width) ** 1.5, because wider encoders
        need smaller steps: 3e-4 for a width of 384 becomes 1.1e-4 for 768. None to use
        `learn_rate` unchanged. The exponent was measured with these two widths only.
    head_factor (float): The rate of the heads, as a multiple of the encoder's.
    beta1, beta2, eps (float): The parameters of Adam.
    weight_decay (float): Decoupled weight decay.
    grad_clip (float): Maximum norm of the gradients; 0 for no clipping.
    use_averages (bool): Whether to keep moving averages of the weights, like thinc's
        optimizers (Polyak and Juditsky, 1992). `spacy train` then evaluates and saves the
        averages.
    layer_decay (float): Must be 1.0. Kept for configs saved by earlier versions.
    RAISES: InputError if layer_decay is not 1.0.
    """

    def __init__(
        self,
        learn_rate: FloatOrSeq,
        rate_width: Optional[int] = None,
        head_factor: float = 10.0,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        grad_clip: float = 1.0,
        use_averages: bool = False,
        layer_decay: float = 1.0,
    ):
        if layer_decay != 1.0:
            raise InputError(
                f"the optimizer's layer_decay is {layer_decay}, but all layers have the same rate "
                "now: remove layer_decay from [training.optimizer], or set it to 1.0."
            )
        super().__init__(
            learn_rate,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            L2=weight_decay,
            L2_is_weight_decay=True,
            grad_clip=grad_clip,
            use_averages=use_averages,
        )
        self.rate_width = rate_width
        self.width_factor = 1.0
        self.head_factor = head_factor
        self._skipped: dict[KeyT, int] = {}
        self._of_encoders: dict[KeyT, torch.optim.AdamW] = {}

    def __call__(
        self, key: KeyT, weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> tuple[FloatsXd, FloatsXd]:
        """Update the weights of a thinc layer, see thinc's Optimizer."""
        if not self._count(key, bool(get_array_module(gradient).isfinite(gradient).all())):
            gradient.fill(0.0)
            return weights, gradient
        lr_scale *= self.head_factor * self.width_factor
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)

    def update_encoder(self, key: KeyT, module: nn.Module, width: int, scaler: GradScaler) -> None:
        """Update an encoder in place and clear its gradients. Also sets the rate of the
        heads, which come after the encoder in a pipeline, for its width.

        key (tuple[int, str]): Identifies the encoder across updates.
        module (Module): The encoder. Unchanged if it has no gradients.
        width (int): The size of its vectors.
        scaler (GradScaler): The scaler of the gradients. The step is skipped if they are
            too large for fp16.
        """
        if self.rate_width:
            self.width_factor = (self.rate_width / width) ** WIDTH_EXPONENT
        if all(parameter.grad is None for parameter in module.parameters()):
            return
        optimizer = self.of_encoder(key, module)
        for group in optimizer.param_groups:
            group["lr"] = self.learn_rate * self.width_factor
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(module.parameters(), self.grad_clip or math.inf)
        is_finite = bool(norm.isfinite())
        if scaler.is_enabled():
            # The scaler skips such a step itself and lowers its scale. This is normal as long
            # as the scale is above 1.
            self._count(key, is_finite or scaler.get_scale() > 1.0)
            scaler.step(optimizer)
        elif self._count(key, is_finite):
            scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if self.averages is not None:
            self._average(self.averages, key, module)

    @torch.no_grad()
    def _average(self, averages: dict[KeyT, FloatsXd], key: KeyT, module: nn.Module) -> None:
        """Update the averages like thinc's `Ops.update_averages`, but six times faster on a
        CPU and starting from the pretrained weights instead of zero."""
        for name, weights in module.named_parameters():
            if weights.requires_grad:
                name_key = key[0], name
                self.nr_update[name_key] += 1
                steps = self.nr_update[name_key]
                kept = averages.get(name_key)
                average = weights.clone() if kept is None else xp2torch(kept, device=weights.device)
                average.lerp_(weights, 1 - min(MAX_DECAY, (1 + steps) / (10 + steps)))
                averages[name_key] = cast(FloatsXd, torch2xp(average))  # a copy on Apple GPUs

    def _count(self, key: KeyT, is_finite: bool) -> bool:
        """Count consecutive updates skipped because the gradient is not finite.

        RETURNS (bool): Whether to use the gradient.
        """
        self._skipped[key] = 0 if is_finite else self._skipped.get(key, 0) + 1
        return is_finite

    @property
    def n_skipped(self) -> int:
        """RETURNS (int): The number of consecutive updates, up to the last one, that
        skipped some weights because their gradient was not finite."""
        return max(self._skipped.values(), default=0)

    def of_encoder(self, key: KeyT, module: nn.Module) -> torch.optim.AdamW:
        """Get torch's optimizer of an encoder.

        key (tuple[int, str]): Identifies the encoder across updates.
        module (Module): The encoder.
        RETURNS (torch.optim.AdamW): The optimizer, created at the first call.
        """
        if key not in self._of_encoders:
            self._of_encoders[key] = torch.optim.AdamW(
                parameter_groups(module.parameters(), self.L2),
                betas=(self.b1, self.b2),
                eps=self.eps,
                fused=True,
            )
        return self._of_encoders[key]


def parameter_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict]:
    """Group parameters by whether weight decay applies: to matrices, but not to biases and
    norms.

    parameters (Iterable[Parameter]): The parameters. Frozen ones are skipped.
    weight_decay (float): The weight decay of the matrices.
    RETURNS (list[dict]): Parameter groups for torch's optimizers.
    """
    groups: dict[bool, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            groups.setdefault(parameter.ndim >= 2, []).append(parameter)
    return [
        {"params": group, "weight_decay": weight_decay if decays else 0.0}
        for decays, group in groups.items()
    ]


# The name in the entry points.
create_adamw = AdamW
