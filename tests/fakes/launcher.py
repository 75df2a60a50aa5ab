"""A launcher whose children are forked from this process: a run costs milliseconds, not seconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from daemon.domain.errors import RunFailed
from daemon.runs.run_folder import RunFolder
from tests.fakes import learner


class ForkLauncher:
    """Runs the quick learner in forked children; the contract is daemon.launchers.Launcher."""

    def __init__(self) -> None:
        self._children: dict[Path, int] = {}

    def advance(self, run: RunFolder, command: str) -> bool:
        if run.path not in self._children:
            if run.finished():
                return True
            self._children[run.path] = _fork(run, command)
            return False
        done, status = os.waitpid(self._children[run.path], os.WNOHANG)
        if not done:
            return False
        del self._children[run.path]
        if not run.finished():
            code = os.waitstatus_to_exitcode(status)
            said = run.read_error()
            words = said.message if said else "nothing said"
            faults = said.faults if said else ()
            raise RunFailed(f"{run.path.name}: {command} exited with {code}: {words}", faults)
        return True

    def release(self, run: RunFolder) -> bool:
        child = self._children.pop(run.path, None)
        if child is not None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return True

    def stop(self) -> None:
        for pid in self._children.values():
            os.waitpid(pid, 0)
        self._children.clear()


def _fork(run: RunFolder, command: str) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with run.locked():
                learner.COMMANDS[command](run)
            code = 0
        finally:
            os._exit(code)
    return pid
