"""Runs as child processes of the daemon, on this machine.

A child ends with its daemon: it watches its standard input, a pipe that the daemon holds, and asks
the kernel for a signal at its parent's death. Its environment holds no secret.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.config.redaction import SECRET_NAME
from daemon.domain.errors import RunFailed
from daemon.launchers import module_of
from daemon.runs.parent_death import PARENT_STDIN
from daemon.runs.run_folder import RunFolder

_STOP_S = 20.0  # between SIGTERM, at which a child saves and exits, and SIGKILL
_ORPHAN_S = 30.0  # for a child of a dead daemon to notice, before SIGKILL


class LocalLauncher:
    """Starts one process for each run folder, or several for a training.

    module: what `python -m` runs for commands that need a learner. processes: how many train
    together, on a GPU each; torchrun starts and ends them. monotonic: a clock in seconds, for how
    long an orphan is waited for.
    """

    def __init__(
        self,
        module: str = "daemon.hrda",
        monotonic: Callable[[], float] = time.monotonic,
        processes: int = 1,
    ) -> None:
        self._module = module
        self._monotonic = monotonic
        self._processes = processes
        self._children: dict[Path, subprocess.Popen[bytes]] = {}
        self._orphans: dict[Path, float] = {}  # run folder -> first noticed at, s

    def advance(self, run: RunFolder, command: str) -> bool:
        """Start the run unless it runs; True once it has finished. Never waits.

        Raises RunFailed when a process ended without a result.
        """
        child = self._children.get(run.path)
        if child is None:
            if run.finished():
                return True
            if not self._waits_for_orphan(run):
                self._children[run.path] = self._start(run, command)
            return False
        code = child.poll()
        if code is None:
            return False
        self._remove_child(run.path)
        if not run.finished():
            raise failure_of(run, command, code)
        return True

    def release(self, run: RunFolder) -> bool:
        """Ask the process of the folder to save and exit; True once there is none. Never waits."""
        child = self._children.get(run.path)
        if child is not None:
            if child.poll() is None:
                child.terminate()
                return False
            self._remove_child(run.path)
        return not self._waits_for_orphan(run)

    def stop(self) -> None:
        """Ask every child to save and exit; kill those that have not after _STOP_S."""
        for child in self._children.values():
            child.terminate()
        for path in list(self._children):
            try:
                self._children[path].wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._children[path].kill()
                self._children[path].wait()
            self._remove_child(path)

    def _start(self, run: RunFolder, command: str) -> subprocess.Popen[bytes]:
        run.error_file.unlink(missing_ok=True)
        with run.log.open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    *self._python_arguments(command),
                    command,
                    str(run.path.absolute()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=child_environment(os.environ),
                start_new_session=True,
            )

    def _python_arguments(self, command: str) -> Sequence[str]:
        program = ("-m", module_of(command, self._module))
        if command != "train" or self._processes == 1:
            return program
        processes = ("--standalone", "--nproc-per-node", str(self._processes))
        return ("-m", "torch.distributed.run", *processes, *program)

    def _remove_child(self, path: Path) -> None:
        child = self._children.pop(path)
        if child.stdin:
            child.stdin.close()

    def _waits_for_orphan(self, run: RunFolder) -> bool:
        """Whether a process of an earlier daemon holds the folder; after _ORPHAN_S it is killed."""
        holder = run.holder()
        if holder is None:
            self._orphans.pop(run.path, None)
            return False
        since = self._orphans.setdefault(run.path, self._monotonic())
        if self._monotonic() - since > _ORPHAN_S and holder:
            with suppress(ProcessLookupError):
                os.kill(holder, signal.SIGKILL)
        return True


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The daemon's environment without variables whose name looks like that of a secret."""
    kept = {name: value for name, value in environment.items() if not SECRET_NAME.search(name)}
    return kept | {PARENT_STDIN: "1", "PYTHONUNBUFFERED": "1"}


def failure_of(run: RunFolder, command: str, code: int) -> RunFailed:
    """What a process said that ended without a result. code: of its exit, or minus a signal."""
    how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
    error = run.read_error()
    reason = error.message if error else _last_line(run.log)
    return RunFailed(
        f"{run.path.name}: {command} {how}: {reason} (its whole output is in {run.log})",
        error.faults if error else (),
    )


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "its log cannot be read"
    return lines[-1] if lines else "its log is empty"
