"""Each pick adds most to the covered uncertainty: closeness times uncertainty, over all images."""

from __future__ import annotations

import numpy as np

from strategies.base import Pool
from strategies.oracles.plain import (
    MOST_SAMPLED,
    by_id,
    compared_by,
    distances,
    drawn,
    embeddings_of,
    farthest,
    ids_of,
    to_nearest,
    wide,
)

MOST_COMPARED = 1024  # images that the bandwidth is taken from
NARROWEST = 0.05
TIE = 1e-5  # of the largest gain: that much less counts as equal
COVERED = 1e-6  # of all the uncertainty: a smaller gain is none


def select(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    bandwidth: float = 0.0,
    features: str = "image",
) -> list[int]:
    """The gain of every image is summed anew for every pick; when all is covered, by k-center."""
    pool = compared_by(pool, features)
    n = min(n, len(pool))
    if n == 0:
        return []
    embeddings, order = embeddings_of(pool), np.array(by_id(pool))
    width = max(bandwidth or bandwidth_of(pool, rng), NARROWEST)
    targets = drawn(order, embeddings.shape[1], rng, MOST_SAMPLED)
    weight = np.maximum(wide(pool.uncertainty, "uncertainty")[targets], 0)
    if not weight.any():
        weight = np.ones(len(targets))
    labeled = to_nearest(embeddings[targets], pool.labeled.astype(np.float64))
    close = np.exp(-((labeled / width) ** 2))
    table = np.stack([distances(embeddings[targets], embeddings[row]) for row in order])
    kernel = np.exp(-((table / width) ** 2))
    picked: list[int] = []  # positions by id
    while len(picked) < n:
        gain = (np.maximum(kernel - close, 0) * weight).sum(axis=1)
        gain[picked] = -1
        if gain.max() <= COVERED * weight.sum():
            break
        picked.append(int(np.flatnonzero(gain >= gain.max() * (1 - TIE))[0]))
        close = np.maximum(close, kernel[picked[-1]])
    return ids_of(pool, farthest(pool, order[picked].tolist(), n))


def bandwidth_of(pool: Pool, rng: np.random.Generator) -> float:
    """Median distance of a labeled image to the nearest other one; of all pairs without labels."""
    embeddings, few = embeddings_of(pool), len(pool.labeled) < 2
    known = embeddings if few else pool.labeled.astype(np.float64)
    order = np.array(by_id(pool)) if few else np.arange(len(known))
    rows = known[drawn(order, known.shape[1], rng, MOST_COMPARED)]
    others = [distances(np.delete(rows, at, axis=0), row) for at, row in enumerate(rows)]
    found = np.concatenate(others) if few else np.array([one.min() for one in others])
    return float(np.median(found)) if found.size else 0.0
