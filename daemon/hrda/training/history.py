"""Writes the history of a training (daemon/runs/training_history.py), without waiting for the
device but once a point."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from daemon.hrda.learning.loss_report import LossReport
from daemon.runs.run_folder import RunFolder
from daemon.runs.training_history import (
    MOST_POINTS,
    HistoryPoint,
    MeasuredPoint,
    Preview,
    PreviewImage,
    TrainingHistory,
    read_history,
    write_history,
)

EVERY_S = 2.0  # between two writes of the file


class HistoryWriter:
    """The history of one round of a training. A point is the mean of the iterations since the one
    before; they are evenly spaced, so that the same training has the same points.

    iterations: planned. before: iterations of an earlier round, which come first. done: iterations
    of this round that an earlier process did; what the file says of later ones is dropped.
    """

    def __init__(
        self, run: RunFolder, classes: tuple[str, ...], iterations: int, before: int, done: int
    ) -> None:
        self.run, self.before = run, before
        self.stride = max(1, -(-(before + iterations) // MOST_POINTS))
        self.total, last = before + iterations, before + done
        known = read_history(run) if last else None
        if known is None or known.classes != classes:
            known = TrainingHistory(classes=classes, iterations=self.total)
        self.history = known.model_copy(
            update={
                "iterations": self.total,
                "points": tuple(one for one in known.points if one.iteration <= last),
                "measured": tuple(one for one in known.measured if one.iteration <= last),
                "previews": tuple(one for one in known.previews if one.iteration <= last),
            }
        )
        self._sums: dict[tuple[str, ...], tuple[Tensor, Tensor]] = {}
        self._written_s = -1e9

    def add(self, done: int, losses: LossReport, rate: float, seconds: float) -> None:
        """Add an iteration. Reads the device once in `stride` iterations."""
        names, values = losses.on_device()
        finite = torch.isfinite(values)
        total, count = self._sums.get(names, (0.0, 0))
        self._sums[names] = total + torch.where(finite, values, 0.0), count + finite
        iteration = self.before + done
        if iteration % self.stride == 0 or iteration == self.total:
            self._add_point(iteration, rate, seconds)

    def measured(self, done: int, figure: float | None) -> None:
        """Add what was measured on the way."""
        point = MeasuredPoint(iteration=self.before + done, figure=figure)
        self._extend("measured", point)

    def previewed(self, images: tuple[PreviewImage, ...], preview: Preview, seconds: float) -> None:
        """Add a preview, and the seconds that it took."""
        spent = self.history.preview_seconds + seconds
        self.history = self.history.model_copy(update={"images": images, "preview_seconds": spent})
        self._extend("previews", preview)

    def write(self) -> None:
        """Write the file now."""
        write_history(self.run, self.history)
        self._written_s = time.monotonic()

    def _add_point(self, iteration: int, rate: float, seconds: float) -> None:
        point = HistoryPoint(
            iteration=iteration, seconds=seconds, learning_rate=rate, losses=self._means()
        )
        self._sums.clear()
        self.history = self.history.model_copy(update={"points": (*self.history.points, point)})
        if time.monotonic() - self._written_s >= EVERY_S:
            self.write()

    def _means(self) -> dict[str, float]:
        """Name -> mean over the iterations that had a finite one."""
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        for names, (total, count) in self._sums.items():
            for name, value, number in zip(names, total.tolist(), count.tolist(), strict=True):
                sums[name] = sums.get(name, 0.0) + value
                counts[name] = counts.get(name, 0) + number
        return {name: sums[name] / counts[name] for name in sums if counts[name]}

    def _extend(self, field: str, point: MeasuredPoint | Preview) -> None:
        points = (*getattr(self.history, field), point)
        self.history = self.history.model_copy(update={field: points})
        self.write()
