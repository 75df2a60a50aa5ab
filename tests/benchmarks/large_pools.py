"""What `kcenter` and `hybrid` cost on pools of up to a million images, and how it grows.

    python -m tests.benchmarks.large_pools [DIMENSIONS] [LABELED] [PICKS] [IMAGES ...]

Uniform unit vectors, which is the hardest pool for k-center; seed 0. Each choice is made once, in a
process of its own, numba's compilation included. A pass is one sum over all embeddings in the same
process: the ratio travels between machines, the seconds do not. Memory is the largest resident set
of the process, interpreter and packages included, over the size of the embeddings; without the
choice it is what the last column says. The exponent is fitted to the CPU seconds of all sizes from
10,000 images on.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import strategies
from strategies.base import FloatArray, Pool

ROOT = Path(__file__).parents[2]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
BLOCK = 8192


def unit_rows(rows: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    made = np.empty((rows, dimensions), dtype=np.float32)
    for start in range(0, rows, BLOCK):  # no second array of this size
        part = made[start : start + BLOCK]
        rng.standard_normal(out=part, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return made


def made_pool(images: int, dimensions: int, labeled: int) -> Pool:
    rng = np.random.default_rng(0)
    return Pool(
        ids=np.arange(images),
        embeddings=unit_rows(images, dimensions, rng),
        labeled=unit_rows(labeled, dimensions, rng),
        uncertainty=rng.random(images, dtype=np.float32),
    )


def resident() -> int:
    """The largest resident set of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str, images: int, dimensions: int, labeled: int, picks: int) -> None:
    """In a process of its own: print the figures as JSON."""
    pool = made_pool(images, dimensions, labeled)
    assert pool.embeddings is not None
    before, cpu = resident(), time.process_time()
    pool.embeddings.sum()
    one_pass = time.process_time() - cpu
    wall, cpu = time.perf_counter(), time.process_time()
    strategies.load(name).select(pool, picks, np.random.default_rng(0))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    size = pool.embeddings.nbytes
    said = {"wall": wall, "cpu": cpu, "passes": cpu / one_pass, "mb": size / 1e6}
    print(json.dumps(said | {"peak": resident() / size, "before": before / size}))


def measured(name: str, images: int, *rest: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.large_pools", "--measure", name]
    command += [str(number) for number in (images, *rest)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


def main(dimensions: int = 384, labeled: int = 1000, picks: int = 100, *sizes: int) -> None:
    print(
        f"{dimensions} numbers an embedding, {labeled} labeled, {picks} picks, seed 0; "
        f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.0f}"
    )
    print("| strategy | images | wall s | CPU s | CPU in passes | peak memory | before it |")
    print("|---|---|---|---|---|---|---|")
    for name in ("kcenter", "hybrid"):
        seen = []
        for images in sizes or SIZES:
            said = measured(name, images, dimensions, labeled, picks)
            seen.append((images, said["cpu"]))
            memory = f"{said['peak']:.2f} | {said['before']:.2f}" if said["mb"] > 100 else "- | -"
            print(
                f"| `{name}` | {images:,} | {said['wall']:.2f} | {said['cpu']:.2f} | "
                f"{said['passes']:.0f} | {memory} |"
            )
        large = np.log([pair for pair in seen if pair[0] >= 10_000])
        if len(large) > 1:
            print(f"`{name}`: exponent {np.polyfit(large[:, 0], large[:, 1], 1)[0]:.2f}")
    print(f"load at the end {os.getloadavg()[0]:.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], *(int(number) for number in sys.argv[3:]))
    else:
        main(*(int(number) for number in sys.argv[1:]))
