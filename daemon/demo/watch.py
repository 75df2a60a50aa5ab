"""Watching a demo: prints news, and ends it when a part gives up or nothing moves."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence

from daemon.config.loading import Config
from daemon.demo.annotators import Annotator
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.report import activity, finished, news
from daemon.demo.supervisor import Supervisor, tail
from daemon.domain.errors import DemoFailed, MaskloopError
from daemon.status.model import Status
from daemon.status.snapshot import read_status

POLL_S = 1.0
STALL_S = 900.0  # without any change


class Watch:
    """Reads the store as `maskloop status` does; never writes."""

    def __init__(
        self,
        config: Config,
        server: LabelStudioServer,
        daemon: Supervisor,
        people: Sequence[Annotator],
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._server = server
        self._daemon = daemon
        self._people = people
        self._say = say
        self._started = time.monotonic()

    def until_trained(self, cycles: int) -> Status:
        """Print news until `cycles` cycles are trained. Raises DemoFailed where nothing moves."""
        before: Status | None = None
        moved_at = time.monotonic()
        while True:
            self.expect_all_alive()
            status = self._read()
            if status is not None:
                for line in news(before, status):
                    self._say(f"[{self._clock()}] {line}")
                if finished(status, cycles):
                    return status
                if before is None or activity(before) != activity(status):
                    moved_at = time.monotonic()
                before = status
            if time.monotonic() - moved_at > STALL_S:
                raise DemoFailed(self._stalled(before))
            time.sleep(POLL_S)

    def expect_all_alive(self) -> None:
        """Raise DemoFailed where a part has given up."""
        failures = [
            self._server.failure,
            self._daemon.gave_up,
            *(person.failure for person in self._people),
        ]
        for failure in filter(None, failures):
            log_file = self._daemon.log_file
            raise DemoFailed(f"{failure}; the end of {log_file}:\n{tail(log_file)}")

    def _read(self) -> Status | None:
        """None while the store is being made, or cannot be read."""
        try:
            return read_status(self._config)
        except (sqlite3.Error, MaskloopError):
            return None

    def _stalled(self, last: Status | None) -> str:
        waiting = last.waiting if last else "the daemon never wrote its store"
        return (
            f"nothing moved for {STALL_S / 60:.0f} minutes: {waiting}; the end of"
            f" {self._daemon.log_file}:\n{tail(self._daemon.log_file)}"
        )

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes:02d}:{seconds:02d}"
