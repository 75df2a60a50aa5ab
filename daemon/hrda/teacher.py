"""The teacher: an exponential moving average of the student. Tarvainen and Valpola, 2017."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from daemon.hrda.model import HRDASegmentor


class Teacher(nn.Module):
    """The averaged network, always in eval mode and without gradients.

    net: the average, float32, buffers too. updates: how many there were.
    """

    updates: Tensor

    def __init__(self, student: HRDASegmentor, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.net = copy.deepcopy(student).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def train(self, mode: bool = True) -> Teacher:
        """A teacher never trains."""
        return super().train(False)

    @torch.no_grad()
    def update(self, student: HRDASegmentor) -> None:
        """net <- a net + (1 - a) student with a = min(1 - 1 / (t + 1), alpha), t = 1, 2, ...

        Float buffers (the norms' statistics) follow the same rule; counters are copied.
        """
        self.updates += 1
        alpha = min(1 - 1 / (int(self.updates) + 1), self.alpha)
        source = student.state_dict()
        for name, mine in self.net.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(source[name].to(mine.dtype), 1 - alpha)
            else:
                mine.copy_(source[name])

    def settle(self) -> None:
        """Count as many updates as it takes to trust the average: for a warm start."""
        self.updates.fill_(math.ceil(1 / max(1 - self.alpha, 1e-6)))
