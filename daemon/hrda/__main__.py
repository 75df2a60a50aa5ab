"""The training process: `python -m daemon.hrda VERB RUN_FOLDER`.

VERB is embed, features, train, predict, audit or near-duplicates.

Exit codes: 0 done, 2 a request that cannot be done, 3 another process works in the folder, 4 no
image or mask of a kind that the run needs can be used, 5 out of memory, 6 the disk is full, 143
stopped by SIGTERM, 1 anything else. Every failure but 3 leaves error.json: {"kind", "message"},
and "faults" for kind "image": the files with their roles (daemon/runs/records.py). A file that the
run does not need is left out and listed in the faults of result.json.

Several GPUs: `torchrun --nproc-per-node N -m daemon.hrda train RUN_FOLDER`. The process of rank 0
locks the folder; `embed`, `features` and `predict` run in it alone.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.domain.errors import ConfigError, ImageRefused, MaskRefused, RunFailed
from daemon.hrda.out_of_memory import is_out_of_memory
from daemon.runs.durable import write_json
from daemon.runs.parent_death import end_with_parent
from daemon.runs.run_folder import (
    AuditRequest,
    DistinctRequest,
    EmbedRequest,
    FeaturesRequest,
    PredictRequest,
    RunFolder,
    TrainRequest,
)

log = logging.getLogger("daemon.hrda")

# Threads that spin at barriers cost half of the speed on cores that other processes use.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Whether torchrun started several processes.
DISTRIBUTED = os.environ.get("WORLD_SIZE", "1") != "1"
RANK = int(os.environ.get("RANK", "0")) if DISTRIBUTED else 0
ERROR_WAIT_S = 1.0  # for the process that failed first to write its error

DONE, UNEXPECTED, REQUEST, LOCKED, IMAGE, MEMORY, DISK, STOPPED = 0, 1, 2, 3, 4, 5, 6, 143


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    started_s = time.monotonic()
    parser = argparse.ArgumentParser(prog="python -m daemon.hrda", description=__doc__)
    parser.add_argument(
        "verb", choices=("embed", "features", "train", "predict", "audit", "near-duplicates")
    )
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    end_with_parent()
    folder = RunFolder(options.folder.absolute())
    if not folder.path.is_dir():
        log.error("%s: no such run folder", folder.path)
        return REQUEST
    if RANK:
        return _run_beside_rank_0(options.verb, folder, started_s)
    try:
        with folder.locked():
            return _run_unless_finished(options.verb, folder, started_s)
    except RunFailed as exc:
        log.error("%s", exc)  # noqa: TRY400 - expected: no traceback
        return LOCKED


def _run_beside_rank_0(verb: str, folder: RunFolder, started_s: float) -> int:
    """Run a process of another rank: it trains too, and writes nothing but errors."""
    if verb != "train" or folder.finished():
        return DONE
    return _run_reporting_errors(verb, folder, started_s)


def _run_unless_finished(verb: str, folder: RunFolder, started_s: float) -> int:
    """Run the verb, with the folder locked, unless it has finished already."""
    if folder.finished():
        log.info("%s: is finished already", folder.path)
        return DONE
    folder.error_file.unlink(missing_ok=True)
    return _run_reporting_errors(verb, folder, started_s)


def _run_reporting_errors(verb: str, folder: RunFolder, started_s: float) -> int:
    """Run the verb; a failure becomes error.json and an exit code."""
    try:
        _run(verb, folder, started_s)
    except BaseException as exc:
        return report_error(folder, exc)
    return DONE


def _run(verb: str, folder: RunFolder, started_s: float) -> None:
    if verb == "near-duplicates":  # numpy alone: torch would take longer to load than its work
        from daemon.hrda.near_duplicates import near_duplicates

        near_duplicates(folder, folder.read_request(DistinctRequest))
        return
    from daemon.hrda.device import keep_freed_memory

    keep_freed_memory()
    if verb == "embed":
        from daemon.hrda.embed import embed

        embed(folder, folder.read_request(EmbedRequest))
    elif verb == "features":
        from daemon.hrda.dense_features import features

        features(folder, folder.read_request(FeaturesRequest))
    elif verb == "train":
        from daemon.hrda.train import train

        train(folder, folder.read_request(TrainRequest), started_s)
    elif verb == "audit":
        from daemon.hrda.audit import audit

        audit(folder, folder.read_request(AuditRequest))
    else:
        from daemon.hrda.predict import predict

        predict(folder, folder.read_request(PredictRequest))


def report_error(folder: RunFolder, exc: BaseException) -> int:
    """Write error.json. Returns the exit code."""
    kind, code = _kind_of(exc)
    if code == STOPPED:
        log.info("stopped: %s", exc)
        return STOPPED
    message = str(exc) or type(exc).__name__
    if code == MEMORY:
        message = f"out of memory: lower context_px or width, or free memory ({message})"
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
        _write_error(folder, content)
    return code


def _write_error(folder: RunFolder, content: dict[str, Any]) -> None:
    """Write error.json. Of several processes the first that failed writes it.

    The others only fail because they lose the connection to that one.
    """
    if not RANK:
        if DISTRIBUTED and content["kind"] == "unexpected":
            time.sleep(ERROR_WAIT_S)
        if not DISTRIBUTED or not folder.error_file.exists():
            write_json(folder.error_file, content)
        return
    own = folder.path / f"error.{RANK}.json"
    write_json(own, content)
    with suppress(FileExistsError):
        folder.error_file.hardlink_to(own)
    own.unlink()


def _kind_of(exc: BaseException) -> tuple[str, int]:
    """The kind for error.json, and the exit code."""
    if type(exc).__name__ in ("Stopped", "KeyboardInterrupt"):  # by name: torch may not be loaded
        return "stopped", STOPPED
    if isinstance(exc, ImageRefused | MaskRefused) or (isinstance(exc, RunFailed) and exc.faults):
        return "image", IMAGE
    if is_out_of_memory(exc):
        return "memory", MEMORY
    if isinstance(exc, ConfigError | RunFailed):
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
