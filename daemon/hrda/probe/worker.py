"""A process that does one run after the other, as its standard input tells it.

Each line is a JSON list of a verb and a run folder; the end of the input is the end of the
process. A run that fails ends the process too, with the exit codes of daemon/runs/run_process.py.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue

from daemon.runs.parent_death import PARENT_DIED
from daemon.runs.run_folder import RunFolder
from daemon.runs.run_process import DONE, Work, do_run, report_error

Verbs = Mapping[str, Work]


def serve(verbs: Verbs) -> int:
    """Do the runs of standard input until it ends. Returns an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    for verb, path in _lines():
        code = _run(verbs[verb], RunFolder(Path(path)))
        if code != DONE:
            return code
    return DONE


def _lines() -> Iterator[tuple[str, str]]:
    """The lines of standard input; at its end the process ends, also during a run."""
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read_lines, args=(lines,), name="parent", daemon=True).start()
    while True:
        verb, path = json.loads(lines.get())
        yield verb, path


def _read_lines(lines: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(PARENT_DIED)


def _run(work: Work, folder: RunFolder) -> int:
    _print_into(folder.log)
    return do_run(folder, work, report_error)


def _print_into(path: Path) -> None:
    """Send what this process prints from now on to the end of a file."""
    with path.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
