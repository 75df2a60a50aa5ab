"""`python -m daemon.hrda embed|train|predict|near-duplicates RUN_FOLDER`: the training process.

Exit codes: 0 done, 2 a request that cannot be done, 3 the folder is held by another process,
4 images or masks without which the run cannot go on, 5 out of memory, 6 the disk is full,
1 anything else, 143 stopped by SIGTERM. Every failure but 3 leaves error.json: {"kind",
"message"}, and "faults" for kind "image": the files with their roles (daemon/runs/records.py). A
file that a run can go on without is left out and stands in the faults of result.json.

Several GPUs: `torchrun --nproc-per-node N -m daemon.hrda train RUN_FOLDER`. The process of rank 0
holds the folder; `embed` and `predict` run in it alone.
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
from daemon.hrda.parent import die_with_parent
from daemon.runs.durable import write_json
from daemon.runs.folder import (
    DistinctRequest,
    EmbedRequest,
    PredictRequest,
    RunFolder,
    TrainRequest,
)

log = logging.getLogger("daemon.hrda")

# On cores that others use too, threads that spin at each barrier cost half of the speed.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Among the processes that torchrun started.
TOGETHER = os.environ.get("WORLD_SIZE", "1") != "1"
RANK = int(os.environ.get("RANK", "0")) if TOGETHER else 0
WORDS_S = 1.0  # for a process that fails to say why, before the others lose it

DONE, UNEXPECTED, REQUEST, HELD, IMAGE, MEMORY, DISK, STOPPED = 0, 1, 2, 3, 4, 5, 6, 143


def main(arguments: list[str]) -> int:
    """Do one run; the exit code."""
    started_s = time.monotonic()
    parser = argparse.ArgumentParser(prog="python -m daemon.hrda", description=__doc__)
    parser.add_argument("verb", choices=("embed", "train", "predict", "near-duplicates"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    die_with_parent()
    folder = RunFolder(options.folder.absolute())
    if not folder.path.is_dir():
        log.error("%s: no such run folder", folder.path)
        return REQUEST
    if RANK:
        return _followed(options.verb, folder, started_s)
    try:
        with folder.locked():
            return _held(options.verb, folder, started_s)
    except RunFailed as exc:
        log.error("%s", exc)  # noqa: TRY400 - expected: no traceback
        return HELD


def _followed(verb: str, folder: RunFolder, started_s: float) -> int:
    """What a process of another rank does: it trains along, and writes nothing but failures."""
    if verb != "train" or folder.finished():
        return DONE
    return _tried(verb, folder, started_s)


def _held(verb: str, folder: RunFolder, started_s: float) -> int:
    """Run the verb with the lock held, unless that is done."""
    if folder.finished():
        log.info("%s: is finished already", folder.path)
        return DONE
    folder.error_file.unlink(missing_ok=True)
    return _tried(verb, folder, started_s)


def _tried(verb: str, folder: RunFolder, started_s: float) -> int:
    """Run the verb; a failure becomes words and a code."""
    try:
        _run(verb, folder, started_s)
    except BaseException as exc:
        return _told(folder, exc)
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
    elif verb == "train":
        from daemon.hrda.train import train

        train(folder, folder.read_request(TrainRequest), started_s)
    else:
        from daemon.hrda.predict import predict

        predict(folder, folder.read_request(PredictRequest))


def _told(folder: RunFolder, exc: BaseException) -> int:
    """Leave error.json and say the code."""
    kind, code = _kind_of(exc)
    if code == STOPPED:
        log.info("stopped: %s", exc)
        return STOPPED
    message = str(exc) or type(exc).__name__
    if code == MEMORY:
        message = f"out of memory: lower context_px or width, or free memory ({message})"
    if code == DISK:
        message = f"the disk of {folder.path} is full: free some space; it goes on as last saved"
    if code == UNEXPECTED:
        log.error("%s", "".join(traceback.format_exception(exc)))
        message = f"{type(exc).__name__}: {message}"
    else:
        log.error("%s", message)
    content: dict[str, Any] = {"kind": kind, "message": message}
    faults = exc.faults if isinstance(exc, RunFailed) else ()
    if faults:
        content["faults"] = [fault.model_dump(mode="json") for fault in faults]
    with suppress(OSError):  # of a disk without any space; the code says it then
        _leave(folder, content)
    return code


def _leave(folder: RunFolder, content: dict[str, Any]) -> None:
    """Write error.json. Of several processes the first that knows why has the word.

    The others only lose the connection to it.
    """
    if not RANK:
        if TOGETHER and content["kind"] == "unexpected":
            time.sleep(WORDS_S)
        if not TOGETHER or not folder.error_file.exists():
            write_json(folder.error_file, content)
        return
    own = folder.path / f"error.{RANK}.json"
    write_json(own, content)
    with suppress(FileExistsError):
        folder.error_file.hardlink_to(own)
    own.unlink()


def _kind_of(exc: BaseException) -> tuple[str, int]:
    """The word for error.json and the exit code; torch's kinds by name, it may not be loaded."""
    name = type(exc).__name__
    if name in ("Stopped", "KeyboardInterrupt"):
        return "stopped", STOPPED
    if isinstance(exc, ImageRefused | MaskRefused) or (isinstance(exc, RunFailed) and exc.faults):
        return "image", IMAGE
    if isinstance(exc, MemoryError) or name == "OutOfMemoryError" or _says_memory(str(exc)):
        return "memory", MEMORY
    if isinstance(exc, ConfigError | RunFailed):
        return "request", REQUEST
    if _says_disk(exc):
        return "disk", DISK
    return "unexpected", UNEXPECTED


def _says_disk(exc: BaseException | None) -> bool:
    """Whether a full disk is at its root; torch.save hides that behind an error of its own."""
    while exc is not None:
        if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _says_memory(message: str) -> bool:
    return "out of memory" in message or "can't allocate memory" in message


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
