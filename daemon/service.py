"""The daemon as a process: ticks on a schedule, the page beside them, a clean end.

Only faults of the configuration and a store in use end it. An outage of the labeling tool, a
refused token, a failed run or a full disk waits: said once when it starts, once when it ends.
"""

from __future__ import annotations

import errno
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from apscheduler.schedulers.background import BackgroundScheduler

from connectors.base import Connector
from daemon.config import Config
from daemon.domain import Clock
from daemon.errors import MaskloopError
from daemon.launchers import Launcher
from daemon.launchers.local import LocalLauncher
from daemon.loop import WAITING, Outcome, tick
from daemon.scheduler import hasten, start_scheduler
from daemon.stages.classes import require_same_classes, settle_classes
from daemon.stages.context import Context
from daemon.status import snapshot
from daemon.store import FILE, Store, sole_writer
from daemon.tokens import webhook_secret
from daemon.wiring import open_connector, require_strategies, require_token

log = logging.getLogger(__name__)


class Ticker:
    """Makes ticks and remembers an outage, so that it is said once.

    Not to be shared between threads.
    """

    def __init__(
        self,
        config: Config,
        connector: Connector,
        launcher: Launcher,
        now: Clock,
        cycle_limit: int | None,
    ) -> None:
        self._config = config
        self._connector = connector
        self._launcher = launcher
        self._now = now
        self._cycle_limit = cycle_limit
        self._claimed = False
        self._outage: tuple[str, datetime] | None = None

    def tick(self) -> Outcome:
        """One tick on a store opened for it. Raises what the tick raises."""
        with Store(self._config.state / FILE) as store:
            context = Context(
                config=self._config,
                store=store,
                connector=self._connector,
                launcher=self._launcher,
                now=self._now,
            )
            if not self._claimed:
                settle_classes(store, self._config, self._now)
                self._connector.claim(store.identity())
                self._claimed = True
            outcome = tick(context, cycle_limit=self._cycle_limit)
            self._say_recovered(store)
        return outcome

    def tick_and_go_on(self) -> None:
        """One tick; whatever goes wrong is said once and waits for the next."""
        try:
            self.tick()
        except MaskloopError as exc:
            self._say_fault(type(exc).__name__, str(exc))
        except OSError as exc:
            full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
            cure = "free some space, the daemon goes on by itself" if full else "see the log"
            self._say_fault("DiskFull" if full else type(exc).__name__, f"{exc}; {cure}")
        except Exception as exc:
            self._say_fault(type(exc).__name__, f"unexpected: {type(exc).__name__}: {exc}")

    def _say_fault(self, kind: str, words: str) -> None:
        """Log and note a fault when it is new; the page shows it for as long as it lasts."""
        is_new = self._outage is None or self._outage[0] != kind
        if is_new:
            unexpected = words.startswith("unexpected: ")
            log.warning("waiting kind=%s: %s", kind, words, exc_info=unexpected)
            self._outage = (kind, self._outage[1] if self._outage else self._now())
        try:
            with Store(self._config.state / FILE) as store:
                store.keep_fact(WAITING, words)
                if is_new:
                    store.note("warning", words, self._now())
        except Exception as exc:
            if is_new:
                log.warning("the store cannot take a note of it: %s", exc)

    def _say_recovered(self, store: Store) -> None:
        if self._outage:
            kind, since = self._outage
            words = f"going on after {self._now() - since} of waiting ({kind})"
            log.info("%s", words)
            store.note("info", words, self._now())
            self._outage = None


def run_forever(config: Config, now: Clock, cycle_limit: int | None) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError and StoreInUse at the start."""
    require_strategies(config)
    require_token(config)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    wake = _Waker()
    with sole_writer(config.state), _page(config, wake), opened(config) as (connector, launcher):
        with Store(config.state / FILE) as store:
            require_same_classes(store, config)
        ticker = Ticker(config, connector, launcher, now, cycle_limit)
        scheduler = start_scheduler(ticker.tick_and_go_on, config.loop.poll_s)
        wake.scheduler = scheduler
        try:
            stopped.wait()
        finally:
            log.info("stopping")
            wake.scheduler = None
            scheduler.shutdown(wait=True)
    log.info("stopped")


class _Waker:
    """Hastens the next look once there is a scheduler; called from serving threads."""

    scheduler: BackgroundScheduler | None = None

    def __call__(self) -> None:
        scheduler = self.scheduler
        if scheduler is not None:
            hasten(scheduler)


def run_once(
    config: Config, now: Clock, cycle_limit: int | None, pause: Callable[[], None]
) -> Outcome:
    """Tick until only people can move the loop on. Raises at the first fault."""
    require_strategies(config)
    require_token(config)
    with sole_writer(config.state), opened(config) as (connector, launcher):
        ticker = Ticker(config, connector, launcher, now, cycle_limit)
        outcome = ticker.tick()
        while outcome.running:
            pause()
            outcome = ticker.tick()
        return outcome


@contextmanager
def opened(config: Config) -> Iterator[tuple[Connector, Launcher]]:
    """The connector and a launcher; every child process is gone afterwards."""
    launcher = LocalLauncher(processes=config.training.processes)
    try:
        yield open_connector(config), launcher
    finally:
        launcher.stop()


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
    with serving(lambda: snapshot(config), web.host, web.port, hints) as address:
        log.info("the page is at %s", address)
        yield
