"""Seconds and extra memory of every shipped strategy on pools of growing size.

    python -m tests.benchmarks.strategies [DIMENSIONS] [LABELED] [PICKS] [IMAGES ...]

Random embeddings around 50 centers, seed 0. The memory is the peak of what numpy and Python
allocate beside the pool, over the size of the embeddings; its run is a second one, not timed. The
last column is the exponent of the CPU seconds over the two largest pools.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import time
import tracemalloc

import numpy as np

import strategies
from strategies.base import Pool, QueryStrategy, Signals

SIZES = (1_000, 10_000, 100_000)
GROUPS = 50
GRADIENT = 64  # numbers of a gradient


def made_pool(images: int, labeled: int, dimensions: int) -> Pool:
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((GROUPS, dimensions), dtype=np.float32)
    rows = rng.standard_normal((images + labeled, dimensions), dtype=np.float32)
    rows += centers[rng.integers(GROUPS, size=len(rows))]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    measures = ("uncertainty", "margin", "least_confidence", "scale_disagreement")
    return Pool(
        ids=rng.permutation(images).astype(np.int64),
        embeddings=rows[:images],
        labeled=rows[images:],
        class_share=rng.dirichlet((20.0, 1.0, 0.1), size=images).astype(np.float32),
        class_uncertainty=rng.random((images, 3), dtype=np.float32),
        gradients=rng.standard_normal((images, GRADIENT), dtype=np.float32),
        signals=Signals(  # few labels hold the last class: `auto` explores, which costs most
            cycle=1, classes=("a", "b", "c"), labels=labeled, class_labels=(labeled, labeled, 3)
        ),
        **{name: rng.random(images, dtype=np.float32) for name in measures},  # type: ignore[arg-type]
    )


def seconds(strategy: QueryStrategy, pool: Pool, picks: int) -> tuple[float, float]:
    """Wall clock and CPU seconds of one choice."""
    wall, cpu = time.perf_counter(), time.process_time()
    strategy.select(pool, picks, np.random.default_rng(0))
    return time.perf_counter() - wall, time.process_time() - cpu


def extra_memory(strategy: QueryStrategy, pool: Pool, picks: int) -> float:
    """Peak beside the pool, over the size of the embeddings."""
    assert pool.embeddings is not None
    tracemalloc.start()
    strategy.select(pool, picks, np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / pool.embeddings.nbytes


def main(dimensions: int = 256, labeled: int = 200, picks: int = 32, *sizes: int) -> None:
    sizes = sizes or SIZES
    load = os.getloadavg()[0]
    print(
        f"{dimensions} numbers an embedding, {labeled} labeled, {picks} picks, seed 0; "
        f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, load {load:.0f}"
    )
    pools = [made_pool(images, labeled, dimensions) for images in sizes]
    print(
        "| strategy |",
        *(f"{images:,}: wall s / CPU s |" for images in sizes),
        "memory | exponent |",
    )
    for name in strategies.SHIPPED:
        strategy = strategies.load(name)
        strategy.select(made_pool(50, 5, dimensions), 3, np.random.default_rng(0))  # imports
        times = [seconds(strategy, pool, picks) for pool in pools]
        exponent = "-"
        if len(sizes) > 1 and times[-2][1] > 0.01:
            exponent = f"{math.log(times[-1][1] / times[-2][1], sizes[-1] / sizes[-2]):.2f}"
        cells = " ".join(f"{wall:.2f} / {cpu:.2f} |" for wall, cpu in times)
        print(f"| `{name}` | {cells} {extra_memory(strategy, pools[-1], picks):.2f} | {exponent} |")
    print(f"load at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
