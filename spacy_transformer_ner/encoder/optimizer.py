"""AdamW as transformers are trained with it, in thinc's interface."""

import math
from collections.abc import Iterable
from typing import Optional

import torch
from thinc.api import Optimizer, get_array_module, torch2xp, xp2torch
from thinc.optimizers import FloatOrSeq, KeyT
from thinc.types import FloatsXd
from torch import nn
from torch.amp import GradScaler

from ..errors import InputError

# Of averages of weights; thinc's.
MAX_DECAY = 0.9999


class AdamW(Optimizer):
    """AdamW (Loshchilov and Hutter, 2019). The encoder's weights are updated
    together by torch's fused implementation: no weight decay on biases and
    norms, gradients clipped by their global norm. Weights that are thinc's own,
    the heads', go through thinc's, at a rate of their own: they start from
    nothing and can take larger steps.

    learn_rate (float | schedule): The rate of the encoder.
    rate_width (int | None): The width of an encoder that `learn_rate` suits.
        For another the rates are multiplied by (rate_width / width)², as wider
        encoders bear only smaller steps: 3e-4 for a width of 384 is 7.5e-5 for
        768. None to use `learn_rate` as it is.
    head_factor (float): The heads' rate over the encoder's.
    beta1, beta2, eps (float): As usual.
    weight_decay (float): Decoupled weight decay.
    grad_clip (float): The norm gradients are clipped to; 0 for no clipping.
    use_averages (bool): Whether moving averages of the weights are kept, as thinc's
        optimizers do (Polyak and Juditsky, 1992). `spacy train` evaluates and saves
        those then.
    """

    def __init__(
        self,
        learn_rate: FloatOrSeq,
        *,
        rate_width: int | None,
        head_factor: float,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float,
        grad_clip: float,
        use_averages: bool,
    ):
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
        self._left_out: dict[KeyT, int] = {}
        self._of_encoders: dict[KeyT, torch.optim.AdamW] = {}

    def __call__(
        self, key: KeyT, weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> tuple[FloatsXd, FloatsXd]:
        """Update weights that are thinc's own; see thinc's Optimizer."""
        if not self._goes_in(key, bool(get_array_module(gradient).isfinite(gradient).all())):
            gradient[:] = 0.0
            return weights, gradient
        lr_scale *= self.head_factor * self.width_factor
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)

    def update_encoder(self, key: KeyT, module: nn.Module, width: int, scaler: GradScaler) -> None:
        """Update an encoder in place and clear its gradients. It comes before
        the heads in a pipeline, so they learn its width in time.

        key (tuple[int, str]): Identifies the encoder over the updates.
        module (Module): The encoder, with gradients. Without any it stays as it is.
        width (int): The size of its vectors.
        scaler (GradScaler): What its gradients were scaled by. A step whose
            gradients are too large for fp16 is left out.
        """
        if self.rate_width:
            self.width_factor = (self.rate_width / width) ** 2
        if all(parameter.grad is None for parameter in module.parameters()):
            return
        optimizer = self.of_encoder(key, module)
        for group in optimizer.param_groups:
            group["lr"] = self.learn_rate * self.width_factor
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(module.parameters(), self.grad_clip or math.inf)
        # In fp16 the scaler sees to it.
        if scaler.is_enabled() or self._goes_in(key, bool(norm.isfinite())):
            scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        if self.averages is not None:
            self._average(key, module)

    @torch.no_grad()
    def _average(self, key: KeyT, module: nn.Module) -> None:
        """What thinc's `Ops.update_averages` does, in a sixth of the time on a CPU; and the
        averages start from the pretrained weights, not from zero."""
        for name, weights in module.named_parameters():
            if weights.requires_grad:
                of_weights = key[0], name
                self.nr_update[of_weights] += 1
                steps = self.nr_update[of_weights]
                kept = self.averages.get(of_weights)
                average = weights.clone() if kept is None else xp2torch(kept, device=weights.device)
                average.lerp_(weights, 1 - min(MAX_DECAY, (1 + steps) / (10 + steps)))
                self.averages[of_weights] = torch2xp(average)  # on Apple's GPU a copy

    def _goes_in(self, key: KeyT, is_finite: bool) -> bool:
        """Count a gradient; one that is not finite would spoil the weights for good."""
        self._left_out[key] = 0 if is_finite else self._left_out.get(key, 0) + 1
        return is_finite

    @property
    def left_out(self) -> int:
        """RETURNS (int): How many updates in a row, up to the last, left out some
        weights, because their gradient was not finite."""
        return max(self._left_out.values(), default=0)

    def of_encoder(self, key: KeyT, module: nn.Module) -> torch.optim.AdamW:
        """Give torch's optimizer of an encoder.

        key (tuple[int, str]): Identifies the encoder over the updates.
        module (Module): The encoder.
        RETURNS (torch.optim.AdamW): Its optimizer, made at the first call.
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
    """Separate the matrices from biases and the scales of norms, which weight decay harms.

    parameters (Iterable[Parameter]): The parameters. Those that need no gradient are left
        out.
    weight_decay (float): The decay of the matrices.
    RETURNS (list[dict]): Groups as torch's optimizers take them.
    """
    groups: dict[bool, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            groups.setdefault(parameter.ndim >= 2, []).append(parameter)
    return [
        {"params": group, "weight_decay": weight_decay if decays else 0.0}
        for decays, group in groups.items()
    ]


def create_adamw(
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
) -> Optimizer:
    """Create an optimizer, registered as spacy-transformer-ner.AdamW.v1; see
    `AdamW` for the parameters.

    layer_decay (float): 1.0. It is here because configs saved earlier have it.
    RETURNS (Optimizer): The optimizer.
    RAISES: InputError if layer_decay is something else.
    """
    if layer_decay != 1.0:
        raise InputError(
            f"the optimizer's layer_decay is {layer_decay}, and all layers have one rate now: "
            "remove layer_decay from [training.optimizer], or set it to 1.0."
        )
    return AdamW(
        learn_rate,
        rate_width=rate_width,
        head_factor=head_factor,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        use_averages=use_averages,
    )
