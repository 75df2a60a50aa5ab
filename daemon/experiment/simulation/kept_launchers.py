"""Launchers that stay for the next job, since their processes are slow to start."""

from __future__ import annotations

import threading
from collections.abc import Callable

from daemon.launchers import Launcher
from daemon.runs.run_folder import RunFolder


class KeptLaunchers:
    """Makes launchers when none is free. Thread-safe; each launcher serves one job at a time."""

    def __init__(self, make: Callable[[], Launcher]) -> None:
        self._make = make
        self._changing = threading.Lock()
        self._all: list[Launcher] = []
        self._free: list[Launcher] = []

    def take(self) -> Launcher:
        """A launcher that a job has for itself until it stops it; its processes stay."""
        with self._changing:
            if not self._free:
                self._free.append(self._make())
                self._all.append(self._free[-1])
            return _Taken(self._free.pop(), self._give_back)

    def stop(self) -> None:
        """End every process of every launcher, and wait until they have ended."""
        for launcher in self._all:
            launcher.stop()

    def _give_back(self, launcher: Launcher) -> None:
        with self._changing:
            self._free.append(launcher)


class _Taken:
    def __init__(self, launcher: Launcher, give_back: Callable[[Launcher], None]) -> None:
        self._launcher, self._give_back = launcher, give_back
        self._is_mine = True

    def advance(self, run: RunFolder, command: str) -> bool:
        return self._launcher.advance(run, command)

    def release(self, run: RunFolder) -> bool:
        return self._launcher.release(run)

    def stop(self) -> None:
        if self._is_mine:
            self._is_mine = False
            self._give_back(self._launcher)
