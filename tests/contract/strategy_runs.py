"""What a strategy chose from many small pools, computed once and looked at by several tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

import strategies
from strategies.base import GivesReasons, Pool, QueryStrategy
from tests.contract.pools import coarse_pool, rows_of, seeded

POOLS = 36
# What a strategy cannot do without; a plug-in may need anything, and says so.
NEEDS: dict[str, tuple[str, ...]] = {
    "random": (),
    "entropy": ("uncertainty",),
    "kcenter": ("embeddings",),
    "hybrid": ("embeddings", "uncertainty"),
    "foreground_random": ("class_share",),
    "kmeans": ("embeddings",),
    "typiclust": ("embeddings",),
    "probcover": ("embeddings",),
    "uherding": ("embeddings", "uncertainty"),
    "rare_class": ("class_share",),
    "margin": ("margin",),
    "least_confidence": ("least_confidence",),
    "disagreement": ("scale_disagreement",),
    "badge": ("gradients",),
    "cluster_margin": ("embeddings", "margin"),
    "clasp_pe": ("class_uncertainty",),
    "auto": (),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """Three choices from one pool: of a fresh strategy, of the same one again, of shuffled rows.
    words: the reasons of the first; None where it gives none."""

    pool: Pool
    n: int
    picked: list[int]
    again: list[int]
    shuffled: list[int]
    words: list[str] | None

    def __str__(self) -> str:
        return (
            f"select(pool, {self.n}) of the ids {self.pool.ids.tolist()} gave {self.picked}; "
            f"with the same seed again {self.again}; with shuffled rows {self.shuffled}"
        )


@cache
def loaded(name: str) -> QueryStrategy:
    """A strategy with its default settings; to look for plug-ins takes a while."""
    return strategies.load(name)


@cache
def runs(name: str) -> tuple[Run, ...]:
    return tuple(_run(name, seed) for seed in range(POOLS))


def _run(name: str, seed: int) -> Run:
    pool, n = coarse_pool(seed), int(np.random.default_rng(seed).integers(13))
    rows = np.random.default_rng(seed + 1).permutation(len(pool))
    strategy = loaded(name)
    picked = strategy.select(pool, n, seeded())
    return Run(
        pool=pool,
        n=n,
        picked=picked,
        again=strategy.select(pool, n, seeded()),
        shuffled=strategy.select(rows_of(pool, rows), n, seeded()),
        words=strategy.reasons(pool, picked) if isinstance(strategy, GivesReasons) else None,
    )
