"""`python -m daemon.selection select RUN_FOLDER`: the choice from a large pool, as a process.

Exit codes: 0 done, 2 a request that cannot be done, 3 another process works in the folder, 5 out of
memory, 1 anything else. Every failure but 3 leaves error.json: {"kind", "message"}.
"""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import suppress
from pathlib import Path

from daemon.domain.errors import MaskloopError, RunFailed
from daemon.runs.durable import write_json
from daemon.runs.id_lists import read_id_lists
from daemon.runs.parent_death import end_with_parent
from daemon.runs.records import Progress, SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.selection.computation import computed

log = logging.getLogger("daemon.selection")

DONE, UNEXPECTED, REQUEST, LOCKED, MEMORY = 0, 1, 2, 3, 5


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m daemon.selection", description=__doc__)
    parser.add_argument("verb", choices=("select",))
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
            return DONE if run.finished() else _run_reporting_errors(run)
    except RunFailed as exc:
        log.error("%s", exc)  # noqa: TRY400 - expected: no traceback
        return LOCKED


def select(run: RunFolder) -> None:
    """Choose as the request says, and write the result."""
    request, lists = run.read_request(SelectRequest), read_id_lists(run.path)
    run.write_progress(Progress(phase="choosing images", step=0, steps=1))
    run.write_result(computed(request, lists, run.path.parent))


def _run_reporting_errors(run: RunFolder) -> int:
    """Run the verb; a failure becomes error.json and an exit code."""
    run.error_file.unlink(missing_ok=True)
    try:
        select(run)
    except MaskloopError as exc:
        return _report_error(run, "request", str(exc), REQUEST)
    except MemoryError as exc:
        words = f"out of memory: a pool of this size needs more of it ({exc})"
        return _report_error(run, "memory", words, MEMORY)
    except Exception as exc:
        log.exception("the choice failed")
        return _report_error(run, "unexpected", f"{type(exc).__name__}: {exc}", UNEXPECTED)
    return DONE


def _report_error(run: RunFolder, kind: str, message: str, code: int) -> int:
    log.error("%s", message)
    with suppress(OSError):  # the disk may be full; then the exit code says it
        write_json(run.error_file, {"kind": kind, "message": message})
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
