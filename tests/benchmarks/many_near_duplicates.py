"""Near-duplicates of more images than can all be compared: how many are found, and what it costs.

    python -m tests.benchmarks.many_near_duplicates [NUMBERS] [IMAGES ...]

Each second image is a near-duplicate of another one, with a similarity that is uniform from 0.98,
the limit, to 1; the others lie in 24 directions of NUMBERS, around one common direction. First the
share of the near-duplicates that the random cells find alone, at 40,000 images where the exact
comparison can follow: as the cells of a million images are cut 11 times and not 7, cells of 20
images are cut as often and hold fewer, so theirs is the lower bound. Then CPU seconds at growing
sizes, the final comparison of all left out, in one thread, and the exponent fitted to them.
"""

from __future__ import annotations

import os
import resource
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from daemon.rules import similar_pairs
from daemon.rules.near_duplicates import FloatArray, representatives

LIMIT = 0.98
WIDTH = 24
BLOCK = 8192


def paired_rows(images: int, numbers: int) -> FloatArray:
    """(images, numbers) unit rows; the second half are near-duplicates of the first."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((WIDTH, numbers), dtype=np.float32) / np.sqrt(WIDTH)
    common = rng.standard_normal(numbers, dtype=np.float32)
    rows, half = np.empty((images, numbers), dtype=np.float32), images // 2
    for start in range(0, half, BLOCK):
        first = rows[start : min(start + BLOCK, half)]
        first[:] = rng.standard_normal((len(first), WIDTH), dtype=np.float32) @ directions + common
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        other = rng.standard_normal(first.shape, dtype=np.float32)
        other -= first * np.vecdot(first, other)[:, None]
        other /= np.linalg.norm(other, axis=1, keepdims=True)
        alike = rng.uniform(LIMIT + 1e-4, 1, (len(first), 1)).astype(np.float32)
        rows[half + start : half + start + len(first)] = (
            alike * first + np.sqrt(1 - alike**2) * other
        )
    rows[2 * half :] = rows[:1]
    return rows


def in_cells_alone(rows: FloatArray, cell: int) -> tuple[list[int], float]:
    """The rows that are kept, and the CPU seconds, when only random cells are compared."""
    similar_pairs.CELL, similar_pairs.MOST_COMPARED = cell, 0
    started = time.process_time()
    kept = similar_pairs.representatives_of_many(
        np.arange(len(rows)),
        rows,
        similarity=LIMIT,
        known=rows[:0],
        rng=np.random.default_rng(0),
    )
    return kept, time.process_time() - started


def found(images: int, numbers: int) -> None:
    rows = paired_rows(images, numbers)
    started = time.process_time()
    exact = representatives(np.arange(images), rows, similarity=LIMIT)
    print(f"{images} images x {numbers}: exact {time.process_time() - started:.1f} CPU s")
    for cell in (512, 20):
        kept, seconds = in_cells_alone(rows, cell)
        share = 1 - len(np.setdiff1d(kept, exact)) / (images - len(exact))
        wrong = len(np.setdiff1d(exact, kept))
        print(
            f"  cells of {cell}: {seconds:.1f} CPU s, {share:.2%} of the near-duplicates found; "
            f"{wrong} images are left out for one that is kept in error"
        )


def main(numbers: int = 128, *sizes: int) -> None:
    print(f"seed 0, 1 thread, load {os.getloadavg()[0]:.0f}")
    with threadpool_limits(limits=1):
        found(40_000, numbers)
        seen = []
        for images in sizes or (100_000, 300_000, 1_000_000):
            rows = paired_rows(images, numbers)
            kept, seconds = in_cells_alone(rows, 512)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / rows.nbytes
            print(
                f"{images} images x {numbers}: {seconds:.1f} CPU s, {len(kept)} kept, "
                f"peak {peak:.2f} x the embeddings"
            )
            seen.append((images, seconds))
    if len(seen) > 1:
        table = np.log(seen)
        print(f"exponent {np.polyfit(table[:, 0], table[:, 1], 1)[0]:.2f}")
    print(f"load at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
