"""Open the scores of a million images and read a column once.

    python -m tests.benchmarks.score_file [--rows 1000000] [--columns 256] [--folder /dev/shm]

Writes scores.npz of random embeddings with as many uncertainties, then times three times: opening
it (`RunFolder.read_scores`), and opening it with every number read once (their sum). Beside it
`numpy.load`, which reads all arrays whole. The file lies in the page cache: the disk is not
measured. One JSON line; exit 0 when opening and reading once take under 2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import RunFolder
from daemon.runs.score_columns import ALIGNMENT, write_columns

TARGET_S = 2.0


def free_bytes(folder: Path) -> int:
    """Of the disk and, since it may be memory, of that."""
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(shutil.disk_usage(folder).free, pages)


def written(run: RunFolder, rows: int, columns: int) -> None:
    """scores.npz of random numbers; the generator fills one array, which is written once."""
    rng = np.random.default_rng(0)
    with atomic_file(run.scores_file) as part:
        write_columns(
            part,
            {
                "ids": np.arange(rows),
                "embeddings": rng.random((rows, columns), np.float32),
                "uncertainty": rng.random(rows, np.float32),
            },
        )


def timed(work: Callable[[], object]) -> dict[str, float]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return {
        "wall_s": round(time.perf_counter() - wall_s, 3),
        "cpu_s": round(time.process_time() - cpu_s, 3),
    }


def read_once(run: RunFolder) -> float:
    """Open the file and look at every number of it once."""
    scores = run.read_scores()
    return float(sum(column.sum() for column in vars(scores).values() if column is not None))


def read_by_numpy(run: RunFolder) -> float:
    with np.load(run.scores_file, allow_pickle=False) as arrays:
        return float(sum(arrays[name].sum() for name in arrays.files))


def main() -> int:
    """Print the JSON line; whether the target holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=256)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    need = 3 * options.rows * options.columns * 4
    if free_bytes(options.folder) < need:
        raise SystemExit(f"{options.folder}: less than {need / 1e9:.1f} GB free; name --folder")
    folder = Path(tempfile.mkdtemp(prefix="maskloop-scores-", dir=options.folder))
    try:
        run = RunFolder(folder)
        written(run, options.rows, options.columns)
        rounds = [
            {
                "open": timed(run.read_scores),
                "read once": timed(lambda: read_once(run)),
                "numpy.load": timed(lambda: read_by_numpy(run)),
            }
            for _ in range(3)
        ]
    finally:
        shutil.rmtree(folder)
    holds = all(one["read once"]["wall_s"] < TARGET_S for one in rounds)
    print(
        json.dumps(
            {
                "holds": holds,
                "rows": options.rows,
                "columns": options.columns,
                "alignment": ALIGNMENT,
                "rounds": rounds,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "load": round(os.getloadavg()[0], 1),
            }
        )
    )
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
