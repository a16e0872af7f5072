"""AdamW as transformers are trained with it, in thinc's interface."""

from collections.abc import Iterable
from typing import Optional

import torch
from thinc.api import Optimizer
from thinc.optimizers import FloatOrSeq, KeyT
from thinc.types import FloatsXd
from torch import nn


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
    ):
        super().__init__(
            learn_rate,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            L2=weight_decay,
            L2_is_weight_decay=True,
            grad_clip=grad_clip,
            use_averages=False,
        )
        self.rate_width = rate_width
        self.width_factor = 1.0
        self.head_factor = head_factor
        self.torch_optimizers: dict[KeyT, torch.optim.AdamW] = {}

    def __call__(
        self, key: KeyT, weights: FloatsXd, gradient: FloatsXd, *, lr_scale: float = 1.0
    ) -> tuple[FloatsXd, FloatsXd]:
        """Update weights that are thinc's own; see thinc's Optimizer."""
        lr_scale *= self.head_factor * self.width_factor
        return super().__call__(key, weights, gradient, lr_scale=lr_scale)

    def update_encoder(self, key: KeyT, module: nn.Module, width: int) -> None:
        """Update an encoder in place and clear its gradients. It comes before
        the heads in a pipeline, so they learn its width in time.

        key (tuple[int, str]): Identifies the encoder over the updates.
        module (Module): The encoder, with gradients.
        width (int): The size of its vectors.
        """
        if self.rate_width:
            self.width_factor = (self.rate_width / width) ** 2
        if key not in self.torch_optimizers:
            self.torch_optimizers[key] = torch.optim.AdamW(
                parameter_groups(module.parameters(), self.L2),
                betas=(self.b1, self.b2),
                eps=self.eps,
                fused=True,
            )
        optimizer = self.torch_optimizers[key]
        for group in optimizer.param_groups:
            group["lr"] = self.learn_rate * self.width_factor
        if self.grad_clip:
            nn.utils.clip_grad_norm_(module.parameters(), self.grad_clip)
        optimizer.step()
        optimizer.zero_grad()


def parameter_groups(
    parameters: Iterable[nn.Parameter], weight_decay: float
) -> list[dict]:
    """Part the parameters that weight decay suits, matrices, from those it
    harms: biases and the scales of norms, which are vectors.

    parameters (Iterable[Parameter]): The parameters.
    weight_decay (float): The decay of the matrices.
    RETURNS (list[dict]): Groups as torch's optimizers take them.
    """
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for parameter in parameters:
        if parameter.requires_grad:
            groups[parameter.ndim >= 2].append(parameter)
    return [
        {"params": groups[decays], "weight_decay": weight_decay if decays else 0.0}
        for decays in (True, False)
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
) -> Optimizer:
    """Create an optimizer, registered as spacy-transformer-ner.AdamW.v1; see
    `AdamW` for the parameters."""
    return AdamW(
        learn_rate,
        rate_width=rate_width,
        head_factor=head_factor,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
    )
