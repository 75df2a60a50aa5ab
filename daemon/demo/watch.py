"""Watching a demo: news as they come, and an end when something gives up or nothing moves."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence

from daemon.config.loading import Config
from daemon.demo.annotators import Annotator
from daemon.demo.report import Snapshot, finished, news, sign_of_life
from daemon.demo.server import LabelStudioServer
from daemon.demo.supervisor import Supervisor, tail
from daemon.domain.errors import DemoFailed, MaskloopError
from daemon.status.snapshot import snapshot

LOOK_S = 1.0
STALL_S = 900.0  # without a sign of life


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

    def until_trained(self, cycles: int) -> Snapshot:
        """Tell the news until so many cycles are trained. Raises DemoFailed when stuck."""
        seen: Snapshot | None = None
        moved = time.monotonic()
        while True:
            self.expect_all_alive()
            status = self._read()
            if status is not None:
                for line in news(seen, status):
                    self._say(f"[{self._clock()}] {line}")
                if finished(status, cycles):
                    return status
                if seen is None or sign_of_life(seen) != sign_of_life(status):
                    moved = time.monotonic()
                seen = status
            if time.monotonic() - moved > STALL_S:
                raise DemoFailed(self._stalled(seen))
            time.sleep(LOOK_S)

    def expect_all_alive(self) -> None:
        """Raise DemoFailed once a part has given up."""
        failures = [
            self._server.failure,
            self._daemon.gave_up,
            *(person.failure for person in self._people),
        ]
        for failure in filter(None, failures):
            words = f"{failure}; the end of {self._daemon.log_file}:"
            raise DemoFailed(f"{words}\n{tail(self._daemon.log_file)}")

    def _read(self) -> Snapshot | None:
        """None while the store is being made."""
        try:
            return snapshot(self._config)
        except (sqlite3.Error, MaskloopError):
            return None

    def _stalled(self, seen: Snapshot | None) -> str:
        waiting = seen["waiting"] if seen else "the daemon never wrote its store"
        return (
            f"nothing moved for {STALL_S / 60:.0f} minutes: {waiting}; the end of"
            f" {self._daemon.log_file}:\n{tail(self._daemon.log_file)}"
        )

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes:02d}:{seconds:02d}"
