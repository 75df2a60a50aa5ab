"""The daemon as a process: ticks on a schedule, the page beside them, a clean end.

Only faults of the configuration and a store in use end it. An outage of the labeling tool, a
refused token, a failed run or a full disk waits: said once when it starts, once when it ends; see
`incidents.py`.
"""

from __future__ import annotations

import logging
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from connectors.base import Connector
from daemon.config.loading import Config
from daemon.config.tokens import webhook_secret
from daemon.domain import Clock, Source
from daemon.domain.clock import steady_s
from daemon.domain.errors import MaskloopError
from daemon.launchers import Launcher
from daemon.loop.components import (
    open_connector,
    open_launcher,
    require_strategies,
    require_token,
)
from daemon.loop.pulse import Pulse
from daemon.loop.repeated_lines import filter_repeats
from daemon.loop.scheduler import Schedule, start_scheduler
from daemon.loop.start_checks import require_access, start_faults
from daemon.loop.tick import WAITING, Outcome, tick
from daemon.rules.incidents import Incidents, reason_of
from daemon.stages.classes import require_same_classes, update_classes
from daemon.stages.context import Context
from daemon.stages.image_readers import BackgroundReader, InlineReader, Reader
from daemon.stages.image_scan import Ingest
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store, sole_writer

log = logging.getLogger(__name__)


class Ticker:
    """Makes ticks and says what keeps them from working when that begins and when it is over.

    steady_s: seconds of a clock that nobody sets, so that a jump of `now` is noticed; None where
    `now` may do as it likes. start_faults: what is said in log and page when it begins to work.
    reader: who reads images; None: the ticks do.
    Not to be shared between threads.
    """

    def __init__(
        self,
        config: Config,
        connector: Connector,
        launcher: Launcher,
        now: Clock,
        cycle_limit: int | None,
        steady_s: Callable[[], float] | None = None,
        start_faults: Callable[[], Sequence[str]] = tuple,
        reader: Reader | None = None,
    ) -> None:
        self._config = config
        self._connector = connector
        self._launcher = launcher
        self._now = now
        self._cycle_limit = cycle_limit
        self._claimed = False
        self._start_faults: Callable[[], Sequence[str]] | None = start_faults
        self._incidents: Incidents | None = None
        self._ingest = Ingest(reader=reader or InlineReader(connector, config))
        self._pulse = Pulse(now, steady_s, config.loop.poll_s)

    def tick(self) -> Outcome:
        """One tick on a store opened for it. Raises what the tick raises."""
        with self._ingest.reader.paused(), self._store() as store:
            jump = self._pulse.begin_tick(store)
            if jump:
                self._known().move(jump)
            context = Context(
                config=self._config,
                store=store,
                connector=self._connector,
                launcher=self._launcher,
                now=self._now,
                ingest=self._ingest,
            )
            if not self._claimed:
                update_classes(store, self._config, self._now)
                self._connector.claim(store.identity())
                self._claimed = True
            outcome = tick(context, cycle_limit=self._cycle_limit)
            self._worked(store, outcome)
            self._say_start_faults(store)
            self._pulse.end_tick(store)
        return outcome

    def tick_and_go_on(self) -> None:
        """One tick; whatever goes wrong is said once and waits for the next."""
        try:
            self.tick()
        except Exception as exc:
            self._failed(exc)

    def stop(self) -> None:
        """Leave word that this daemon ends as it should, and did not die."""
        try:
            with self._store() as store:
                self._pulse.stop(store)
        except (MaskloopError, OSError, sqlite3.Error) as exc:
            log.warning("the store cannot take a note of the end: %s", exc)

    def _say_start_faults(self, store: Store) -> None:
        """What `check` would refuse and does not stop the loop: once, when the first tick that
        came through has mended what it mends by itself."""
        if self._start_faults is None:
            return
        for words in self._start_faults():
            log.warning("start check: %s", words)
            store.add_event("warning", f"start check: {words}", self._now())
        self._start_faults = None

    def _store(self) -> Store:
        return Store(self._config.state / FILE)

    def _known(self) -> Incidents:
        """The incidents, with those that an earlier daemon left open in the store."""
        if self._incidents is None:
            self._incidents = Incidents()
            with self._store() as store:
                self._incidents = Incidents(store.open_incidents())
        return self._incidents

    def _failed(self, exc: Exception) -> None:
        """Log and store why a tick failed; the page shows it for as long as it lasts."""
        reason, now = reason_of(exc), self._now()
        with suppress(MaskloopError, OSError, sqlite3.Error, ValueError):
            self._known()
        known = self._incidents or Incidents()
        line = known.failed(reason, now)
        if line is not None:
            log.warning("%s", line.message, exc_info=exc if line.traceback else None)
        try:
            with self._store() as store:
                store.keep_fact(WAITING, reason.words)
                store.keep_incidents(known.open)
                if line is not None and line.event:
                    store.add_event(line.level, line.message, now)
                self._pulse.end_tick(store)
        except Exception as other:
            if line is not None:
                log.warning("the store cannot take a note of it: %s", other)

    def _worked(self, store: Store, outcome: Outcome) -> None:
        """End the incidents of what this tick did. The incident of a failed run ends when a later
        attempt succeeds, not while the run waits for it."""
        known, now = self._known(), self._now()
        before = known.open
        lines = known.worked([Source.RUN] if outcome.failing else [], now)
        for line in lines:
            log.info("%s", line.message)
            store.add_event(line.level, line.message, now)
        if lines:
            store.keep_incidents(filter(None, (known.of(one.reason.source) for one in before)))


def run_forever(config: Config, now: Clock, cycle_limit: int | None) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError and StoreInUse at the start."""
    require_strategies(config)
    require_token(config)
    require_access(config)
    filter_repeats(logging.getLogger())
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    wake = _Waker()
    with (
        sole_writer(config.state),
        _page(config, wake),
        opened(config) as (connector, launcher),
        _reading(config, wake) as reader,
    ):
        with Store(config.state / FILE) as store:
            require_same_classes(store, config)
        ticker = _ticker(config, connector, launcher, now, cycle_limit, reader)
        schedule = start_scheduler(ticker.tick_and_go_on, config.loop.poll_s)
        wake.serve(schedule)
        try:
            stopped.wait()
        finally:
            log.info("stopping")
            wake.serve(None)
            schedule.stop()
            ticker.stop()
    log.info("stopped")


def _ticker(
    config: Config,
    connector: Connector,
    launcher: Launcher,
    now: Clock,
    cycle_limit: int | None,
    reader: Reader,
) -> Ticker:
    """A ticker of this machine's clock that first says what the start check finds."""
    return Ticker(
        config,
        connector,
        launcher,
        now,
        cycle_limit,
        steady_s,
        lambda: start_faults(config, connector),
        reader,
    )


class _Waker:
    """Brings the next tick forward while there is a schedule.

    Other threads and ticks call it. A scheduler that is stopping waits for its tick, so it gets
    no further calls.
    """

    def __init__(self) -> None:
        self._schedule: Schedule | None = None
        self._used = threading.Lock()

    def serve(self, schedule: Schedule | None) -> None:
        """Use this schedule from now on; None: none. Returns when no call is under way."""
        with self._used:
            self._schedule = schedule

    def __call__(self) -> None:
        with self._used:
            if self._schedule is not None:
                self._schedule.tick_soon()


def run_once(
    config: Config, now: Clock, cycle_limit: int | None, pause: Callable[[], None]
) -> Outcome:
    """Tick until only people can move the loop on. Raises at the first fault."""
    require_strategies(config)
    require_token(config)
    require_access(config)
    with sole_writer(config.state), opened(config) as (connector, launcher):
        reader = InlineReader(connector, config)
        ticker = _ticker(config, connector, launcher, now, cycle_limit, reader)
        try:
            outcome = ticker.tick()
            while outcome.running:
                pause()
                outcome = ticker.tick()
        finally:
            ticker.stop()
        return outcome


@contextmanager
def opened(config: Config) -> Iterator[tuple[Connector, Launcher]]:
    """The connector, closed afterwards, and a launcher, whose child processes are gone then."""
    launcher = open_launcher(config)
    try:
        with closing(open_connector(config)) as connector:
            yield connector, launcher
    finally:
        launcher.stop()


@contextmanager
def _reading(config: Config, wake: Callable[[], None]) -> Iterator[Reader]:
    """Who reads images beside the ticks; over at the end, whatever is being read."""
    with closing(open_connector(config)) as connector:
        reader = BackgroundReader(connector, config, wake)
        try:
            yield reader
        finally:
            reader.stop()


@contextmanager
def _page(config: Config, wake: Callable[[], None]) -> Iterator[None]:
    if not config.web.enabled:
        yield
        return
    from daemon.web.hints import Hints
    from daemon.web.server import serving

    secret = webhook_secret(config)
    hints = Hints(secret=secret, wake=wake) if secret else None
    web = config.web
    with serving(lambda: read_status(config), web.host, web.port, hints) as address:
        log.info("the page is at %s", address)
        yield
