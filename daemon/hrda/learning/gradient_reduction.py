"""Several processes as one: their gradients are added up, their running tensors averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from daemon.hrda.distributed import Ranks


@torch.no_grad()
def reduce_gradients(
    student: nn.Module, running: Sequence[Tensor], fraction: float, ranks: Ranks
) -> None:
    """Leave the same gradients and running tensors, to the bit, in every process.

    running: statistics of the norms and class shares. fraction: of the labeled crops of the whole
    minibatch, how many this process had; its weight in the average, in (0, 1].
    """
    if ranks.size == 1:
        return
    means = [tensor.double() * fraction for tensor in running]
    learned = [parameter for parameter in student.parameters() if parameter.requires_grad]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
    ranks.all_reduce_sum(gradients)
    ranks.all_reduce_sum(means)
    for parameter, gradient in zip(learned, gradients, strict=True):
        parameter.grad = gradient
    for tensor, mean in zip(running, means, strict=True):
        tensor.copy_(mean if tensor.is_floating_point() else mean.round())
