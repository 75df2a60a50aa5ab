"""When a training has reached its plateau: its figure has not improved for so many iterations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from daemon.hrda.learning.loss_report import LossReport


@dataclass(kw_only=True)
class Plateau:
    """patience: iterations without an improvement; 0: for ever.

    best: the highest figure so far, found after iteration `best_at`. loss_sum, loss_count: of the
    labeled losses since the last measurement, on the device; a training without another figure
    takes their mean.
    """

    patience: int
    best: float | None = None
    best_at: int = 0
    loss_sum: Tensor | float = 0.0
    loss_count: Tensor | int = 0

    def add_loss(self, losses: LossReport) -> None:
        """Add the losses of an iteration on labeled crops, unless they are not finite: then it was
        skipped. Nobody waits for the device."""
        loss = losses.total("labeled_").double()
        finite = torch.isfinite(loss)
        self.loss_sum = self.loss_sum + torch.where(finite, loss, 0.0)
        self.loss_count = self.loss_count + finite

    def measure(self, figure: float | None, iteration: int) -> None:
        """Note the figure after an iteration, the higher the better; None: minus the mean loss."""
        if figure is None:
            count = int(self.loss_count)
            figure = -float(self.loss_sum) / count if count else -math.inf
        self.loss_sum, self.loss_count = 0.0, 0
        if self.best is None or figure > self.best:
            self.best, self.best_at = figure, iteration

    def is_reached(self, iteration: int) -> bool:
        """Whether the last improvement is `patience` iterations ago; to ask after a measurement."""
        measured = self.best is not None and self.patience > 0
        return measured and iteration - self.best_at >= self.patience
