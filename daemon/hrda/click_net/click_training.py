"""The iterations of a training: crops with clicks, some of them after the network's own errors."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from daemon.clicks.click import Click
from daemon.domain.errors import RunFailed
from daemon.hrda.click_net.click_crops import Crop, disks_in
from daemon.hrda.click_net.click_loss import click_loss
from daemon.hrda.click_net.click_network import ClickNetwork
from daemon.hrda.click_net.click_samples import ClickSamples, Sample
from daemon.hrda.click_net.simulated_clicks import next_click

ENCODER_RATE, RATE = 3e-4, 2e-3  # of AdamW
DECAY = 0.01
WARM_UP = 20  # iterations over which the rates rise
POWER = 0.9  # of the fall of the rates over the training
MOST_ROUNDS = 3  # clicks after the network's own answers
PREVIOUS_DROPOUT = 0.2
MAX_SKIPPED = 20  # losses in a row that are not finite
LAST_SHARE = 0.1  # of the iterations, over which the reported losses are averaged


@dataclass(frozen=True, kw_only=True)
class ClickBudget:
    """When a training ends: the first of both. max_seconds: of processor time."""

    iterations: int
    max_seconds: float | None = None
    clock: Callable[[], float] = time.process_time

    def share(self, done: int, spent_s: float) -> float:
        """How much of the budget is spent; 1 or more: all."""
        by_time = spent_s / self.max_seconds if self.max_seconds else 0.0
        return max(done / self.iterations, by_time)


@dataclass(frozen=True, kw_only=True)
class ClickTraining:
    """What a training did."""

    iterations: int
    cpu_seconds: float
    losses: Mapping[str, float] = field(default_factory=dict)


def train_network(
    net: ClickNetwork,
    samples: ClickSamples,
    device: torch.device,
    *,
    minibatch: int,
    budget: ClickBudget,
    rng: np.random.Generator,
    each: Callable[[int, Mapping[str, float]], None],
) -> ClickTraining:
    """Train in place. each: called after every iteration, with its number and losses; what it
    raises ends the training. Raises RunFailed where the losses stay infinite."""
    net.to(device, memory_format=torch.channels_last)
    optimizer = _optimizer(net)
    started_s, skipped = budget.clock(), 0
    history: list[dict[str, float]] = []
    for done in itertools.count():
        share = budget.share(done, budget.clock() - started_s)
        if share >= 1:
            break
        _set_rates(optimizer, done, share)
        losses = _iteration(net, optimizer, _Clicked.drawn(samples, minibatch, device), rng)
        skipped = 0 if all(np.isfinite(list(losses.values()))) else skipped + 1
        if skipped > MAX_SKIPPED:
            raise RunFailed(f"iteration {done}: {skipped} losses in a row are not finite: {losses}")
        history.append(losses)
        each(done + 1, losses)
    last = history[-max(1, round(LAST_SHARE * len(history))) :]
    return ClickTraining(
        iterations=len(history),
        cpu_seconds=budget.clock() - started_s,
        losses={name: float(np.mean([one[name] for one in last])) for name in last[0]},
    )


class _Clicked:
    """A minibatch of samples, to which clicks are added after the network's answers."""

    def __init__(self, samples: Sequence[Sample], device: torch.device) -> None:
        self._samples, self._device = samples, device
        self._clicks: list[list[Click]] = [list(one.clicks) for one in samples]
        self._px = samples[0].target.shape[0]
        self.picture = self._tensor([one.picture for one in samples]).permute(0, 3, 1, 2).float()
        self.target = self._tensor([one.target for one in samples]).float()
        self.valid = self._tensor([one.valid for one in samples]).float()
        self._prior = np.stack([one.prior for one in samples])
        self.previous = np.zeros_like(self._prior)

    @classmethod
    def drawn(cls, samples: ClickSamples, count: int, device: torch.device) -> _Clicked:
        return cls([samples.draw() for _ in range(count)], device)

    def maps(self) -> Tensor:
        """(B, 4, H, W): what the network sees beside the pictures."""
        crop = Crop(left=0, top=0, side=self._px)
        disks = np.stack([disks_in(crop, clicks, self._px) for clicks in self._clicks])
        parts = (self.previous[:, None], disks, self._prior[:, None])
        return torch.from_numpy(np.concatenate(parts, axis=1)).to(self._device)

    def answer(self, logits: Tensor, rng: np.random.Generator) -> None:
        """Take the answer (B, H, W) as the previous mask, and click on an error of each."""
        self.previous = torch.sigmoid(logits).cpu().numpy()
        for row, one in enumerate(self._samples):
            click = next_click(self.previous[row] >= 0.5, one.target, one.valid, rng)
            if click is not None:
                self._clicks[row].append(click)

    def forget_some(self, rng: np.random.Generator) -> None:
        """Drop the previous mask of some."""
        self.previous[rng.random(len(self.previous)) < PREVIOUS_DROPOUT] = 0

    def _tensor(
        self, arrays: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]
    ) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(self._device)


def _iteration(
    net: ClickNetwork, optimizer: torch.optim.Optimizer, batch: _Clicked, rng: np.random.Generator
) -> dict[str, float]:
    rounds = int(rng.integers(0, MOST_ROUNDS + 1))
    if rounds:
        net.eval()
        with torch.no_grad():
            for _ in range(rounds):
                batch.answer(_logits(net, batch), rng)
        batch.forget_some(rng)
    net.train()
    parts = click_loss(_logits(net, batch), batch.target, batch.valid)
    loss = torch.stack(list(parts.values())).sum()
    optimizer.zero_grad(set_to_none=True)
    if bool(loss.isfinite()):
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
    return {"loss": loss.item(), **{name: value.item() for name, value in parts.items()}}


def _logits(net: ClickNetwork, batch: _Clicked) -> Tensor:
    """(B, H, W) at the resolution of the crop."""
    picture = batch.picture.contiguous(memory_format=torch.channels_last)
    logits = net(picture, batch.maps().contiguous(memory_format=torch.channels_last))
    large = nn.functional.interpolate(
        logits, picture.shape[2:], mode="bilinear", align_corners=False
    )
    return large[:, 0]


def _optimizer(net: ClickNetwork) -> torch.optim.Optimizer:
    encoder = list(net.encoder.parameters())
    rest = [value for name, value in net.named_parameters() if not name.startswith("encoder.")]
    groups = [
        {"params": encoder, "lr": ENCODER_RATE, "base": ENCODER_RATE},
        {"params": rest, "lr": RATE, "base": RATE},
    ]
    return torch.optim.AdamW(groups, weight_decay=DECAY)


def _set_rates(optimizer: torch.optim.Optimizer, done: int, share: float) -> None:
    factor = min(1.0, (done + 1) / WARM_UP) * (1 - share) ** POWER
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * factor
