"""A launcher that says which run is under way, and lets a loop go no further than one run."""

from __future__ import annotations

from daemon.domain.errors import RunFailed
from daemon.launchers import Launcher
from daemon.runs.run_folder import RunFolder


class WatchedLauncher:
    """Passes everything on to another launcher (daemon.launchers.Launcher).

    until: start of the name of a run. When that run has finished the loop is held: it sees the run
    as unfinished, so its store stays at this stage and can be copied. "": never.
    current: the run that was advanced last. reached: whether the loop is held. failed: the run
    that failed last.
    """

    def __init__(self, launcher: Launcher, until: str = "") -> None:
        self._launcher, self._until = launcher, until
        self.current: RunFolder | None = None
        self.failed: RunFolder | None = None
        self.failure: RunFailed | None = None
        self.reached = False

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished, unless the loop is held there.

        Raises RunFailed as the other launcher does.
        """
        self.current = run
        try:
            finished = self._launcher.advance(run, command)
        except RunFailed as exc:
            self.failed, self.failure = run, exc
            raise
        if finished and self._until and run.path.name.startswith(self._until):
            self.reached = True
            return False
        return finished

    def release(self, run: RunFolder) -> bool:
        """Ask the process of the folder to save and exit; True once there is none."""
        return self._launcher.release(run)

    def stop(self) -> None:
        """End every process that was started, and wait until they have ended."""
        self._launcher.stop()

    def lacks(self) -> str:
        """What the machine lacked when a run failed: "memory" or "disk"; "" for other failures."""
        error = self.failed.read_error() if self.failed else None
        return error.kind if error and error.kind in ("memory", "disk") else ""
