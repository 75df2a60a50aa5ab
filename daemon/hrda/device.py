"""The device, its threads and its number formats."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import os
import platform
import re
from pathlib import Path

import torch

from daemon.config.learner import Settings
from daemon.domain.errors import ConfigError

# glibc's malloc.h: M_MMAP_THRESHOLD (at most 32 MiB), M_TRIM_THRESHOLD, M_TOP_PAD.
MALLOPT = {-3: 1 << 25, -1: (1 << 31) - 1, -2: 1 << 26}


def resolve_device(name: str) -> torch.device:
    """ "auto" takes CUDA where there is one. Raises ConfigError for a device that is absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise ConfigError(f"device = {name!r}: expected auto, cpu, cuda or cuda:N") from exc
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device = {name!r}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device = {name!r}: this machine has {torch.cuda.device_count()} CUDA devices; "
            f'use "auto" or "cpu"'
        )
    return device


def set_threads(count: int) -> None:
    """Give torch `count` threads; 0: all cores that this process may use, divided by the number of
    processes that torchrun started on this machine."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.set_num_threads(count or max(1, len(os.sched_getaffinity(0)) // processes))


def keep_freed_memory() -> None:
    """Let glibc keep the memory that tensors free, instead of asking the kernel for it again.

    By default its allocator maps every large block with new pages: 16 000 page faults an iteration
    of the `cpu` preset, 2 000 with this. Does nothing where there is no such allocator.
    """
    try:
        option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for name, number_of_bytes in MALLOPT.items():
        option(name, number_of_bytes)


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The CPU tensor on the device, without waiting for it: through page-locked memory on CUDA."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def set_tf32(settings: Settings) -> None:
    """Allow or forbid TF32 in products and convolutions of float32 on CUDA: `tf32`.

    It is process-wide. Products in bf16 do not depend on it.
    """
    torch.backends.cuda.matmul.allow_tf32 = settings.tf32
    torch.backends.cudnn.allow_tf32 = settings.tf32


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its queue: for timing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def trains_in_bf16(settings: Settings, device: torch.device) -> bool:
    """Whether training uses bf16: `precision`; "auto" means on CUDA only."""
    if settings.precision == "auto":
        return device.type == "cuda"
    return settings.precision == "bf16"


def infers_in_bf16(settings: Settings, device: torch.device) -> bool:
    """Whether inference uses bf16: as training, and with "auto" also on CPUs with bf16
    instructions, where it is twice as fast."""
    if settings.precision == "auto" and device.type == "cpu":
        return _cpu_has_bf16()
    return trains_in_bf16(settings, device)


def is_exported_in_bf16(settings: Settings) -> bool:
    """Whether test figures and a served model use bf16: only where `precision` asks for it. With
    "auto" they use fp32 on any machine, as the graphs of an export do."""
    return settings.precision == "bf16"


def peak_memory_bytes() -> int | None:
    """Peak resident memory of this process; None where the system does not report it."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def peak_gpu_memory_bytes(device: torch.device) -> int | None:
    """Peak memory of tensors on the GPU; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def versions() -> dict[str, str]:
    """Package -> version of everything that a result depends on; "absent" where not installed."""
    names = ("torch", "mmengine", "mmsegmentation", "mmcv-lite", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


@functools.cache
def _cpu_has_bf16() -> bool:
    try:
        with open("/proc/cpuinfo") as file:
            flags = file.read()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
