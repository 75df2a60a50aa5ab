"""Undo an iteration in every process, when memory is short or a loss is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from daemon.hrda.distributed import Ranks
from daemon.hrda.out_of_memory import OutOfMemory, is_out_of_memory


class Attempt:
    """One attempt at an iteration.

    running: the tensors that the passes change beside the gradients (statistics of the norms,
    running class shares); they are copied here, and put back by `rollback`. The weights change
    only after the attempt has succeeded. finite: whether the losses of all processes are.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, running: Sequence[Tensor], ranks: Ranks
    ) -> None:
        self.optimizer, self.running, self.ranks = optimizer, running, ranks
        self.before = [tensor.clone() for tensor in running]
        self.finite = True

    def run(self, passes: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What `passes` returns: the losses by name. Every process has to call it.

        Raises OutOfMemory in every process, with all undone, where memory was short in one.
        """
        losses: dict[str, float] = {}
        failure: BaseException | None = None
        try:
            losses = passes()
        except (RuntimeError, MemoryError) as exc:
            if not is_out_of_memory(exc):
                raise
            failure = exc.with_traceback(None)  # its frames hold the graph
        infinite = not all(math.isfinite(value) for value in losses.values())
        short, broken = self.ranks.any_rank(
            failure is not None, infinite, device=self.before[0].device
        )
        if short:
            self.rollback()
            raise OutOfMemory(str(failure or "another process ran out of memory")) from failure
        self.finite = not broken
        return losses

    @torch.no_grad()
    def rollback(self) -> None:
        """Undo the iteration: no gradients, and the running tensors as they were."""
        self.optimizer.zero_grad(set_to_none=True)
        for tensor, old in zip(self.running, self.before, strict=True):
            tensor.copy_(old)
