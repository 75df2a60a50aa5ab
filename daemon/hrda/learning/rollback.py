"""Undo an iteration in every process, when memory is short or a loss is not finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from daemon.hrda.distributed import Ranks
from daemon.hrda.learning.loss_report import LossReport
from daemon.runs.out_of_memory import OutOfMemory, is_out_of_memory


class Attempt:
    """One attempt at an iteration.

    running: the tensors that the passes change beside the gradients (statistics of the norms,
    running class shares); they are copied here, and put back by `restore`. The weights change
    only after the attempt has succeeded. finite: whether the losses of all processes are: bool,
    0-dimensional, on the device, which nobody has to wait for.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, running: Sequence[Tensor], ranks: Ranks
    ) -> None:
        self.optimizer, self.ranks = optimizer, ranks
        kinds = {tensor.dtype for tensor in running}
        self.running = [[t for t in running if t.dtype == kind] for kind in kinds]
        self.before = [_flat(tensors) for tensors in self.running]
        self.finite = torch.ones((), dtype=torch.bool, device=running[0].device)

    def run(self, passes: Callable[[], LossReport]) -> LossReport:
        """What `passes` returns: the losses by name. Every process has to call it.

        Raises OutOfMemory in every process, with all undone, where memory was short in one.
        """
        losses: LossReport | None = None
        failure: BaseException | None = None
        try:
            losses = passes()
        except (RuntimeError, MemoryError) as exc:
            if not is_out_of_memory(exc):
                raise
            failure = exc.with_traceback(None)  # its frames hold the graph
        if losses is not None:
            self.finite = losses.are_finite()
        short = self._agree(losses is None)
        if short or losses is None:
            self.optimizer.zero_grad(set_to_none=True)
            self.restore(torch.zeros_like(self.finite))
            raise OutOfMemory(str(failure or "another process ran out of memory")) from failure
        return losses

    def _agree(self, short: bool) -> bool:
        """Whether memory was short in any process; `finite` becomes that of all of them."""
        if self.ranks.size == 1:
            return short
        infinite = not bool(self.finite)
        short, broken = self.ranks.any_rank(short, infinite, device=self.finite.device)
        self.finite = torch.full_like(self.finite, not broken)
        return short

    @torch.no_grad()
    def restore(self, keep: Tensor) -> None:
        """Put the running tensors back, unless `keep`: bool, 0-dimensional, on the device."""
        for tensors, before in zip(self.running, self.before, strict=True):
            chosen = torch.where(keep, _flat(tensors), before)
            parts = chosen.split([tensor.numel() for tensor in tensors])
            torch._foreach_copy_(
                tensors, [part.view_as(t) for part, t in zip(parts, tensors, strict=True)]
            )


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    """A copy of them, one behind the other."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
