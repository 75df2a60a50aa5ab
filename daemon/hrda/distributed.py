"""Several processes as one training: torchrun starts them, each takes its share of a minibatch.

Gradients are added up once a step, after every process has reported that its own are complete. A
reduction inside the backward pass (DistributedDataParallel) would wait forever for a process that
ran out of memory halfway through it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from daemon.domain.errors import ConfigError

TIMEOUT = timedelta(minutes=10)  # for the slowest process; then all end with an error


@dataclass(frozen=True)
class Ranks:
    """This process among `size`; rank 0 owns the files of the run."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    def positions(self, count: int) -> range:
        """The positions of a minibatch of `count` crops that this process computes: consecutive."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def any_rank(self, *flags: bool, device: torch.device | None = None) -> tuple[bool, ...]:
        """Each flag: whether it is set in any process."""
        if self.size == 1:
            return flags
        values = torch.tensor([float(flag) for flag in flags], device=device)
        dist.all_reduce(values, dist.ReduceOp.MAX)
        return tuple(bool(value) for value in values.tolist())

    def all_reduce_sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes: one reduction, the same bits in all.

        tensors: float, of one type and device, of the same shapes in every process.
        """
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def broadcast(self, value: float, device: torch.device | None = None) -> float:
        """The value of rank 0."""
        if self.size == 1:
            return value
        sent = torch.tensor([value], dtype=torch.float64, device=device)
        dist.broadcast(sent, 0)
        return float(sent)

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            dist.barrier()


SINGLE_PROCESS = Ranks()


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started, in one group; SINGLE_PROCESS without torchrun.

    device: of this process; gloo joins CPUs, nccl GPUs. Raises ConfigError when they cannot join.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield SINGLE_PROCESS
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=TIMEOUT)
    except (RuntimeError, ValueError, OSError) as exc:
        raise ConfigError(
            f"{backend}: the processes cannot join: {exc}; start them with torchrun"
        ) from exc
    try:
        yield Ranks(rank=dist.get_rank(), size=dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process: the one of its local rank. Raises ConfigError without one."""
    if device.type != "cuda" or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise ConfigError(
            f"device: process {local} of this machine needs a GPU of its own, there are "
            f"{torch.cuda.device_count()}; lower --nproc-per-node"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
