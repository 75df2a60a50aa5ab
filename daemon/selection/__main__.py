"""`python -m daemon.selection select RUN_FOLDER`: the choice from a large pool, as a process.

Its exit codes and error.json: daemon/runs/run_process.py.
"""

from __future__ import annotations

import sys

from daemon.runs.id_lists import read_id_lists
from daemon.runs.records import Progress, SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.runs.run_process import run_process
from daemon.selection.computation import computed


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    return run_process("daemon.selection", "select", select, arguments)


def select(run: RunFolder) -> None:
    """Choose as the request says, and write the result."""
    request, lists = run.read_request(SelectRequest), read_id_lists(run.path)
    run.write_progress(Progress(phase="choosing images", step=0, steps=1))
    run.write_result(computed(request, lists, run.path.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
