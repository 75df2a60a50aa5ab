"""disagreement: sorted by how many images disagree more, summed over what was measured."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain_lists import ranked


def select(pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
    """The n images that are passed by the fewest others."""
    known = [pool.teacher_disagreement, pool.scale_disagreement]
    measured = [values.tolist() for values in known if values is not None]
    passed = [
        sum(sum(other > values[row] for other in values) for values in measured)
        for row in range(len(pool))
    ]
    return ranked(pool, [-count for count in passed], n)
