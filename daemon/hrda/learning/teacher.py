"""The teacher: an exponential moving average of the student (Tarvainen and Valpola, 2017)."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from daemon.hrda.network.segmentor import Segmentor, SlideResult


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
        device = student.mean.device
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64, device=device))

    def train(self, mode: bool = True) -> Teacher:
        """A teacher never trains."""
        return super().train(False)

    @torch.no_grad()
    def update(self, student: Segmentor, finite: Tensor | None = None) -> None:
        """net <- a net + (1 - a) student with a = min(1 - 1 / (t + 1), alpha), t = 1, 2, ...

        With norms "ema", float buffers (the norms' statistics) follow the same rule, and
        counters are copied. finite: bool, 0-dimensional, on the device: False changes nothing
        (the student did not change either); None means True.
        """
        finite = torch.ones_like(self.updates, dtype=torch.bool) if finite is None else finite
        self.updates += finite.long()
        alpha = (1 - 1 / (self.updates.double() + 1)).clamp(max=self.alpha)
        weight = ((1 - alpha) * finite).float()
        source = student.state_dict()
        own = {name for name, _ in self.net.named_buffers()} if self.norms == "batch" else set()
        averages = {n: t for n, t in self.net.state_dict().items() if n not in own}
        floats = [name for name, tensor in averages.items() if tensor.is_floating_point()]
        counters = [name for name in averages if name not in set(floats)]
        lerp_each([averages[name] for name in floats], [source[name] for name in floats], weight)
        if counters:
            torch._foreach_copy_([averages[n] for n in counters], [source[n] for n in counters])

    @torch.no_grad()
    def logits(self, image: Tensor, window: int, stride: int) -> Tensor:
        """(B, C, H/4, W/4) logits of unlabeled crops, by detail windows of `window` pixels that lie
        `stride` pixels apart."""
        return self.predict(image, window, stride).fused

    @torch.no_grad()
    def predict(self, image: Tensor, window: int, stride: int) -> SlideResult:
        """The same with all else that inference gives."""
        with self._batch_statistics() if self.norms == "batch" else contextlib.nullcontext():
            return self.net.slide_inference(image, window, stride)

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

    @torch.no_grad()
    def restart(self, student: Segmentor) -> None:
        """Average anew from this student on, with the ramp of alpha; norms of its own stay."""
        self.updates.zero_()
        own = {name for name, _ in self.net.named_buffers()} if self.norms == "batch" else set()
        averages = {n: t for n, t in self.net.state_dict().items() if n not in own}
        source = student.state_dict()
        for name, tensor in averages.items():
            tensor.copy_(source[name])

    def skip_ramp_up(self) -> None:
        """Use the full alpha from the next update on: for a warm start."""
        self.updates.fill_(math.ceil(1 / max(1 - self.alpha, 1e-6)))


def lerp_each(averages: list[Tensor], sources: list[Tensor], weight: Tensor) -> None:
    """average <- average + weight (source - average), for float32 tensors of one device.

    weight: 0-dimensional. On a GPU in a few kernels for all of them, in the memory of a copy.
    """
    if weight.device.type == "cpu":
        for average, source in zip(averages, sources, strict=True):
            average.lerp_(source, weight)
        return
    difference = torch._foreach_sub(sources, averages)
    torch._foreach_mul_(difference, weight)
    torch._foreach_add_(averages, difference)
