"""progress.json of a run, written about every second."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from daemon.runs.run_folder import Progress, RunFolder

T = TypeVar("T")
EVERY_S = 1.0


class ProgressReporter:
    """Writes the progress of one phase of a run: at most once a second, and always its end.

    steps: of the whole phase. first: how many of them an earlier process has done.
    """

    def __init__(self, folder: RunFolder, phase: str, steps: int, first: int = 0) -> None:
        self.folder, self.phase, self.steps, self.first = folder, phase, steps, first
        self.started_s = time.monotonic()
        self._last_s = -1e9
        self.report(first)

    def track(self, elements: Iterable[T]) -> Iterator[T]:
        """The elements one by one; each is a step, done when the next is requested."""
        for step, element in enumerate(elements, start=self.first + 1):
            yield element
            self.report(step)

    def report(self, step: int, losses: Mapping[str, float] | None = None) -> None:
        """Write that `step` steps are done. losses: by name, of the last step."""
        now_s = time.monotonic()
        if now_s - self._last_s < EVERY_S and step < self.steps:
            return
        self._last_s = now_s
        done = step - self.first
        pace_s = (now_s - self.started_s) / done if done else None
        self.folder.write_progress(
            Progress(
                phase=self.phase,
                step=step,
                steps=self.steps,
                eta_s=None if pace_s is None else pace_s * (self.steps - step),
                seconds_per_step=pace_s,
                losses={name: value for name, value in (losses or {}).items() if value == value},
            )
        )
