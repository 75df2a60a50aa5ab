"""The teacher: an exponential moving average of the student (Tarvainen and Valpola, 2017)."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from daemon.hrda.network.segmentor import Segmentor


class Teacher(nn.Module):
    """The averaged network, always in eval mode and without gradients.

    net: the average, float32. updates: how many there were. norms: "ema" averages the buffers
    too; "batch" normalises with the statistics of the minibatch and keeps running statistics of
    its own, as the original does.
    """

    updates: Tensor

    def __init__(self, student: Segmentor, alpha: float, norms: str = "ema") -> None:
        super().__init__()
        self.alpha, self.norms = alpha, norms
        self.net = copy.deepcopy(student).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def train(self, mode: bool = True) -> Teacher:
        """A teacher never trains."""
        return super().train(False)

    @torch.no_grad()
    def update(self, student: Segmentor) -> None:
        """net <- a net + (1 - a) student with a = min(1 - 1 / (t + 1), alpha), t = 1, 2, ...

        With norms "ema", float buffers (the norms' statistics) follow the same rule, and
        counters are copied.
        """
        self.updates += 1
        alpha = min(1 - 1 / (int(self.updates) + 1), self.alpha)
        source = student.state_dict()
        own = {name for name, _ in self.net.named_buffers()} if self.norms == "batch" else set()
        for name, average in self.net.state_dict().items():
            if name in own:
                continue
            if average.is_floating_point():
                average.lerp_(source[name].to(average.dtype), 1 - alpha)
            else:
                average.copy_(source[name])

    @torch.no_grad()
    def logits(self, image: Tensor, window: int, stride: int) -> Tensor:
        """(B, C, H/4, W/4) logits of unlabeled crops, by detail windows of `window` pixels that lie
        `stride` pixels apart."""
        with self._batch_statistics() if self.norms == "batch" else contextlib.nullcontext():
            return self.net.slide_inference(image, window, stride).fused

    @contextlib.contextmanager
    def _batch_statistics(self) -> Iterator[None]:
        """Norms as in training, and all windows in one pass, so that they share statistics."""
        norms = [m for m in self.net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        chunk, self.net.chunk = self.net.chunk, sys.maxsize
        for norm in norms:
            norm.train()
        try:
            yield
        finally:
            self.net.chunk = chunk
            for norm in norms:
                norm.eval()

    def skip_ramp_up(self) -> None:
        """Use the full alpha from the next update on: for a warm start."""
        self.updates.fill_(math.ceil(1 / max(1 - self.alpha, 1e-6)))
