"""The floating-point precision of the encoder."""

import torch


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Get the dtype of a forward pass.

    precision (str): "fp32", "bf16", "fp16", or "auto", which is bf16 if the hardware has
        instructions for it and fp32 otherwise. Weights stay in fp32.
    device (torch.device): The device that runs the encoder.
    RETURNS (torch.dtype | None): The dtype, or None for fp32.
    """
    if precision != "auto":
        return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    if device.type == "cpu":
        return torch.bfloat16 if cpu_has("avx512_bf16", "amx_bf16") else None
    return None


def cpu_has(*abilities: str) -> bool:
    """abilities (str): torch's names of instruction sets.
    RETURNS (bool): Whether the processor has any of them. False if torch is too old to
        report them."""
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(known.get(ability) for ability in abilities)
