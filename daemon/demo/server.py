"""A real Label Studio as a supervised child: headless, SQLite, loopback only, no telemetry.

    FOLDER/.env                 port, user and generated secrets, mode 0600
    FOLDER/label-studio/        Label Studio's own data (SQLite, its secret key)
    FOLDER/label-studio.log     everything that it says
    FOLDER/label-studio.lock    flocked while a supervisor serves this folder

Measured on 2 cores: the first start takes about 60 s (migrations), a later one 6 s.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from daemon.demo import tether
from daemon.demo.credentials import (
    Credentials,
    load_credentials,
    make_credentials,
    save_credentials,
)
from daemon.demo.installation import server_environment
from daemon.demo.ports import LOOPBACK, free_port, is_free, listens
from daemon.errors import DemoFailed

log = logging.getLogger(__name__)

START_TIMEOUT_S = 300.0
POLL_S = 0.25
STOP_TIMEOUT_S = 10.0
QUICK_DEATHS = 5  # in a row, before the supervisor gives up
QUICK_S = 20.0
LOG_TAIL_LINES = 25


class LabelStudioServer:
    """Start it, keep it alive, stop it; a second start in the folder continues.

    document_root: Label Studio may serve files below it, as /data/local-files/?d=PATH.
    port: 0 keeps the folder's port, or takes a free one in a fresh folder.
    lock_ttl_s: how long a task stays reserved for the annotator who fetched it.
    """

    def __init__(
        self,
        *,
        folder: Path,
        document_root: Path,
        executable: Path,
        port: int = 0,
        lock_ttl_s: int = 3600,
    ) -> None:
        self.folder = folder.resolve()
        self.document_root = document_root.resolve()
        self.executable = executable
        self.lock_ttl_s = lock_ttl_s
        self.starts = 0
        self._wanted_port = port
        self._credentials: Credentials | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None
        self._gave_up = ""
        self._lock: IO[str] | None = None

    @property
    def credentials(self) -> Credentials:
        """Of this folder; there are some after the first start."""
        if self._credentials is None:
            self._credentials = load_credentials(self.folder / ".env")
        return self._credentials

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.credentials.port}"

    @property
    def log_file(self) -> Path:
        """What it said, all starts of this folder."""
        return self.folder / "label-studio.log"

    @property
    def pid(self) -> int | None:
        """Of the process that runs now, None between two."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start and wait until it is ready. Raises DemoFailed, and leaves nothing running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._settle_credentials()
            self._stopping.clear()
            self._supervisor = threading.Thread(target=self._supervise, daemon=True)
            self._supervisor.start()
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until our own process answers on our port. Raises DemoFailed with the log's end."""
        deadline = time.monotonic() + timeout_s
        port = self.credentials.port
        while not self._is_ready(port):
            if self._gave_up:
                raise DemoFailed(f"{self._gave_up}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"Label Studio did not answer on {self.url}/health within {timeout_s:.0f} s;"
                    f" the end of {self.log_file}:\n{self.log_tail()}"
                )
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it and its process group; does nothing when it is not running."""
        self._stopping.set()
        if self._supervisor:
            self._supervisor.join()
            self._supervisor = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def log_tail(self) -> str:
        """The last lines of the log, without our secrets."""
        if not self.log_file.exists():
            return "(it said nothing)"
        lines = self.log_file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        text = "\n".join(lines)
        for secret in (self.credentials.password, self.credentials.token):
            text = text.replace(secret, "***")
        return text

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        self._lock = (self.folder / "label-studio.lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self._lock.close()
            self._lock = None
            raise DemoFailed(
                f"{self.folder}: another process runs a Label Studio there; stop it first,"
                " or use another folder"
            ) from exc

    def _settle_credentials(self) -> None:
        path = self.folder / ".env"
        if path.exists():
            known = load_credentials(path)
            if self._wanted_port and self._wanted_port != known.port:
                known = replace(known, port=self._wanted_port)
                save_credentials(path, known)
        else:
            known = make_credentials(self._wanted_port or free_port())
            save_credentials(path, known)
        self._credentials = known
        _expect_free(known.port, path)

    def _is_ready(self, port: int) -> bool:
        pid = self.pid
        if pid is None or not listens(pid, port):
            return False
        try:
            answer = httpx.get(f"{self.url}/health", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def _supervise(self) -> None:
        """Keep a child running until told to stop. Runs in a thread of its own."""
        quick_deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_child()
            if self._stopping.is_set():
                return
            quick_deaths = quick_deaths + 1 if time.monotonic() - started < QUICK_S else 1
            log.warning("Label Studio ended with %s; it is started again", code)
            if quick_deaths >= QUICK_DEATHS:
                self._gave_up = (
                    f"Label Studio ended {quick_deaths} times within {QUICK_S:.0f} s of its start,"
                    f" last with {code}; the end of {self.log_file}:"
                )
                log.error(self._gave_up)
                return
            self._stopping.wait(0.5 * quick_deaths)

    def _run_child(self) -> int:
        with self.log_file.open("ab") as output:
            child = subprocess.Popen(
                self._command(),
                env=server_environment(
                    self.credentials, self.folder, self.document_root, self.lock_ttl_s
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        self._child = child
        self.starts += 1
        while child.poll() is None:
            if self._stopping.wait(POLL_S):
                _end_group(child)
        return child.wait()

    def _command(self) -> list[str]:
        parent = [sys.executable, "-I", "-S", str(Path(tether.__file__)), str(os.getpid())]
        known = self.credentials
        return [
            *parent,
            str(self.executable),
            *("start", "--no-browser", "--internal-host", LOOPBACK, "--port", str(known.port)),
            *("--username", known.username, "--enable-legacy-api-token", "--log-level", "INFO"),
        ]


def _expect_free(port: int, path: Path) -> None:
    """A server that is being ended may hold its port for a moment longer."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while not is_free(port):
        if time.monotonic() > deadline:
            raise DemoFailed(
                f"port {port} is taken by another program; stop that one, or choose another"
                f" port with --port (it is kept in {path})"
            )
        time.sleep(POLL_S)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, kind)
            child.wait(STOP_TIMEOUT_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
