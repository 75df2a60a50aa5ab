"""A process that does one run: its command line, the lock of the folder, error.json, exit codes.

`python -m PACKAGE VERB RUN_FOLDER` is how the daemon starts each of them. Exit codes: 0 done, 2 a
request that cannot be done, 3 another process works in the folder, 4 no image or mask of a kind
that the run needs can be used, 5 out of memory, 6 the disk is full, 143 stopped by SIGTERM, 1
anything else. Every failure but 3 leaves error.json: {"kind", "message"}, and "faults" for kind
"image": the files with their roles (daemon/runs/records.py). Without torch.
"""

from __future__ import annotations

import argparse
import errno
import logging
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.domain.errors import ImageRefused, MaskloopError, MaskRefused, RunFailed
from daemon.runs.durable import write_json
from daemon.runs.out_of_memory import is_out_of_memory
from daemon.runs.parent_death import die_with_parent, end_with_parent
from daemon.runs.run_folder import RunFolder

log = logging.getLogger(__name__)

DONE, UNEXPECTED, REQUEST, LOCKED, IMAGE, MEMORY, DISK, STOPPED = 0, 1, 2, 3, 4, 5, 6, 143
MEMORY_ADVICE = "free memory"

Work = Callable[[RunFolder], None]
Report = Callable[[RunFolder, BaseException], int]
WriteError = Callable[[RunFolder, dict[str, Any]], None]


def read_command(
    arguments: Sequence[str],
    verbs: Collection[str],
    *,
    program: str,
    description: str | None,
    readers: Collection[str] = (),
) -> tuple[str, RunFolder]:
    """The verb and the run folder of a command line. Ends the process where it is no such line.

    From here on the process ends with its parent, and logs to standard error. readers: verbs that
    read standard input themselves.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("verb", choices=tuple(verbs))
    parser.add_argument("folder", type=Path)
    typed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    if typed.verb in readers:
        die_with_parent()
    else:
        end_with_parent()
    folder = RunFolder(typed.folder.absolute())
    if not folder.path.is_dir():
        log.error("%s: no such run folder", folder.path)
        raise SystemExit(REQUEST)
    return typed.verb, folder


def do_run(folder: RunFolder, work: Work, report: Report) -> int:
    """Lock the folder and do its run, unless it is finished. Returns the exit code."""
    try:
        with folder.locked():
            if folder.finished():
                log.info("%s: is finished already", folder.path)
                return DONE
            folder.error_file.unlink(missing_ok=True)
            return do_reporting_errors(folder, work, report)
    except RunFailed as exc:
        log.error("%s", exc)  # noqa: TRY400 - expected: no traceback
        return LOCKED


def do_reporting_errors(folder: RunFolder, work: Work, report: Report) -> int:
    """Do the run without its lock; `report` turns a failure into error.json and an exit code."""
    try:
        work(folder)
    except SystemExit as exc:  # it has said why
        return exc.code if isinstance(exc.code, int) else UNEXPECTED
    except BaseException as exc:
        return report(folder, exc)
    return DONE


def write_error(folder: RunFolder, content: dict[str, Any]) -> None:
    """Write error.json."""
    write_json(folder.error_file, content)


def report_error(
    folder: RunFolder,
    exc: BaseException,
    *,
    memory_advice: str = MEMORY_ADVICE,
    write: WriteError = write_error,
) -> int:
    """Log a failure and write error.json. Returns the exit code.

    memory_advice: what to do where memory is short.
    """
    kind, code = failure_of(exc)
    if code == STOPPED:
        log.info("stopped: %s", exc)
        return STOPPED
    message = str(exc) or type(exc).__name__
    if code == MEMORY:
        message = f"out of memory: {memory_advice} ({message})"
    if code == DISK:
        message = (
            f"the disk of {folder.path} is full: free some space; the run goes on as last saved"
        )
    if code == UNEXPECTED:
        log.error("%s", "".join(traceback.format_exception(exc)))
        message = f"{type(exc).__name__}: {message}"
    else:
        log.error("%s", message)
    content: dict[str, Any] = {"kind": kind, "message": message}
    faults = exc.faults if isinstance(exc, RunFailed) else ()
    if faults:
        content["faults"] = [fault.model_dump(mode="json") for fault in faults]
    with suppress(OSError):  # the disk may be full; then the exit code says it
        write(folder, content)
    return code


def failure_of(exc: BaseException) -> tuple[str, int]:
    """The kind for error.json, and the exit code."""
    if type(exc).__name__ in ("Stopped", "KeyboardInterrupt"):  # by name: torch may not be loaded
        return "stopped", STOPPED
    if isinstance(exc, ImageRefused | MaskRefused) or (isinstance(exc, RunFailed) and exc.faults):
        return "image", IMAGE
    if is_out_of_memory(exc):
        return "memory", MEMORY
    if isinstance(exc, MaskloopError):
        return "request", REQUEST
    if _is_disk_full(exc):
        return "disk", DISK
    return "unexpected", UNEXPECTED


def _is_disk_full(exc: BaseException | None) -> bool:
    """Whether a full disk is among its causes; torch.save raises an error of its own for it."""
    while exc is not None:
        if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
