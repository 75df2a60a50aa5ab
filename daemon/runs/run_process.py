"""The process of a run without torch: one verb in one run folder, its failures as records.

Exit codes: 0 done, 2 a request that cannot be done, 3 another process works in the folder, 5 out of
memory, 1 anything else. Every failure but 3 leaves error.json: {"kind", "message"}.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.domain.errors import MaskloopError, RunFailed
from daemon.runs.durable import write_json
from daemon.runs.parent_death import end_with_parent
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

DONE, UNEXPECTED, REQUEST, LOCKED, MEMORY = 0, 1, 2, 3, 5


def run_process(
    program: str, verb: str, work: Callable[[RunFolder], None], arguments: Sequence[str]
) -> int:
    """Do `python -m PROGRAM VERB RUN_FOLDER`. Returns the exit code.

    work: reads the request of the folder and writes its result. It is not called where the folder
    has a result already, nor while another process has the folder.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("verb", choices=(verb,))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    end_with_parent()
    run = RunFolder(options.folder.absolute())
    if not run.path.is_dir():
        log.error("%s: no such run folder", run.path)
        return REQUEST
    try:
        with run.locked():
            return DONE if run.finished() else _run_reporting_errors(run, work)
    except RunFailed as exc:
        log.error("%s", exc)  # noqa: TRY400 - expected: no traceback
        return LOCKED


def _run_reporting_errors(run: RunFolder, work: Callable[[RunFolder], None]) -> int:
    """Do the work; a failure becomes error.json and an exit code."""
    run.error_file.unlink(missing_ok=True)
    try:
        work(run)
    except MaskloopError as exc:
        return _report_error(run, "request", str(exc), REQUEST)
    except MemoryError as exc:
        words = f"out of memory: a pool of this size needs more of it ({exc})"
        return _report_error(run, "memory", words, MEMORY)
    except Exception as exc:
        log.exception("the run failed")
        return _report_error(run, "unexpected", f"{type(exc).__name__}: {exc}", UNEXPECTED)
    return DONE


def _report_error(run: RunFolder, kind: str, message: str, code: int) -> int:
    log.error("%s", message)
    with suppress(OSError):  # the disk may be full; then the exit code says it
        write_json(run.error_file, {"kind": kind, "message": message})
    return code
