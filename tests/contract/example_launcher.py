"""The launcher of daemon/launchers/README.md: runs go through a command line, as a scheduler takes.

`template` is the submit command, with {command} and {folder}. A scheduler on another machine would
copy the run folder there and back; here both see the same disk.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

from daemon.domain.errors import RunFailed
from daemon.launchers.local import child_environment
from daemon.runs.run_folder import RunFolder


class ShellLauncher:
    """Runs through `sh -c`. The contract is daemon.launchers.Launcher."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def advance(self, run: RunFolder, command: str) -> bool:
        child = self._children.get(run.path)
        if child is None:
            if run.finished():
                return True
            if run.holder() is None:  # else a run of an earlier daemon still works
                self._children[run.path] = self._start(run, command)
            return False
        if child.poll() is None:
            return False
        self._let_go(run.path)
        if not run.finished():
            failure = run.read_error()
            words = failure.message if failure else run.log.read_text(errors="replace")[-300:]
            raise RunFailed(
                f"{run.path.name}: {command} exited with {child.returncode}: {words}",
                failure.faults if failure else (),
            )
        return True

    def release(self, run: RunFolder) -> bool:
        child = self._children.get(run.path)
        if child is not None and child.poll() is None:
            child.terminate()
            return False
        self._let_go(run.path)
        return run.holder() is None

    def stop(self) -> None:
        for path, child in list(self._children.items()):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            self._let_go(path)

    def _start(self, run: RunFolder, command: str) -> subprocess.Popen[bytes]:
        run.error_file.unlink(missing_ok=True)
        words = self._template.format(command=command, folder=shlex.quote(str(run.path)))
        with run.log.open("ab") as log:
            return subprocess.Popen(
                ["sh", "-c", f"exec {words}"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=child_environment(os.environ),
                start_new_session=True,
            )

    def _let_go(self, path: Path) -> None:
        child = self._children.pop(path, None)
        if child is not None and child.stdin:
            child.stdin.close()
