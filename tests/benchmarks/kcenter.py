"""Seconds a pick of k-center, against the plain numpy way, in one run on one machine.

    python -m tests.benchmarks.kcenter [IMAGES] [DIMENSIONS] [LABELED] [PICKS]

The ratio travels between machines, the milliseconds do not. Best of three, in turns; seeding
is a first pick beside LABELED images, a pick is one of PICKS without any.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

import strategies
from strategies.base import FloatArray, Pool


def plain(pool: Pool, n: int) -> list[int]:
    """K-center as one writes it first: differences, and one pass a labeled image."""
    assert pool.embeddings is not None
    gap = np.full(len(pool), np.inf, dtype=np.float32)
    for center in pool.labeled:
        gap = np.minimum(gap, np.linalg.norm(pool.embeddings - center, axis=1))
    picks: list[int] = []
    for _ in range(n):
        picks.append(int(gap.argmax()))
        center = pool.embeddings[picks[-1]]
        gap = np.minimum(gap, np.linalg.norm(pool.embeddings - center, axis=1))
    return [int(pool.ids[row]) for row in picks]


def unit_rows(rng: np.random.Generator, rows: int, dimensions: int) -> FloatArray:
    numbers = rng.standard_normal((rows, dimensions), dtype=np.float32)
    return numbers / np.linalg.norm(numbers, axis=1, keepdims=True)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least of three times each, taken in turns so that a busy moment hits all."""
    times = [{who: seconds(call) for who, call in work.items()} for _ in range(3)]
    return {who: min(turn[who] for turn in times) for who in work}


def report(part: str, times: dict[str, float], unit: int) -> None:
    ours, plain_way = (1e3 * times[who] / unit for who in ("ours", "plain"))
    ratio = plain_way / ours
    print(f"{part:8} ours {ours:9.3f} ms   plain {plain_way:9.3f} ms   {ratio:.1f} times faster")


def main(images: int = 20_000, dimensions: int = 384, labeled: int = 100, picks: int = 50) -> None:
    rng = np.random.default_rng(0)
    fresh = Pool(ids=np.arange(images), embeddings=unit_rows(rng, images, dimensions))
    pool = replace(fresh, labeled=unit_rows(rng, labeled, dimensions))
    ours = strategies.load("kcenter")
    if ours.select(pool, picks, rng) != plain(pool, picks):
        raise SystemExit("the two do not pick the same images")

    print(f"{images} images x {dimensions}, {labeled} labeled, {picks} picks, seed 0")
    seeding = {"ours": lambda: ours.select(pool, 1, rng), "plain": lambda: plain(pool, 1)}
    report("seeding", best(seeding), 1)
    picking = {"ours": lambda: ours.select(fresh, picks, rng), "plain": lambda: plain(fresh, picks)}
    report("a pick", best(picking), picks)


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
