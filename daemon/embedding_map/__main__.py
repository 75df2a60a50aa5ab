"""`python -m daemon.embedding_map map RUN_FOLDER`: draws the map of the images, as a process.

It works at the lowest priority and on one thread, so that a training beside it loses nothing. Exit
codes and error.json: daemon/runs/run_process.py.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from daemon.embedding_map.drawing import draw
from daemon.runs.map_files import MAP
from daemon.runs.run_process import do_run, read_command, report_error

PROGRAM = "python -m daemon.embedding_map"
MEMORY_ADVICE = "a map of this many images needs more of it"
LOWEST_PRIORITY = 19


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    _, folder = read_command(arguments, (MAP,), program=PROGRAM, description=__doc__)
    os.nice(LOWEST_PRIORITY)
    with threadpool_limits(1):  # also so that the points do not depend on the number of cores
        return do_run(folder, draw, partial(report_error, memory_advice=MEMORY_ADVICE))


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # read when numba is imported, in the run
    sys.exit(main(sys.argv[1:]))
