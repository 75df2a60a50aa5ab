"""Seconds a pick of k-center, against the plain numpy way, in one run on one machine.

    python tests/benchmarks/kcenter.py [IMAGES] [DIMENSIONS] [LABELED] [PICKS]

The ratio travels between machines, the milliseconds do not. Best of three, interleaved.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

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


def main(images: int = 20_000, dimensions: int = 384, labeled: int = 100, picks: int = 50) -> None:
    rng = np.random.default_rng(0)
    pool = Pool(
        ids=np.arange(images),
        embeddings=unit_rows(rng, images, dimensions),
        labeled=unit_rows(rng, labeled, dimensions),
    )
    ours = strategies.load("kcenter")
    if ours.select(pool, picks, rng) != plain(pool, picks):
        raise SystemExit("the two do not pick the same images")

    times = {
        name: min(seconds(work) for _ in range(3))
        for name, work in {
            "seed, ours": lambda: ours.select(pool, 1, rng),
            "seed, plain": lambda: plain(pool, 1),
            "all, ours": lambda: ours.select(pool, 1 + picks, rng),
            "all, plain": lambda: plain(pool, 1 + picks),
        }.items()
    }
    print(f"{images} images x {dimensions}, {labeled} labeled, {picks} picks, seed 0")
    for part, unit in (("seed", 1), ("all", picks)):
        each = {
            who: (times[f"{part}, {who}"] - (part == "all") * times[f"seed, {who}"]) / unit
            for who in ("ours", "plain")
        }
        label = "seeding" if part == "seed" else "a pick"
        print(
            f"{label:8} ours {1e3 * each['ours']:9.3f} ms   plain {1e3 * each['plain']:9.3f} ms   "
            f"{each['plain'] / each['ours']:.1f} times faster"
        )


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
