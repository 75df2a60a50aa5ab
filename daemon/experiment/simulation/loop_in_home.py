"""The loop of the daemon in a home, ticked until it ends, is held, or needs a person."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from connectors.base import Connector
from daemon.config.loading import Config
from daemon.domain import Clock
from daemon.domain.errors import ExperimentRefused, RunFailed
from daemon.experiment.jobs.job import Stopped
from daemon.experiment.jobs.watched_launcher import WatchedLauncher
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.stages.context import Context
from daemon.store import FILE, Store, sole_writer

PATIENCE = 50  # ticks in a row in which neither a run nor a label comes: then none will


@dataclass(frozen=True, kw_only=True)
class LoopInHome:
    """The parts of a loop. cycles: how many models it trains. stopped: set when it has to end."""

    config: Config
    launcher: WatchedLauncher
    now: Clock
    cycles: int
    stopped: threading.Event

    def run(self, after_tick: Callable[[Context], None] = lambda context: None) -> None:
        """Tick until the loop has ended or the launcher holds it.

        Raises Stopped, what a tick raises, RunFailed of a run that the loop would go on without,
        and ExperimentRefused where only a person could move the loop on.
        """
        with sole_writer(self.config.state), closing(open_connector(self.config)) as connector:
            self._end_pause()
            ticker = Ticker(self.config, connector, self.launcher, self.now, self.cycles)
            try:
                self._tick_to_the_end(ticker, connector, after_tick)
            finally:
                self.launcher.stop()
                ticker.stop()

    def _end_pause(self) -> None:
        """Try a run that failed again now: whoever starts the command wants that."""
        with Store(self.config.state / FILE) as store:
            cycle = store.last_cycle()
            if cycle is not None:
                store.forget_failures(cycle.number)

    def _tick_to_the_end(
        self, ticker: Ticker, connector: Connector, after_tick: Callable[[Context], None]
    ) -> None:
        idle = 0
        while not self.launcher.reached:
            if self.stopped.is_set():
                raise Stopped
            try:
                outcome = ticker.tick()
            finally:  # a stage that failed may stand behind others that have succeeded
                with Store(self.config.state / FILE, read_only=True) as store:
                    after_tick(self._context(store, connector))
            self._require_no_failure()
            if outcome.final:
                return
            idle = 0 if outcome.running else idle + 1
            _require_movement(outcome, idle)
            if outcome.running:
                self.stopped.wait(self.config.loop.poll_s)

    def _require_no_failure(self) -> None:
        """Raise the failure of a run without which the loop goes on, as that of the test images."""
        failure = self.launcher.failure
        if failure is not None and not failure.faults:
            raise failure

    def _context(self, store: Store, connector: Connector) -> Context:
        return Context(
            config=self.config,
            store=store,
            connector=connector,
            launcher=self.launcher,
            now=self.now,
        )


def _require_movement(outcome: Outcome, idle: int) -> None:
    if outcome.fault:
        raise ExperimentRefused(outcome.waiting)
    if idle > PATIENCE:
        raise RunFailed(
            f"the loop waits and nothing comes: {outcome.waiting}; expected a mask for each image; "
            f"see its quarantine: `maskloop status` with --config of this home"
        )
