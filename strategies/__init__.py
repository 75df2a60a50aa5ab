"""Query strategies by name: the shipped ones, and plug-ins by entry point.

The contract is strategies/base.py; how to write one: strategies/README.md.
"""

from __future__ import annotations

import inspect
from importlib import metadata
from typing import Any

from daemon.config.ranges import nearest
from daemon.domain.errors import ConfigError
from daemon.domain.moved_modules import failed_import
from strategies.auto import Auto
from strategies.badge import Badge
from strategies.base import GivesReasons, HasRegimes, Pool, QueryStrategy, Regime, Signals
from strategies.clasp_pe import ClaspPE
from strategies.cluster_margin import ClusterMargin
from strategies.disagreement import Disagreement
from strategies.entropy import Entropy
from strategies.foreground_random import ForegroundRandom
from strategies.hybrid import Hybrid
from strategies.kcenter import KCenter
from strategies.kmeans import KMeans
from strategies.least_confidence import LeastConfidence
from strategies.margin import Margin
from strategies.probcover import ProbCover
from strategies.rare_class import RareClass
from strategies.typiclust import TypiClust
from strategies.uherding import UHerding
from strategies.uniform import Uniform

GROUP = "maskloop.strategies"

SHIPPED: dict[str, type[QueryStrategy]] = {
    "random": Uniform,
    "entropy": Entropy,
    "kcenter": KCenter,
    "hybrid": Hybrid,
    "foreground_random": ForegroundRandom,
    "kmeans": KMeans,
    "typiclust": TypiClust,
    "probcover": ProbCover,
    "uherding": UHerding,
    "rare_class": RareClass,
    "margin": Margin,
    "least_confidence": LeastConfidence,
    "disagreement": Disagreement,
    "badge": Badge,
    "cluster_margin": ClusterMargin,
    "clasp_pe": ClaspPE,
    "auto": Auto,
}


def names() -> list[str]:
    """The names that `load` knows: shipped ones first, then plug-ins by name."""
    return [*SHIPPED, *sorted(set(_plug_ins()) - set(SHIPPED))]


def load(name: str, **settings: Any) -> QueryStrategy:
    """Make a strategy. Raises ConfigError for an unknown name or a setting it cannot take."""
    factory = _find(name)
    _check_names(name, factory, settings)
    try:
        strategy: QueryStrategy = factory(**settings)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"strategy {name}: cannot be made with {settings}: {exc}") from exc
    except ImportError as exc:
        raise ConfigError(f"strategy {name}: {failed_import(exc, name)}") from exc
    if not callable(getattr(strategy, "select", None)):
        raise ConfigError(f"strategy {name}: {strategy!r} has no select(pool, n, rng)")
    return strategy


def _plug_ins() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def _find(name: str) -> Any:
    plug_in = _plug_ins().get(name)
    if name in SHIPPED:
        if plug_in:
            raise ConfigError(f"strategy {name}: {plug_in.value} takes a shipped name; rename it")
        return SHIPPED[name]
    if plug_in is None:
        raise ConfigError(
            f"strategy {name!r} is unknown; expected one of {', '.join(names())}"
            f"{nearest(name, names())}"
        )
    try:
        return plug_in.load()
    except (ImportError, AttributeError) as exc:
        raise ConfigError(
            f"strategy {name}: cannot import {plug_in.value}{_distribution(plug_in)}: "
            f"{failed_import(exc, plug_in.module)}"
        ) from exc


def _distribution(plug_in: metadata.EntryPoint) -> str:
    found = plug_in.dist
    return "" if found is None else f" of {found.name} {found.version}"


def _check_names(name: str, factory: Any, settings: dict[str, Any]) -> None:
    known = inspect.signature(factory).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ConfigError(
            f"strategy {name}: unknown setting {', '.join(unknown)}; "
            f"it takes {', '.join(known) or 'none'}{nearest(unknown[0], known)}"
        )


__all__ = [
    "GROUP",
    "SHIPPED",
    "GivesReasons",
    "HasRegimes",
    "Pool",
    "QueryStrategy",
    "Regime",
    "Signals",
    "load",
    "names",
]
