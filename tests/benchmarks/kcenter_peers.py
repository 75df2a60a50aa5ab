"""Seconds of greedy k-center, against other active-learning packages that offer it.

    python -m tests.benchmarks.kcenter_peers PEERS [IMAGES] [DIMENSIONS] [LABELED] [PICKS]

PEERS: the Python of an environment of its own with `pip install scikit-activeml modAL-python
small-text`, which this project needs for nothing else; what is not installed there is left out.
The task is the same for all: L2-normalised embeddings, some labeled, Euclidean distance. modAL has
no k-center of its own; its ranked batch with equal uncertainties weighs only the distance, and is
one. Each runs once, in a process of its own, its import and a first small choice not counted.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
Rows = np.ndarray[Any, Any]
Picker = Callable[[Rows, Rows, int], list[int]]  # pool, labeled, picks


def ours(pool: Rows, labeled: Rows, picks: int) -> list[int]:
    import strategies
    from strategies.base import Pool

    given = Pool(ids=np.arange(len(pool)), embeddings=pool, labeled=labeled)
    return strategies.load("kcenter").select(given, picks, np.random.default_rng(0))


def scikit_activeml(pool: Rows, labeled: Rows, picks: int) -> list[int]:
    from skactiveml.pool import CoreSet

    y = np.concatenate([np.full(len(pool), np.nan), np.zeros(len(labeled))])
    found = CoreSet(random_state=0).query(np.concatenate([pool, labeled]), y, batch_size=picks)
    return [int(row) for row in found]


def modal(pool: Rows, labeled: Rows, picks: int) -> list[int]:
    from types import SimpleNamespace

    from modAL.batch import ranked_batch

    learner = SimpleNamespace(on_transformed=False, X_training=labeled)
    found, _ = ranked_batch(learner, pool, np.zeros(len(pool)), picks, "euclidean", None)
    return [int(row) for row in found]


def small_text(pool: Rows, labeled: Rows, picks: int) -> list[int]:
    from small_text.query_strategies.coresets import greedy_coreset

    both = np.concatenate([pool, labeled])
    mine, theirs = np.split(np.arange(len(both)), [len(pool)])
    found = greedy_coreset(both, mine, theirs, picks, "euclidean", normalized=True)
    return [int(row) for row in found]


PEERS: dict[str, Picker] = {
    "maskloop": ours,
    "scikit-activeml": scikit_activeml,
    "modAL-python": modal,
    "small-text": small_text,
}


def unit_rows(rows: int, dimensions: int, seed: int) -> Rows:
    made = np.random.default_rng(seed).standard_normal((rows, dimensions), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def measure(name: str, folder: Path, picks: int) -> None:
    """In the process of one package: print its version, times and picks as JSON."""
    pick = PEERS[name]
    pick(unit_rows(300, 8, 1), unit_rows(5, 8, 2), 3)
    pool, labeled = np.load(folder / "pool.npy"), np.load(folder / "labeled.npy")
    wall, cpu = time.perf_counter(), time.process_time()
    found = pick(pool, labeled, picks)
    said = {
        "version": "this" if name == "maskloop" else importlib.metadata.version(name),
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "picks": found,
    }
    print(json.dumps(said))


def compared(name: str, python: str, folder: Path, picks: int) -> dict[str, Any] | None:
    command = [python, "-m", "tests.benchmarks.kcenter_peers", "--measure", name]
    command += [str(folder), str(picks)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(f"{name}: {ran.stderr.strip().splitlines()[-1]}")
        return None
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said


def main(
    peers: str, images: int = 100_000, dimensions: int = 256, labeled: int = 100, picks: int = 100
) -> None:
    print(
        f"{images} x {dimensions}, {labeled} labeled, {picks} picks, seeds 3 and 4; "
        f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.0f}"
    )
    print(
        "| package | wall s | CPU s | CPU s over ours | picks as ours |",
        "|---|---|---|---|---|",
        sep="\n",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "pool.npy", unit_rows(images, dimensions, 3))
        np.save(folder / "labeled.npy", unit_rows(labeled, dimensions, 4))
        first: dict[str, Any] | None = None
        for who in PEERS:
            said = compared(who, sys.executable if who == "maskloop" else peers, folder, picks)
            if said is None:
                continue
            first = first or said
            same = sum(a == b for a, b in zip(said["picks"], first["picks"], strict=True))
            print(
                f"| {who} {said['version']} | {said['wall']:.2f} | {said['cpu']:.2f} | "
                f"{said['cpu'] / first['cpu']:.1f} | {same} of {picks} |"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(sys.argv[1], *(int(number) for number in sys.argv[2:]))
