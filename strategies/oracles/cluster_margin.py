"""cluster_margin: the two nearest clusters are merged, again and again, by all their pairs."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np

from strategies.base import Pool
from strategies.checks import need
from strategies.oracles.plain_lists import apart, ids_of

MOST_CANDIDATES = 2000


def select(pool: Pool, n: int, rng: np.random.Generator, times: int = 10) -> list[int]:
    """Of the most uncertain images one of each cluster, the smallest cluster first."""
    margin = need(pool, "margin", "cluster_margin", "score it").tolist()
    left = sorted(range(len(pool)), key=lambda row: (-margin[row], pool.ids[row]))
    picked: list[int] = []
    while len(picked) < min(n, len(pool)):
        wanted = min(n - len(picked), MOST_CANDIDATES // 2)
        candidates = left[: min(times * wanted, MOST_CANDIDATES)]
        clusters = sorted(_merged(pool, candidates, wanted), key=lambda one: (len(one), one[0]))
        given = 0
        while given < wanted and any(clusters):
            for cluster in clusters:
                if cluster and given < wanted:
                    picked.append(candidates[cluster.pop(0)])
                    given += 1
        left = [row for row in left if row not in picked]
    return ids_of(pool, picked)


def _merged(pool: Pool, candidates: list[int], wanted: int) -> list[list[int]]:
    """At most `wanted` clusters of places among the candidates, each sorted."""
    rows = need(pool, "embeddings", "cluster_margin", "embed it")[candidates].tolist()
    far = {(a, b): apart(rows[a], rows[b]) for a, b in product(range(len(rows)), repeat=2)}
    clusters = [[place] for place in range(len(rows))]
    while len(clusters) > wanted:
        one, two = min(
            combinations(range(len(clusters)), 2),
            key=lambda pair: _mean(far, clusters[pair[0]], clusters[pair[1]]),
        )
        clusters[one] = sorted(clusters[one] + clusters.pop(two))
    return clusters


def _mean(far: dict[tuple[int, int], float], one: list[int], two: list[int]) -> float:
    return math.fsum(far[a, b] for a in one for b in two) / (len(one) * len(two))
