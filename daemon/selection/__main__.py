"""`python -m daemon.selection select RUN_FOLDER`: the choice from a large pool, as a process.

Exit codes and error.json: daemon/runs/run_process.py.
"""

from __future__ import annotations

import sys
from functools import partial

from daemon.runs.id_lists import read_id_lists
from daemon.runs.records import Progress, SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.runs.run_process import do_run, read_command, report_error
from daemon.selection.computation import computed

PROGRAM = "python -m daemon.selection"
MEMORY_ADVICE = "a pool of this size needs more of it"


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    _, folder = read_command(arguments, ("select",), program=PROGRAM, description=__doc__)
    return do_run(folder, select, partial(report_error, memory_advice=MEMORY_ADVICE))


def select(run: RunFolder) -> None:
    """Choose as the request says, and write the result."""
    request, lists = run.read_request(SelectRequest), read_id_lists(run.path)
    run.write_progress(Progress(phase="choosing images", step=0, steps=1))
    run.write_result(computed(request, lists, run.path.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
