"""Launchers start, watch and end runs. The contract is explained in README.md."""

from __future__ import annotations

from typing import Protocol

from daemon.runs.run_folder import RunFolder


class Launcher(Protocol):
    """Runs `python -m daemon.hrda COMMAND RUN_FOLDER` somewhere."""

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished. Never waits.

        Raises RunFailed once for each process that ended without a result.
        """

    def release(self, run: RunFolder) -> bool:
        """Ask the process of the folder to save and exit; True once there is none. Never waits."""

    def stop(self) -> None:
        """End every process that was started, and wait until they have ended."""
