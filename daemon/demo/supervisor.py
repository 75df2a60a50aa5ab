"""Keep a child process running: restarted when it ends, killed when this process ends."""

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
MAX_QUICK_EXITS = 5  # in a row, before the supervisor gives up
QUICK_S = 20.0  # an exit so soon after the start counts as quick


class Supervisor:
    """Runs a command and restarts it. Its output goes to `log_file`.

    name: for messages. environment: the whole environment of the child. stop_s: seconds between
    SIGTERM and SIGKILL to its process group. starts: how often it was started. gave_up: why it is
    not restarted any more, else empty.
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
        """Process id of the child; None between two starts."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def start(self) -> None:
        """Start the child; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the child and its process group, and wait for that."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep_running(self) -> None:
        quick_exits = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_child()
            if self._stopping.is_set():
                return
            if code == -signal.SIGKILL:  # by a person or for want of memory: no fault of the child
                quick_exits = 0
            else:
                quick = time.monotonic() - started < QUICK_S
                quick_exits = quick_exits + 1 if quick else 1
            if quick_exits >= MAX_QUICK_EXITS:
                self.gave_up = (
                    f"{self.name} ended {quick_exits} times, each within {QUICK_S:.0f} s of its"
                    f" start, last with {code}; see {self.log_file}"
                )
                log.error(self.gave_up)
                return
            log.warning("%s ended with %s; it is restarted", self.name, code)
            self._stopping.wait(0.5 * quick_exits)

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
                log.warning("%s does not end; it is killed", self.name)
                continue
            return


def tail(log_file: Path, lines: int = 25) -> str:
    """The last lines of a log."""
    if not log_file.exists():
        return "(there is no log)"
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-lines:])
