"""The training process: `python -m daemon.hrda VERB RUN_FOLDER`.

VERB is embed, features, train, predict, audit, near-duplicates, export, serve, train-clicks or
clicks. Exit codes and error.json are those of every run (daemon/runs/run_process.py). A file that
the run does not need is left out and listed in the faults of result.json. `serve` runs until
SIGTERM, which ends it with 0, and has no result; likewise `clicks`, until its standard input ends.

Several GPUs: `torchrun --nproc-per-node N -m daemon.hrda train RUN_FOLDER`. The process of rank 0
locks the folder; `embed`, `features` and `predict` run in it alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from daemon.runs.audit_records import AuditRequest
from daemon.runs.click_records import TrainClicksRequest
from daemon.runs.click_worker_messages import ClicksRequest
from daemon.runs.durable import write_json
from daemon.runs.model_requests import ExportRequest, ServeRequest
from daemon.runs.run_folder import (
    DistinctRequest,
    EmbedRequest,
    FeaturesRequest,
    PredictRequest,
    RunFolder,
    TrainRequest,
)
from daemon.runs.run_process import (
    DONE,
    Work,
    do_reporting_errors,
    do_run,
    read_command,
    report_error,
    write_error,
)

# Threads that spin at barriers cost half of the speed on cores that other processes use.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Whether torchrun started several processes.
DISTRIBUTED = os.environ.get("WORLD_SIZE", "1") != "1"
RANK = int(os.environ.get("RANK", "0")) if DISTRIBUTED else 0
ERROR_WAIT_S = 1.0  # for the process that failed first to write its error

MEMORY_ADVICE = "lower context_px or width, or free memory"


def main(arguments: list[str]) -> int:
    """Do one run. Returns the exit code."""
    started_s = time.monotonic()
    verb, folder = read_command(
        arguments,
        VERBS,
        program="python -m daemon.hrda",
        description=__doc__,
        readers=("clicks",),
    )
    work = partial(_train, started_s=started_s) if verb == "train" else VERBS[verb]
    if not RANK:
        return do_run(folder, work, report)
    if verb != "train" or folder.finished():
        return DONE
    return do_reporting_errors(folder, work, report)  # it trains too, and writes errors alone


def report(folder: RunFolder, exc: BaseException) -> int:
    """Write error.json. Returns the exit code."""
    return report_error(folder, exc, memory_advice=MEMORY_ADVICE, write=_write_error)


def _near_duplicates(folder: RunFolder) -> None:
    # numpy alone: torch would take longer to load than its work
    from daemon.hrda.near_duplicates import near_duplicates

    near_duplicates(folder, folder.read_request(DistinctRequest))


def _embed(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.embed import embed

    embed(folder, folder.read_request(EmbedRequest))


def _features(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.dense_features import features

    features(folder, folder.read_request(FeaturesRequest))


def _train(folder: RunFolder, started_s: float = 0.0) -> None:
    _keep_freed_memory()
    from daemon.hrda.train import train

    train(folder, folder.read_request(TrainRequest), started_s)


def _predict(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.predict import predict

    predict(folder, folder.read_request(PredictRequest))


def _export(folder: RunFolder) -> None:
    from daemon.hrda.export.model_files import export

    export(folder, folder.read_request(ExportRequest))


def _serve(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.serve.serve_model import serve

    serve(folder, folder.read_request(ServeRequest))


def _audit(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.audit import audit

    audit(folder, folder.read_request(AuditRequest))


def _train_clicks(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.click_net.train_clicks import train_clicks

    train_clicks(folder, folder.read_request(TrainClicksRequest))


def _clicks(folder: RunFolder) -> None:
    _keep_freed_memory()
    from daemon.hrda.click_net.click_worker import answer_clicks

    answer_clicks(folder, folder.read_request(ClicksRequest))


def _keep_freed_memory() -> None:
    from daemon.hrda.device import keep_freed_memory

    keep_freed_memory()


VERBS: Mapping[str, Work] = {
    "embed": _embed,
    "features": _features,
    "train": _train,
    "predict": _predict,
    "audit": _audit,
    "near-duplicates": _near_duplicates,
    "export": _export,
    "serve": _serve,
    "train-clicks": _train_clicks,
    "clicks": _clicks,
}


def _write_error(folder: RunFolder, content: dict[str, Any]) -> None:
    """Write error.json. Of several processes the first that failed writes it.

    The others only fail because they lose the connection to that one.
    """
    if not RANK:
        if DISTRIBUTED and content["kind"] == "unexpected":
            time.sleep(ERROR_WAIT_S)
        if not DISTRIBUTED or not folder.error_file.exists():
            write_error(folder, content)
        return
    own = folder.path / f"error.{RANK}.json"
    write_json(own, content)
    with suppress(FileExistsError):
        folder.error_file.hardlink_to(own)
    own.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
