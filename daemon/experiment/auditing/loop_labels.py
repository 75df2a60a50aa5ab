"""`maskloop audit` without a folder: the labels of the loop, judged by its models, beside a running
daemon. It reads the store and writes into --out alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console

from daemon.config.loading import Config
from daemon.domain.errors import MaskloopError
from daemon.experiment.auditing.audit_report import print_audit, write_findings
from daemon.experiment.child_runs import RunChild, child_runner
from daemon.runs.run_folder import RunFolder
from daemon.setup.batch_preview import reading_context
from daemon.stages.audit import audit_request
from daemon.store import FILE
from daemon.store.reading import reading_store


def audit_loop(
    config: Config,
    out: Path,
    now: datetime,
    consoles: tuple[Console, Console],
    *,
    planted: bool,
    run_child: RunChild | None = None,
) -> int:
    """Compare the labels of this moment and write the findings into `out`. Returns 0.

    consoles: for the findings, and for progress. run_child: as of `run_audit`.
    Raises MaskloopError where there is no model yet, or the comparison fails.
    """
    run = RunFolder(out.absolute() / "audit")
    if not run.request_file.exists():
        _write_request(config, run, now)
    terminal, err = consoles
    with child_runner(err) as in_child:
        (run_child or in_child)(run, "audit")
    write_findings(out, run)
    print_audit(run, out, terminal, planted=planted)
    return 0


def _write_request(config: Config, run: RunFolder, now: datetime) -> None:
    with reading_store(config.state) as store:
        cycle = store.last_cycle()
        context = reading_context(config, store, now)
        request = None if cycle is None else audit_request(context, cycle.number, run)
    if request is None:
        raise MaskloopError(
            f"{config.state / FILE}: no model has been trained yet that could judge labels; "
            f"expected one, which there is after the first batch"
        )
    run.write_request(request)
