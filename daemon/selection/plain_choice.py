"""The choice of a batch once more, slow and obvious: what `maskloop verify` compares with.

It shares no code with choice.py and the strategies: an oracle (strategies/oracles) stands for the
strategy, sets and lists for arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from daemon.domain import Pick
from daemon.runs.id_lists import IdArray
from daemon.runs.records import SelectRequest
from strategies.base import PER_IMAGE, FloatArray, Pool
from strategies.oracles import Oracle

ROUNDING = 1e-5  # of a cosine similarity in float32
Arms = list[tuple[int, str]]  # (image id, who chose it), best first


def plainly_chosen(
    request: SelectRequest, pool: Pool, distinct: Collection[int], oracle: Oracle
) -> Arms:
    """What `choose` should give: the images of the batch and its reserve, best first."""
    rng = np.random.default_rng([request.seed, request.cycle])
    ids = sorted(pool.ids.tolist())
    n, wanted = min(request.n, len(ids)), min(request.n + request.reserve, len(ids))
    if n == 0:
        return []
    at_random = round(request.random_share * n)
    drawn: list[int] = rng.choice(np.array(ids), size=at_random, replace=False).tolist()
    left = [image_id for image_id in ids if image_id not in set(drawn)]
    unlike = [image_id for image_id in left if image_id in set(distinct)]
    enough = len(unlike) >= wanted - at_random
    rest = images_of(pool, unlike if enough else left)
    picked = oracle(rest, wanted - at_random, rng, **request.settings)
    arms = [(image_id, request.strategy) for image_id in picked]
    for number, image_id in enumerate(drawn):
        arms.insert(round((number + 0.5) * n / at_random), (image_id, "random"))
    return arms


def arms_of(picks: Sequence[Pick]) -> Arms:
    """The images of picks and who chose them."""
    return [(pick.image_id, pick.arm) for pick in picks]


def images_of(pool: Pool, ids: list[int]) -> Pool:
    """The images of a pool with these ids, in this order."""
    row_of = {image_id: row for row, image_id in enumerate(pool.ids.tolist())}
    rows = [row_of[image_id] for image_id in ids]
    fields: dict[str, Any] = {name: getattr(pool, name) for name in PER_IMAGE}
    parts = {name: array[rows] for name, array in fields.items() if array is not None}
    return replace(pool, ids=pool.ids[rows], **parts)


def wrongly_listed(
    ids: IdArray, embeddings: FloatArray, asked: FloatArray, distinct: IdArray, similarity: float
) -> list[int]:
    """The images of a pool that are in the wrong list: kept although they are similar to an asked
    image or to a kept one with a lower id, or left out although they are not.

    ids: (N,) in rising order. embeddings: (N, D). asked: (M, D). distinct: ids of those that are
    kept. similarity: what a pair needs; within the rounding of float32 either list is right.
    """
    is_kept = np.isin(ids, distinct)
    rows, others, wrong = embeddings.astype(np.float64), asked.astype(np.float64), []
    for number, image_id in enumerate(ids.tolist()):
        before = [others @ rows[number]] if len(others) else []
        if is_kept[:number].any():
            before.append(rows[:number][is_kept[:number]] @ rows[number])
        highest = max((float(products.max()) for products in before), default=-np.inf)
        limit = similarity + (ROUNDING if is_kept[number] else -ROUNDING)
        if (highest >= limit) == bool(is_kept[number]):
            wrong.append(image_id)
    return wrong
