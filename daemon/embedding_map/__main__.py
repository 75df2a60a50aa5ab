"""`python -m daemon.embedding_map map RUN_FOLDER`: draws the map of the images, as a process.

It asks for the lowest priority and one thread, so that a training beside it loses nothing. Its exit
codes and error.json: daemon/runs/run_process.py.
"""

from __future__ import annotations

import os
import sys

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from daemon.embedding_map.drawing import draw
from daemon.runs.map_files import MAP
from daemon.runs.run_process import run_process

LOWEST_PRIORITY = 19


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    os.nice(LOWEST_PRIORITY)
    with threadpool_limits(1):  # also so that the points do not depend on the number of cores
        return run_process("daemon.embedding_map", MAP, draw, arguments)


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # read when numba is imported, in the run
    sys.exit(main(sys.argv[1:]))
