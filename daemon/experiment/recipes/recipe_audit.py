"""The audit of `maskloop audit` as a step of an experiment: two folds of the sample judge each
other."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.config.learner import settings_of
from daemon.domain.errors import ExperimentRefused
from daemon.domain.formatting import count
from daemon.domain.label_findings import COPIES
from daemon.experiment.auditing.audit_folds import folds_of
from daemon.experiment.auditing.audit_options import AuditOptions
from daemon.experiment.auditing.audit_report import write_findings
from daemon.experiment.auditing.folder_audit import FolderAudit
from daemon.experiment.recipes.experiment_records import AuditFinding, AuditOutcome
from daemon.experiment.recipes.label_audit_request import AuditRequest
from daemon.runs.audit_records import AuditResult
from daemon.runs.durable import atomic_file

ITERATIONS = 300  # of a fold: the default of `maskloop audit`


def audit_labels(request: AuditRequest) -> AuditOutcome:
    """Train the folds, compare, write findings.html into the folder; not done where the sample is
    too small for two folds. Raises Stopped and RunFailed."""
    options = _options(request)
    try:
        run = FolderAudit.of(options, request.run_to_end).compared()
    except ExperimentRefused as exc:
        return AuditOutcome(done=False, words=f"not done: {exc}")
    write_findings(request.folder, run)
    result = run.read_result(AuditResult)
    names = list(request.folders.images)
    return AuditOutcome(
        done=True,
        words=(
            f"{count(result.images, 'label')} compared with a model that did not learn from them: "
            f"{count(len(result.findings), 'place')} to look at, in audit/findings.html; "
            f"nothing was changed{_split_groups(request, options)}"
        ),
        findings=tuple(
            AuditFinding(
                image=names[one.image_id],
                words=f"{one.type}: {one.reason}",
                kind=one.type,
                score=one.score,
            )
            for one in result.findings
        ),
    )


def _options(request: AuditRequest) -> AuditOptions:
    listed = request.folder / "labeled.txt"
    with atomic_file(listed) as part:
        part.write_text("".join(f"{name}\n" for name in request.labeled), encoding="utf-8")
    return AuditOptions(
        images=request.images,
        masks=request.folders.masks,
        out=request.folder,
        ids=str(listed),
        classes=request.classes,
        checkpoint=None,
        trained_on="",
        fold_labels=0,
        iterations=min(ITERATIONS, settings_of(request.settings).iterations),
        group_by=request.group_by if _fits(request.labeled, request.group_by) else "",
        tolerance_px=2,
        copies=COPIES,
        plant_share=0.1,
        plant=False,
        seed=request.seed,
        threads=request.threads,
        device=request.device,
    )


def _fits(labeled: Sequence[str], group_by: str) -> bool:
    """Whether the groups can be dealt into two folds."""
    try:
        folds_of(labeled, group_by)
    except ExperimentRefused:
        return False
    return True


def _split_groups(request: AuditRequest, options: AuditOptions) -> str:
    if request.group_by == options.group_by:
        return ""
    return "; the groups do not go into two folds, so images of one group judge each other"
