"""The machine: Fabric, precision, and two settings that make CPUs faster."""

from __future__ import annotations

import ctypes
import sys
import warnings
from typing import Any

from overread.engine.networks import BF16_ON_CPU
from overread.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "32", "bf16")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


def make_fabric(device: str = "auto", precision: str = "auto", network: str = "") -> Any:
    """A Lightning Fabric on one device; `auto` takes the GPU where there is one.

    `auto` precision is bfloat16 on a GPU that has it; on a CPU only for networks it makes faster
    (EfficientNet-Lite0 loses a third with it: depthwise convolutions).
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lightning.fabric import Fabric

    if device not in DEVICES or precision not in PRECISIONS:
        raise InputError(
            f"--device is one of {', '.join(DEVICES)}; --precision one of {', '.join(PRECISIONS)}."
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda, but PyTorch sees no GPU here. Use --device auto or cpu.")
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if on_gpu else network in BF16_ON_CPU
        precision = "bf16" if fast else "32"
    if not on_gpu:
        keep_memory()
    plugin = "bf16-mixed" if precision == "bf16" else "32-true"
    return Fabric(accelerator="cuda" if on_gpu else "cpu", devices=1, precision=plugin)


def keep_memory() -> None:
    """Asks glibc to keep freed blocks: without it each large activation is mapped and zeroed anew by the
    kernel, which costs CPU training a seventh of its speed. Elsewhere it does nothing."""
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):  # another C library
        return
