"""Several processes as one training: torchrun starts them, each takes its share of a minibatch.

Gradients are averaged once a step, after every process has said that its own are whole. A
reduction hidden in the backward pass would wait for ever for a process that ran out of memory
halfway through it.
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

PATIENCE = timedelta(minutes=10)  # for the slowest process; then all end with an error


@dataclass(frozen=True)
class Ranks:
    """Where this process stands among `count`; rank 0 owns the files of the run."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def share(self, places: int) -> range:
        """The places of a minibatch that are this process's: neighbours, evenly spread."""
        return range(self.rank * places // self.count, (self.rank + 1) * places // self.count)

    def any(self, *signs: bool, device: torch.device | None = None) -> tuple[bool, ...]:
        """Each sign: whether it is up in any process."""
        if self.count == 1:
            return signs
        flags = torch.tensor([float(sign) for sign in signs], device=device)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return tuple(bool(flag) for flag in flags.tolist())

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put the sum over all processes in place: one reduction, the same bits everywhere.

        tensors: float, of one type and device, of the same shapes in every process.
        """
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def number(self, value: float, device: torch.device | None = None) -> float:
        """What rank 0 says."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=device)
        dist.broadcast(told, 0)
        return float(told)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()


ALONE = Ranks()


@contextmanager
def ranks_of(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started, joined; ALONE without it.

    device: of this process; gloo joins CPUs, nccl GPUs. Raises ConfigError when they cannot join.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=PATIENCE)
    except (RuntimeError, ValueError, OSError) as exc:
        raise ConfigError(
            f"{backend}: the processes cannot join: {exc}; start them with torchrun"
        ) from exc
    try:
        yield Ranks(rank=dist.get_rank(), count=dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """Each process of a machine takes a GPU of its own: the one of its local rank."""
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
