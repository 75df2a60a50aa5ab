"""The choice of a batch as one pure function: who chose each image, in which order, and why.

A share of the batch is drawn uniformly from all candidates (the control arm) and spread over it;
the rest and the reserve are the strategy's, of the images that are no near-duplicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import strategies
from daemon.domain import Pick
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.intake import Intake
from daemon.runs.id_lists import IdArray
from daemon.runs.records import SelectRequest
from daemon.selection.reasons import CONTROL_ARM, reasons_for
from strategies.base import PER_IMAGE, Pool, QueryStrategy


def choose(request: SelectRequest, pool: Pool, distinct: IdArray) -> list[Pick]:
    """The n images of the batch and then the reserve, best first; fewer where the pool has fewer.

    pool: the candidates. distinct: ids of those that are no near-duplicates; as long as enough of
    them remain, the strategy sees no others. Raises ConfigError for a strategy that cannot be made
    or whose code fails, PoolInvalid where it refuses the pool.
    """
    n = min(request.n, len(pool))
    if n == 0:
        return []
    rng = np.random.default_rng([request.seed, request.cycle])
    wanted = min(len(pool), n + request.reserve)
    drawn = uniform_images(request, pool, n, rng)
    strategy = strategies.load(request.strategy, **request.settings)
    rest = _images_for_strategy(pool, drawn, distinct, wanted - len(drawn))
    asked = select_by(strategy, request.strategy, rest, wanted - len(drawn), rng)
    arms = [(image_id, request.strategy) for image_id in asked]
    for index, image_id in enumerate(drawn):  # spread over the batch, so that half of it is fair
        arms.insert(round((index + 0.5) * n / len(drawn)), (image_id, CONTROL_ARM))
    return reasons_for(pool, arms, strategy)


def uniform_images(
    request: SelectRequest, pool: Pool, n: int, rng: np.random.Generator
) -> list[int]:
    """The control arm: a uniform sample of the candidates, a share of the n images."""
    size = round(request.random_share * n)
    return [int(i) for i in rng.choice(np.sort(pool.ids), size=size, replace=False)]


def select_by(
    strategy: QueryStrategy, name: str, pool: Pool, n: int, rng: np.random.Generator
) -> list[int]:
    """The picks of a strategy. Raises ConfigError that names it where its own code fails or its
    answer is no choice of n images, and PoolInvalid where it refuses the pool."""
    intake, refused = Intake(), None
    expected = f"{n} ids of {len(pool)} images"
    cure = "correct the plug-in, or name another strategy"
    with intake.guard(f"[selection] strategy {name!r}", expected=expected, cure=cure):
        try:
            return _checked(strategy.select(pool, n, rng), pool, n)
        except MaskloopError as exc:
            refused = exc
    raise refused or ConfigError("; ".join(map(str, intake.faults())))


def part_of(pool: Pool, ids: IdArray) -> Pool:
    """The images of a pool with these ids; the labeled images stay. ids: (M,), of the pool."""
    rows = np.flatnonzero(np.isin(pool.ids, ids))
    if len(rows) == len(pool):
        return pool
    parts: dict[str, Any] = {
        name: None if (array := getattr(pool, name)) is None else array[rows] for name in PER_IMAGE
    }
    return replace(pool, ids=pool.ids[rows], **parts)


def _images_for_strategy(pool: Pool, drawn: Sequence[int], distinct: IdArray, wanted: int) -> Pool:
    left = np.setdiff1d(pool.ids, np.array(drawn, dtype=np.int64))
    unlike = np.intersect1d(left, distinct)
    return part_of(pool, unlike if len(unlike) >= wanted else left)


def _checked(picked: Sequence[int], pool: Pool, n: int) -> list[int]:
    """The answer of a strategy. Raises ValueError unless it is min(n, N) distinct ids of it."""
    ids = np.array(picked, dtype=np.int64).reshape(-1)
    if foreign := np.setdiff1d(ids, pool.ids).tolist():
        raise ValueError(f"image {foreign[0]}, which is none of these")
    if len(np.unique(ids)) < len(ids):
        raise ValueError("an image twice")
    if len(ids) != min(n, len(pool)):
        raise ValueError(f"{len(ids)} images")
    return [int(image_id) for image_id in ids]
