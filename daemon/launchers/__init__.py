"""Launchers start, watch and end runs. The contract is explained in README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from daemon.runs.run_folder import RunFolder

# What `python -m` runs for a command; the training process does all others.
MODULES: Mapping[str, str] = {"select": "daemon.selection", "map": "daemon.embedding_map"}


def module_of(command: str, learner: str = "daemon.hrda") -> str:
    """What `python -m` runs for a command. learner: for those that need one."""
    return MODULES.get(command, learner)


class Launcher(Protocol):
    """Runs `python -m MODULE COMMAND RUN_FOLDER` somewhere; `module_of` names the module."""

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished. Never waits.

        Raises RunFailed once for each process that ended without a result.
        """

    def release(self, run: RunFolder) -> bool:
        """Ask the process of the folder to save and exit; True once there is none. Never waits."""

    def stop(self) -> None:
        """End every process that was started, and wait until they have ended."""
