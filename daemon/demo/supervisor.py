"""Keep one child process running: started again when it dies, gone when we are gone."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.runs import parent_death

log = logging.getLogger(__name__)

POLL_S = 0.25
QUICK_DEATHS = 5  # in a row, before the supervisor gives up
QUICK_S = 20.0


class Supervisor:
    """A command and the thread that watches it. What it says goes to `log_file`.

    name: for messages. environment: all that the child gets. stop_s: how long it may take to
    leave when asked to, before it is killed with its process group.
    starts: how often it was started. gave_up: why it is not started again, else empty.
    """

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log_file: Path,
        stop_s: float,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self.starts = 0
        self.gave_up = ""
        self._command = command
        self._environment = environment
        self._folder = folder
        self._stop_s = stop_s
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        # the kernel's parent-death signal follows this thread, which lives as long as we do
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now, None between two."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def start(self) -> None:
        """Start the child; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the child and its process group; returns when it is gone."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep_running(self) -> None:
        quick_deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_child()
            if self._stopping.is_set():
                return
            if code == -signal.SIGKILL:  # somebody's hand or the kernel's, no fault of the child
                quick_deaths = 0
            else:
                quick = time.monotonic() - started < QUICK_S
                quick_deaths = quick_deaths + 1 if quick else 1
            if quick_deaths >= QUICK_DEATHS:
                self.gave_up = (
                    f"{self.name} ended {quick_deaths} times, each within {QUICK_S:.0f} s of its"
                    f" start, last with {code}; see {self.log_file}"
                )
                log.error(self.gave_up)
                return
            log.warning("%s ended with %s; it is started again", self.name, code)
            self._stopping.wait(0.5 * quick_deaths)

    def _run_child(self) -> int:
        wrapper = [sys.executable, "-I", "-S", str(Path(parent_death.__file__)), str(os.getpid())]
        with self.log_file.open("ab") as output:
            child = subprocess.Popen(
                [*wrapper, *self._command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                start_new_session=True,
            )
        self._child = child
        self.starts += 1
        while child.poll() is None:
            if self._stopping.wait(POLL_S):
                self._end(child)
        return child.wait()

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, kind)
                child.wait(self._stop_s)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                log.warning("%s does not leave; it is killed", self.name)
                continue
            return


def tail(log_file: Path, lines: int = 25) -> str:
    """The last lines of a log."""
    if not log_file.exists():
        return "(it said nothing)"
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-lines:])
