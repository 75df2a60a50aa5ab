"""Signs of life: progress.json about every second."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from daemon.runs.folder import Progress, RunFolder

T = TypeVar("T")
EVERY_S = 1.0


class Signs:
    """Writes how far a phase is, at most once a second, and its end always."""

    def __init__(self, folder: RunFolder, phase: str, steps: int, begun: int = 0) -> None:
        self.folder, self.phase, self.steps, self.begun = folder, phase, steps, begun
        self.started_s = time.monotonic()
        self._last_s = -1e9
        self.show(begun)

    def over(self, things: Iterable[T]) -> Iterator[T]:
        """The things one by one, each a step that is done when the next is asked for."""
        for step, thing in enumerate(things, start=self.begun + 1):
            yield thing
            self.show(step)

    def show(self, step: int, losses: Mapping[str, float] | None = None) -> None:
        """`step` steps are done."""
        now_s = time.monotonic()
        if now_s - self._last_s < EVERY_S and step < self.steps:
            return
        self._last_s = now_s
        done = step - self.begun
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


def counted(folder: RunFolder, phase: str, things: Sequence[T]) -> Iterator[T]:
    """The things one by one, with a sign of life for each that is done."""
    return Signs(folder, phase, len(things)).over(things)
