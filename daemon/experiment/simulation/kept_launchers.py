"""Launchers that stay for the next job, since their processes are slow to start; and one that
leaves to another what the probe does not do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from daemon.launchers import Launcher
from daemon.runs.run_folder import RunFolder

OF_PROBE = ("embed", "train", "predict", "near-duplicates")


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


class ProbeOrOther:
    """Runs what the probe can do by its launcher; all else, as a choice from a large pool, is done
    by another. The contract is daemon.launchers.Launcher."""

    def __init__(self, probe: Launcher, other: Launcher) -> None:
        self._probe, self._other = probe, other

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished. Raises RunFailed."""
        launcher = self._probe if command in OF_PROBE else self._other
        return launcher.advance(run, command)

    def release(self, run: RunFolder) -> bool:
        """Ask the process of the folder to save and exit; True once there is none."""
        return all([self._probe.release(run), self._other.release(run)])

    def stop(self) -> None:
        """End every process of both."""
        self._probe.stop()
        self._other.stop()


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
