"""A real Label Studio as a supervised child: headless, SQLite, loopback only, no telemetry.

    FOLDER/.env                 port, user and generated secrets, mode 0600
    FOLDER/label-studio/        Label Studio's own data (SQLite, its secret key)
    FOLDER/label-studio.log     everything that it says
    FOLDER/label-studio.lock    flocked while a supervisor serves this folder

Measured on 2 cores: the first start takes 40 to 60 s (migrations), a later one 5 s.
"""

from __future__ import annotations

import fcntl
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from daemon.demo.credentials import (
    Credentials,
    load_credentials,
    make_credentials,
    save_credentials,
)
from daemon.demo.installation import server_environment
from daemon.demo.ports import LOOPBACK, free_port, is_free, listens
from daemon.demo.supervisor import POLL_S, Supervisor, tail
from daemon.domain.errors import DemoFailed

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 10.0


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
        self._wanted_port = port
        self._credentials: Credentials | None = None
        self._supervisor: Supervisor | None = None
        self._lock: IO[str] | None = None

    @property
    def credentials(self) -> Credentials:
        """Of this folder; there are some after the first start."""
        if self._credentials is None:
            self._credentials = load_credentials(self.secrets_file)
        return self._credentials

    @property
    def secrets_file(self) -> Path:
        """Where port, user and secrets are kept."""
        return self.folder / ".env"

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
        return self._supervisor.pid if self._supervisor else None

    @property
    def failure(self) -> str:
        """Why it is not running any more, and does not come back; else empty."""
        return self._supervisor.gave_up if self._supervisor else ""

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start and wait until it is ready. Raises DemoFailed, and leaves nothing running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._settle_credentials()
            self._supervisor = self._supervise()
            self._supervisor.start()
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until our own process answers on our port. Raises DemoFailed with the log's end."""
        deadline = time.monotonic() + timeout_s
        while not self._is_ready():
            if self.failure:
                raise DemoFailed(f"{self.failure}; its end:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"Label Studio did not answer on {self.url}/health within {timeout_s:.0f} s;"
                    f" the end of {self.log_file}:\n{self.log_tail()}"
                )
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it and its process group; does nothing when it is not running."""
        if self._supervisor:
            self._supervisor.stop()
            self._supervisor = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def log_tail(self) -> str:
        """The last lines of the log, without our secrets."""
        text = tail(self.log_file)
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
        path = self.secrets_file
        if not path.exists():
            save_credentials(path, make_credentials(self._wanted_port or free_port()))
        known = load_credentials(path)
        if self._wanted_port and self._wanted_port != known.port:
            known = replace(known, port=self._wanted_port)
            save_credentials(path, known)
        self._credentials = known
        _expect_free(known.port, path)

    def _is_ready(self) -> bool:
        pid = self.pid
        if pid is None or not listens(pid, self.credentials.port):
            return False
        try:
            answer = httpx.get(f"{self.url}/health", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def _supervise(self) -> Supervisor:
        known = self.credentials
        return Supervisor(
            name="Label Studio",
            command=[
                str(self.executable),
                *("start", "--no-browser", "--internal-host", LOOPBACK, "--port", str(known.port)),
                *("--username", known.username, "--enable-legacy-api-token"),
                *("--log-level", "WARNING"),
            ],
            environment=server_environment(known, self.folder, self.document_root, self.lock_ttl_s),
            folder=self.folder,
            log_file=self.log_file,
            stop_s=STOP_TIMEOUT_S,
        )


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
