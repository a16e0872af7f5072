"""What the encoder computes in."""

import torch
from torch.amp import GradScaler


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Decide what a forward pass computes in.

    precision (str): "fp32", "bf16", "fp16", or "auto": bf16 where the hardware has
        instructions for it, else fp32. Weights stay fp32.
    device (torch.device): Where it runs.
    RETURNS (torch.dtype | None): The type, or None for fp32.
    """
    if precision != "auto":
        return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    if device.type == "cpu":
        return torch.bfloat16 if cpu_has("avx512_bf16", "amx_bf16") else None
    return None


def cpu_has(*abilities: str) -> bool:
    """abilities (str): Sets of instructions, as torch calls them.
    RETURNS (bool): Whether the processor has any of them. False where torch is too old
        to tell."""
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(known.get(ability) for ability in abilities)


def grad_scaler(precision: str, device: torch.device) -> GradScaler:
    """Make what keeps small gradients from vanishing in fp16 (Micikevicius et al.,
    2018). In other precisions it does nothing.

    precision (str): As `autocast_dtype` takes it.
    device (torch.device): Where it runs.
    RETURNS (GradScaler): torch's scaler.
    """
    return GradScaler(device.type, enabled=precision == "fp16")
