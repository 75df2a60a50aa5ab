"""The oracles: every shipped strategy once more, slow and obvious, to check the fast one.

The oracle of strategies/NAME.py is strategies/oracles/NAME.py: a function `select(pool, n, rng,
**settings)` that returns the same ids. It says in loops and in float64 what the strategy promises,
shares no code with it but the fit of k-means, and may take O(N²) time and memory: it is for pools
of up to 2,000 images (`MOST_IMAGES`). `maskloop verify` and the tests of the contract use them.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np

import strategies
from strategies.base import Pool

# Images of the largest pool that an oracle chooses from in about half a minute.
MOST_IMAGES = 2000
MOST_IMAGES_OF = {"auto": 1500, "cluster_margin": 300}


class Oracle(Protocol):
    """The slow version of a strategy; it takes the settings of the strategy by name."""

    def __call__(self, pool: Pool, n: int, rng: np.random.Generator, **settings: Any) -> list[int]:
        """Return the ids of min(n, N) images, the most wanted first."""
        ...


def oracle_of(name: str) -> Oracle | None:
    """The oracle of a strategy by its registered name; None for a plug-in, which has none."""
    strategy = strategies.SHIPPED.get(name)
    if strategy is None:
        return None
    module = strategy.__module__.rpartition(".")[2]
    oracle: Oracle = importlib.import_module(f"{__name__}.{module}").select
    return oracle
