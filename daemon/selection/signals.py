"""What strategies may know of a pool beside its numbers, and in which regime they choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.domain.errors import ConfigError, MaskloopError
from daemon.intake import Intake
from daemon.rules.redundancy import redundancy
from daemon.runs.records import SelectRequest
from strategies.base import HasRegimes, Pool, QueryStrategy, Regime, Signals
from strategies.distances import one_thread

_REDUNDANCY = 1  # of the seeds of a cycle, that of the sample of the pool


def with_signals_of(request: SelectRequest, pool: Pool) -> Pool:
    """The pool of a request with the signals of its trainings, as `with_signals`."""
    signals = Signals(**request.signals.model_dump()) if request.signals else None
    return with_signals(pool, signals, request.similarity, request.seed)


def with_signals(pool: Pool, signals: Signals | None, similarity: float, seed: int) -> Pool:
    """The pool with these signals, and with what is measured of its embeddings. similarity: the
    smallest cosine of near-duplicates. Raises PoolInvalid that names a bad embedding."""
    if signals is None or pool.embeddings is None or not len(pool):
        return replace(pool, signals=signals)
    rng = np.random.default_rng([seed, signals.cycle, _REDUNDANCY])
    with one_thread():
        found = redundancy(
            pool.ids, pool.embeddings, similarity=similarity, rng=rng, labeled=pool.labeled
        )
    measured = replace(
        signals,
        near_duplicates=found.near_duplicates,
        coverage_p95=found.coverage_p95,
        spread=found.spread,
    )
    return replace(pool, signals=measured)


def regime_of_choice(strategy: QueryStrategy, name: str, pool: Pool) -> Regime | None:
    """In which regime a strategy chooses from the pool; None for one without regimes. Raises
    ConfigError that names it where its own code fails."""
    if not isinstance(strategy, HasRegimes):
        return None
    intake, refused, found = Intake(), None, None
    where, cure = f"[selection] strategy {name!r}", "correct the plug-in, or name another strategy"
    with intake.guard(where, expected="its regime", cure=cure):
        try:
            found = strategy.regime(pool)
        except MaskloopError as exc:
            refused = exc
    if refused or intake.faults():
        raise refused or ConfigError("; ".join(map(str, intake.faults())))
    if not isinstance(found, Regime):
        raise ConfigError(f"{where}: regime(pool) gave {found!r}; expected a Regime; {cure}")
    return found
