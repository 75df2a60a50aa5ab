"""The audit as the second step of `maskloop experiment`: the labels before anything is trained on
them."""

from __future__ import annotations

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.auditing.audit_folds import folds_of
from daemon.experiment.auditing.audit_options import AuditOptions
from daemon.experiment.auditing.audit_report import write_findings
from daemon.experiment.auditing.folder_audit import FolderAudit
from daemon.experiment.recipes.audit_job import AuditRequest
from daemon.experiment.recipes.experiment_records import AuditFinding, AuditOutcome
from daemon.runs.audit_records import AuditResult

ITERATIONS = 300  # of each fold, where the recipe names none
LISTED = 50  # findings in the report of the experiment; findings.html has more


def audit_labels(request: AuditRequest) -> AuditOutcome:
    """Train two folds of the labels and judge each with the model of the other one.

    Writes findings.json, .csv and .html into the folder. Labels that are too few for two folds are
    not audited, and the outcome says so. Raises RunFailed with the message of a process.
    """
    try:
        folds_of(request.labeled, request.group_by)
    except ExperimentRefused as exc:
        return AuditOutcome(done=False, words=f"not done: {exc}")
    audit = FolderAudit(
        options=_options(request),
        folders=request.folders,
        names=request.labeled,
        numbers={name: row for row, name in enumerate(request.folders.images)},
        classes=request.classes,
        settings={"iterations": ITERATIONS, **request.settings},
        run_child=request.run_to_end,
    )
    run = audit.compared()
    write_findings(request.folder, run)
    result = run.read_result(AuditResult)
    names = {number: name for name, number in audit.numbers.items()}
    return AuditOutcome(
        done=True,
        words=f"{len(result.findings)} places in {result.images} labels where a model that did not "
        f"see the label says something else; nothing was changed",
        findings=tuple(
            AuditFinding(image=names[one.image_id], words=one.reason, score=one.score)
            for one in result.findings[:LISTED]
        ),
    )


def _options(request: AuditRequest) -> AuditOptions:
    return AuditOptions(
        images=request.images,
        masks=request.folders.masks,
        out=request.folder,
        ids="",
        classes=request.classes,
        checkpoint=None,
        trained_on="",
        fold_labels=0,
        iterations=ITERATIONS,
        group_by=request.group_by,
        tolerance_px=2,
        plant_share=0.1,
        plant=False,
        seed=request.seed,
        threads=request.threads,
        device=request.device,
    )
