"""What a training does while it runs: its losses as a curve, its CPU seconds. Kept on disk, so that
both go on after a restart of the command."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from daemon.experiment.recipes.experiment_records import LossPoint
from daemon.experiment.recipes.recipe_job import read_record
from daemon.runs.durable import write_json
from daemon.runs.records import Record
from daemon.runs.run_folder import RunFolder

MOST_POINTS = 600  # of a curve: then every second one is left out
SAVE_S = 10.0  # between two saved states
_TICKS = os.sysconf("SC_CLK_TCK")


class Watched(Record):
    """watch.json. points: of the losses, by iteration. cpu_seconds: of all processes so far."""

    points: tuple[LossPoint, ...] = ()
    cpu_seconds: float = Field(default=0.0, ge=0)


class RunWatch:
    """Looks at a run every moment. file: where it is kept.

    CPU time is read from the kernel at each look, so what a process spends after the last look is
    not counted.
    """

    def __init__(self, file: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file, self._monotonic = file, monotonic
        found = read_record(file, Watched) or Watched()
        self._points = {point.iteration: point for point in found.points}
        self._ended_s = found.cpu_seconds  # of earlier processes
        self._process, self._process_s = 0, 0.0
        self._saved_s = monotonic()

    def look(self, run: RunFolder) -> None:
        """Note the losses of the last iteration and the CPU time."""
        now = run.read_progress()
        if now is not None and now.losses and now.step not in self._points:
            losses = {name: value for name, value in now.losses.items() if abs(value) < 1e9}
            self._points[now.step] = LossPoint(iteration=now.step, losses=losses)
        holder = run.holder()
        if holder and (spent := process_cpu_s(holder)) is not None:
            if holder != self._process:
                self._ended_s += self._process_s
                self._process = holder
            self._process_s = spent
        if self._monotonic() - self._saved_s > SAVE_S:
            self.save()

    def save(self) -> Watched:
        """Replace the file; returns its content."""
        self._saved_s = self._monotonic()
        points = [self._points[step] for step in sorted(self._points)]
        while len(points) > MOST_POINTS:
            points = points[::2]
        found = Watched(points=tuple(points), cpu_seconds=self._ended_s + self._process_s)
        if found.points or found.cpu_seconds:
            write_json(self._file, found.model_dump(mode="json"))
        return found


def process_cpu_s(process: int) -> float | None:
    """User and system seconds of a process and of its children that have ended; None where it has
    gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS
