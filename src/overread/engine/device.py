"""The machine: Fabric, precision, several processes, and two settings that make CPUs faster."""

from __future__ import annotations

import atexit
import ctypes
import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from inspect import signature
from typing import Any

import torch

from overread.engine.networks import BF16_ON_CPU
from overread.errors import InputError
from overread.processes import Started, started

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "32", "bf16")
PATIENCE = timedelta(days=1)  # the others wait while the first process decodes a million images
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


def make_fabric(device: str = "auto", precision: str = "auto", network: str = "") -> Any:
    """A launched Lightning Fabric: one device, or one a process where torchrun or SLURM started several.

    `auto` takes the GPU where there is one. `auto` precision is bfloat16 on a GPU that has it; on a CPU only for
    networks it makes faster (EfficientNet-Lite0 loses a third with it: depthwise convolutions).
    """
    if device not in DEVICES or precision not in PRECISIONS:
        raise InputError(
            f"--device is one of {', '.join(DEVICES)}; --precision one of {', '.join(PRECISIONS)}."
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda, but PyTorch sees no GPU here. Use --device auto or cpu.")
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if on_gpu else network in BF16_ON_CPU and cpu_has_bf16()
        precision = "bf16" if fast else "32"
    if not on_gpu:
        keep_memory()
    plugin = "bf16-mixed" if precision == "bf16" else "32-true"
    return launched("cuda" if on_gpu else "cpu", plugin, started())


def cpu_has_bf16() -> bool:
    """Whether this CPU computes in bfloat16, rather than only storing it."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def launched(accelerator: str, precision: str, processes: Started) -> Any:
    """Fabric on this process's device, connected with the other processes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lightning.fabric import Fabric
        from lightning.fabric.plugins.environments import LightningEnvironment
        from lightning.fabric.strategies import DDPStrategy

    if processes.size == 1:
        alone = [LightningEnvironment()]  # also within a SLURM job that spread nothing
        with banners_off():
            return Fabric(accelerator=accelerator, devices=1, precision=precision, plugins=alone)
    check_spread(accelerator, processes)
    backend = "gloo" if accelerator == "cpu" else "nccl"
    with banners_off():
        fabric = Fabric(
            accelerator=accelerator,
            devices=processes.here,
            num_nodes=processes.nodes,
            precision=precision,
            strategy=DDPStrategy(process_group_backend=backend, timeout=PATIENCE, **buffers_apart()),
        )
        fabric.launch()
    atexit.register(disconnect)
    return fabric


@contextmanager
def banners_off() -> Iterator[None]:
    """Without what Lightning says of itself and of its precision."""
    said = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(said)


def disconnect() -> None:
    """Ends the connection with the other processes while threads can still be joined: left to the interpreter's
    end, it now and then aborts. Networks that are garbage hold it too, so they go first."""
    if torch.distributed.is_initialized():
        gc.collect()
        torch.distributed.destroy_process_group()


def buffers_apart() -> dict[str, Any]:
    """Buffers are made equal once an epoch (Exchange.same_buffers), not before each step; DDP's word for it."""
    known = signature(torch.nn.parallel.DistributedDataParallel).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}


def check_spread(accelerator: str, processes: Started) -> None:
    """Refuses what Lightning or NCCL would refuse later in other words."""
    if processes.size % processes.nodes:
        raise InputError(
            f"{processes.launcher} started {processes.size} processes on {processes.nodes} machines; "
            "each machine must have as many as the others."
        )
    if processes.launcher == "srun" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"srun was told --ntasks {processes.size} and not how many a machine has. "
            f"Give it --ntasks-per-node {processes.here} (and --nodes {processes.nodes}) instead."
        )
    if accelerator == "cuda" and torch.cuda.device_count() < processes.here:
        raise InputError(
            f"{processes.launcher} started {processes.here} processes on a machine where PyTorch sees "
            f"{torch.cuda.device_count()} GPUs. Start as many processes as there are GPUs, or use --device cpu."
        )


def own_devices() -> list[int]:
    """The GPU whose random state is this process's, for `torch.random.fork_rng`: by itself it takes all there are,
    and warns."""
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return [torch.cuda.current_device()] if used else []


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
