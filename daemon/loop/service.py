"""The daemon as a process: ticks on a schedule, the page beside them, a clean end.

Only faults of the configuration and a store in use end it. After an outage of the labeling tool, a
refused token, a failed run or a full disk the next tick tries again; the log reports when such an
incident starts and ends, see daemon/rules/incidents.py.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from connectors.base import Connector
from daemon.config.loading import Config
from daemon.domain import Clock, Source
from daemon.domain.clock import steady_s
from daemon.domain.errors import MaskloopError
from daemon.launchers import Launcher
from daemon.loop.components import open_connector, open_launcher, require_strategies, require_token
from daemon.loop.page_server import page_server
from daemon.loop.process_signals import ProcessSignals
from daemon.loop.pulse import Pulse
from daemon.loop.reload import SettingsInForce, report_reload
from daemon.loop.repeated_lines import filter_repeats
from daemon.loop.scheduler import Waker, start_scheduler
from daemon.loop.start_checks import require_access, start_faults
from daemon.loop.tick import Outcome, tick
from daemon.rules.incidents import Incidents, reason_of
from daemon.smart_tool.connection import SmartToolConnection
from daemon.stages import map_runs
from daemon.stages.classes import require_same_classes, update_classes
from daemon.stages.context import Context
from daemon.stages.image_readers import BackgroundReader, InlineReader, Reader
from daemon.stages.image_scan import Ingest
from daemon.stages.loop_facts import WAITING
from daemon.store import FILE, Store, sole_writer

log = logging.getLogger(__name__)


class Ticker:
    """Runs ticks and reports the start and the end of each incident.

    steady_s: a monotonic clock in seconds, to notice jumps of `now`; None: jumps are not looked
    for. start_faults: returns faults to log after the first successful tick. reader: reads the
    images; None: the ticks read them. settings: follows config.toml; None: it is not read again.
    connection: of the smart tool; None where there is none. Not thread-safe.
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
        settings: SettingsInForce | None = None,
        connection: SmartToolConnection | None = None,
    ) -> None:
        self._config, self._settings, self._connection = config, settings, connection
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
                self._load_incidents().shift_times(jump)
            self._follow_settings(store)
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
            if self._settings is not None and self._config.web.enabled:  # a daemon with pages
                map_runs.draw_map(context, busy=outcome.running)
            self._record_success(store, outcome)
            self._report_start_faults(store)
            if self._connection is not None:
                self._connection.keep(self._connector, store, self._now())
            self._pulse.end_tick(store)
        return outcome

    def tick_and_report(self) -> None:
        """One tick; a failure becomes an incident, and the next tick tries again."""
        try:
            self.tick()
        except Exception as exc:
            self._record_failure(exc)

    def stop(self) -> None:
        """Record that this daemon was stopped, so that it does not count as dead."""
        try:
            with self._store() as store:
                self._pulse.stop(store)
        except (MaskloopError, OSError, sqlite3.Error) as exc:
            log.warning("could not record in the store that the daemon stops: %s", exc)

    def _follow_settings(self, store: Store) -> None:
        """Use the settings of a config.toml that was changed since the last tick."""
        found = None if self._settings is None else self._settings.look()
        if self._settings is not None and found is not None:
            self._config = self._settings.config
            report_reload(found, self._config, store, self._load_incidents(), self._now())

    def _report_start_faults(self, store: Store) -> None:
        """Log once the faults that `check` refuses and `run` does not: after the first successful
        tick, which repairs some of them."""
        if self._start_faults is None:
            return
        for fault in self._start_faults():
            log.warning("start check: %s", fault)
            store.add_event("warning", f"start check: {fault}", self._now())
        self._start_faults = None

    def _store(self) -> Store:
        return Store(self._config.state / FILE)

    def _load_incidents(self) -> Incidents:
        """The incidents; at first those that an earlier daemon left open in the store."""
        if self._incidents is None:
            self._incidents = Incidents()
            with self._store() as store:
                self._incidents = Incidents(store.open_incidents())
        return self._incidents

    def _record_failure(self, exc: Exception) -> None:
        """Log and store why a tick failed; the page shows it until a tick succeeds."""
        reason, now = reason_of(exc), self._now()
        with suppress(MaskloopError, OSError, sqlite3.Error, ValueError):
            self._load_incidents()
        incidents = self._incidents or Incidents()
        line = incidents.record_failure(reason, now)
        if line is not None:
            log.warning("%s", line.message, exc_info=exc if line.traceback else None)
        try:
            with self._store() as store:
                store.keep_fact(WAITING, reason.words)
                store.keep_incidents(incidents.open)
                if line is not None and line.event:
                    store.add_event(line.level, line.message, now)
                self._pulse.end_tick(store)
        except Exception as other:
            if line is not None:
                log.warning("could not record the failure in the store: %s", other)

    def _record_success(self, store: Store, outcome: Outcome) -> None:
        """End incidents after a successful tick; that of a failed run when a later run succeeds."""
        incidents, now = self._load_incidents(), self._now()
        before = incidents.open
        failing = [Source.RUN] if outcome.failing else []
        if self._settings is not None and self._settings.fault:
            failing.append(Source.CONFIG)
        lines = incidents.record_success(failing, now)
        for line in lines:
            log.info("%s", line.message)
            store.add_event(line.level, line.message, now)
        if lines:
            changed = (incidents.of(incident.reason.source) for incident in before)
            store.keep_incidents(filter(None, changed))


def run_forever(config: Config, now: Clock, cycle_limit: int | None, file: Path) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError and StoreInUse at the start.

    file: where the settings came from; it is read again when it changes, and at SIGHUP.
    """
    require_strategies(config)
    require_token(config)
    require_access(config)
    filter_repeats(logging.getLogger())
    signals, wake = ProcessSignals(), Waker()
    settings = SettingsInForce(file, config, wake)
    with (
        sole_writer(config.state),
        page_server(settings, wake) as connection,
        open_parts(config) as (connector, launcher),
        _image_reader(config, wake) as reader,
    ):
        with Store(config.state / FILE) as store:
            require_same_classes(store, config)
        ticker = _ticker(
            config, connector, launcher, now, cycle_limit, reader, settings, connection
        )
        schedule = start_scheduler(ticker.tick_and_report, config.loop.poll_s)
        wake.serve(schedule)
        try:
            signals.wait_for_end(on_hangup=settings.ask)
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
    settings: SettingsInForce | None = None,
    connection: SmartToolConnection | None = None,
) -> Ticker:
    """A ticker with this machine's clock that reports the faults of the start checks."""
    return Ticker(
        config,
        connector,
        launcher,
        now,
        cycle_limit,
        steady_s,
        lambda: start_faults(config, connector),
        reader,
        settings,
        connection,
    )


def run_once(
    config: Config, now: Clock, cycle_limit: int | None, pause: Callable[[], None]
) -> Outcome:
    """Tick until only annotators can advance the loop. Raises the first failure."""
    require_strategies(config)
    require_token(config)
    require_access(config)
    with sole_writer(config.state), open_parts(config) as (connector, launcher):
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
def open_parts(config: Config) -> Iterator[tuple[Connector, Launcher]]:
    """The connector and the launcher of a configuration; both are closed afterwards."""
    launcher = open_launcher(config)
    try:
        with closing(open_connector(config)) as connector:
            yield connector, launcher
    finally:
        launcher.stop()


@contextmanager
def _image_reader(config: Config, wake: Callable[[], None]) -> Iterator[Reader]:
    """The thread that reads images; stopped afterwards, even in the middle of an image."""
    with closing(open_connector(config)) as connector:
        reader = BackgroundReader(connector, config, wake)
        try:
            yield reader
        finally:
            reader.stop()
