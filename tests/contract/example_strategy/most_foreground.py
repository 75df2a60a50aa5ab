"""The strategy of strategies/README.md, "Write your own", as its author would ship it."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.checks import check, need


class MostForeground:
    """Images with the largest predicted share of anything but background."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, least background first. Needs class_share."""
        check(pool, n)  # NaN, shapes, ids: one message for all strategies
        share = need(pool, "class_share", "most_foreground", "train a model first")
        return [int(image) for image in pool.ids[np.lexsort((pool.ids, share[:, 0]))][:n]]
