"""Uncertain images from many clusters, the smallest clusters first.

Cluster-Margin: Citovsky et al., "Batch Active Learning at Scale", NeurIPS 2021
(https://arxiv.org/abs/2107.14263), algorithm 2. Three things differ. There the whole pool is
clustered once, in N x N time; here the candidates alone, 2,000 at a time, by the same average
linkage. There a distance cuts the tree; here it is cut into as many clusters as images are wanted.
There a cluster gives a random member; here its most uncertain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.base import FloatArray, IdArray, Pool
from strategies.checks import check, check_count, need
from strategies.explanations import HESITATES, by_place

MOST_CANDIDATES = 2000  # clustered at once: 32 MB of distances and their copies


@dataclass(frozen=True)
class ClusterMargin:
    """Of the `times` · n images with the smallest margin, one of each cluster in turn.

    times: a whole number in [1, 100]; candidates a pick.
    """

    times: int = 10

    def __post_init__(self) -> None:
        check_count("cluster_margin", "times", self.times, 1, 100)

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids. O(N log N + m²·D) for m = min(times·n, 2000) candidates, once every 2000
        candidates. Needs margin and embeddings."""
        check(pool, n)
        embeddings = need(pool, "embeddings", "cluster_margin", "embed the images first")
        margin = need(
            pool,
            "margin",
            "cluster_margin",
            "it comes with the first model; until then use kcenter",
        )
        left, picked = np.lexsort((pool.ids, -margin)), list[int]()
        while len(picked) < min(n, len(pool)):
            wanted = min(n - len(picked), MOST_CANDIDATES // 2)
            candidates = left[: min(self.times * wanted, MOST_CANDIDATES)]
            clusters = _clusters(embeddings, pool.ids, candidates, wanted)
            picked += _in_turn(clusters, wanted)
            left = left[~np.isin(left, picked)]
        return [int(image) for image in pool.ids[picked]]

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """How much the model hesitates, with the place in the pool."""
        return by_place(pool, picks, need(pool, "margin", "cluster_margin", "score it"), HESITATES)


def _clusters(
    embeddings: FloatArray, ids: IdArray, candidates: IdArray, wanted: int
) -> list[list[int]]:
    """Rows of at most `wanted` clusters, each in the order of the candidates (most wanted first).

    Average linkage of the candidates by id, so that shuffled rows meet the same distances.
    """
    if len(candidates) <= wanted:
        return [[int(row)] for row in candidates]
    from scipy.cluster.hierarchy import fcluster, linkage

    by_id = candidates[np.argsort(ids[candidates])]
    tree = linkage(embeddings[by_id].astype(np.float64), method="average")
    number = dict(zip(by_id.tolist(), fcluster(tree, wanted, "maxclust").tolist(), strict=True))
    members: dict[int, list[int]] = {}
    for row in candidates.tolist():
        members.setdefault(number[row], []).append(row)
    return list(members.values())


def _in_turn(clusters: list[list[int]], wanted: int) -> list[int]:
    """One row of each cluster, the smallest first, then again, until there are enough."""
    ordered = sorted(clusters, key=len)  # stable: of equal ones that of the most wanted image
    rounds = [[one[turn] for one in ordered if turn < len(one)] for turn in range(len(ordered[-1]))]
    return [row for one in rounds for row in one][:wanted]
