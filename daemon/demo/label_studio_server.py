"""A real Label Studio as a supervised child: headless, SQLite, loopback only, no telemetry.

    FOLDER/.env                 port, user and generated secrets, mode 0600
    FOLDER/label-studio/        Label Studio's own data (SQLite, its secret key)
    FOLDER/label-studio.log     its output
    FOLDER/label-studio.lock    locked (flock) while a server runs for this folder

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
    """Starts, supervises and stops Label Studio; a later start in the folder continues.

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
        """The credentials of this folder. Raises FileNotFoundError before the first start."""
        if self._credentials is None:
            self._credentials = load_credentials(self.secrets_file)
        return self._credentials

    @property
    def secrets_file(self) -> Path:
        """The file that holds port, user and secrets."""
        return self.folder / ".env"

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.credentials.port}"

    @property
    def log_file(self) -> Path:
        """Its output over all starts in this folder."""
        return self.folder / "label-studio.log"

    @property
    def pid(self) -> int | None:
        """Process id of the server; None between two starts."""
        return self._supervisor.pid if self._supervisor else None

    @property
    def failure(self) -> str:
        """Why it does not run and is not restarted; else empty."""
        return self._supervisor.gave_up if self._supervisor else ""

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start and wait until it is ready. Raises DemoFailed if it is not; nothing runs then."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._load_credentials()
            self._supervisor = self._supervise()
            self._supervisor.start()
            self.wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until our own process answers on our port.

        Raises DemoFailed with the end of the log after `timeout_s` or when the supervisor gave up.
        """
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
        """End it and its process group; does nothing if it does not run."""
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

    def _load_credentials(self) -> None:
        path = self.secrets_file
        if not path.exists():
            save_credentials(path, make_credentials(self._wanted_port or free_port()))
        credentials = load_credentials(path)
        if self._wanted_port and self._wanted_port != credentials.port:
            credentials = replace(credentials, port=self._wanted_port)
            save_credentials(path, credentials)
        self._credentials = credentials
        _wait_until_free(credentials.port, path)

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
        credentials = self.credentials
        return Supervisor(
            name="Label Studio",
            command=[
                str(self.executable),
                *(
                    "start",
                    "--no-browser",
                    "--internal-host",
                    LOOPBACK,
                    "--port",
                    str(credentials.port),
                ),
                *("--username", credentials.username, "--enable-legacy-api-token"),
                *("--log-level", "WARNING"),
            ],
            environment=server_environment(
                credentials, self.folder, self.document_root, self.lock_ttl_s
            ),
            folder=self.folder,
            log_file=self.log_file,
            stop_s=STOP_TIMEOUT_S,
        )


def _wait_until_free(port: int, path: Path) -> None:
    """Wait for the port: a server that is ending may hold it a moment longer.

    Raises DemoFailed after STOP_TIMEOUT_S.
    """
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while not is_free(port):
        if time.monotonic() > deadline:
            raise DemoFailed(
                f"port {port} is taken by another program; stop that one, or choose another"
                f" port with --port (it is kept in {path})"
            )
        time.sleep(POLL_S)
