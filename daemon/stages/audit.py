"""The audit of labels: a run beside the cycle, which never keeps the loop from going on.

When a cycle is done, every label is compared with a model that learned neither from it nor, by warm
start, through an ancestor: with the newest such kept model, or with the model of the other fold
(`judge_choice.py`). What was never compared so is compared with a model that learned from it, and
marked as weak. A failed audit is said, and the next cycle has one again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from daemon.audit.work_rules import hasty_below_s
from daemon.domain import Image, Role, Stage
from daemon.domain.errors import RunFailed
from daemon.domain.label_findings import LabelUse, LabelWork
from daemon.rules.reviewed_places import reviewed_places
from daemon.runs.audit_records import AuditedFile, AuditedPart, AuditRequest, AuditResult
from daemon.runs.run_folder import RunFolder
from daemon.stages.beside_cycle import AUDIT, FOLD_MODELS, label_file, write_label
from daemon.stages.context import Context
from daemon.stages.fold_models import fold_judges, judged_until, keep_judged
from daemon.stages.judge_choice import JudgeChoice
from daemon.stages.label_judges import Judge, kept_judges
from daemon.stages.run_settings import write_request

log = logging.getLogger(__name__)


def advance_audit(context: Context) -> bool:
    """Start the audit of a cycle that is done, or look at the one that runs; whether one runs.

    Never raises RunFailed: the event says what went wrong.
    """
    cycle = AUDIT.open_cycle(context)
    if cycle is None:
        return _start(context)
    try:
        return not _advance(context, cycle)
    except RunFailed as exc:
        message = f"the audit of labels failed: {exc}; the next cycle has one again"
        AUDIT.fail(context, cycle, message)
        return False


def _start(context: Context) -> bool:
    """Write the request of the audit of the newest cycle, if it is done; whether it was started."""
    settings = context.config.audit
    cycle = AUDIT.due_cycle(context) if settings.enabled else None
    if cycle is None or FOLD_MODELS.open_cycle(context) == cycle:
        return False  # their view comes first; unless the loop went on meanwhile
    if len(context.store.informative_ids()) < settings.min_labels:
        return False
    run = context.run(cycle, AUDIT.name)
    request = audit_request(context, cycle, run)
    if request is None:
        AUDIT.end(context, cycle)
        return False
    write_request(context, run, Stage.PREDICT, request)
    AUDIT.begin(context, cycle)
    return True


def _advance(context: Context, cycle: int) -> bool:
    """Look at the run; True once its findings are kept."""
    run, store = context.run(cycle, AUDIT.name), context.store
    if not context.launcher.advance(run, "audit"):
        return False
    request, result = run.read_request(AuditRequest), run.read_result(AuditResult)
    files = {file.id: part.in_fold for part in request.parts for file in part.files}
    unused = {fault.id for fault in result.faults}
    judged = {
        image_id: annotation
        for image_id, annotation in store.label_ids(files).items()
        if image_id not in unused and _is_compared_label(run, image_id, context)
    }
    with store.atomic():
        weak = [image_id for image_id in judged if files[image_id]]
        store.keep_findings(cycle, judged, weak, result.findings, context.now())
        keep_judged(context, request)
        AUDIT.end(context, cycle)
    log.info("audit done cycle=%d labels=%d findings=%d", cycle, len(judged), len(result.findings))
    return True


def _is_compared_label(run: RunFolder, image_id: int, context: Context) -> bool:
    """Whether the label that counts now is the one that was compared: it may have changed."""
    path = label_file(run, image_id)
    return path.exists() and path.read_bytes() == context.store.label_png(image_id)


def audit_request(context: Context, cycle: int, run: RunFolder) -> AuditRequest | None:
    """The request that compares the labels of this moment; None where there is nothing to compare.

    The labels are written into the run folder.
    """
    store, settings = context.store, context.config.audit
    judges = kept_judges(context, cycle)
    if not judges:
        return None
    labeled = store.images_of(store.informative_ids()).values()
    images = [image for image in labeled if image.role in (Role.POOL, Role.VALIDATION)]
    annotations = store.label_ids(image.id for image in images)
    choice = _choice(context, judges, annotations)
    file_of = partial(_audited_file, context, run)
    uses, works = _uses(context, images), _works(context, annotations)

    def part_of(judge: Judge, judged: Sequence[Image], *, in_fold: bool = False) -> AuditedPart:
        files = (file_of(image, uses[image.id], works[image.id]) for image in judged)
        return _part(judge, files, in_fold=in_fold)

    by_judge, left = choice.parts(images)
    parts = [part_of(judge, judged) for judge, judged in by_judge]
    if settings.weak:
        parts.append(part_of(judges[0], left, in_fold=True))
    parts = [part for part in parts if part.files]
    if not parts:
        return None
    return context.request(
        AuditRequest,
        classes=context.trained_classes(judges[0].cycle),
        parts=tuple(parts),
        tolerance_px=settings.tolerance_px,
        copies=settings.copies,
        hasty_below_s=hasty_below_s([label.lead_time_s for label in store.labels().values()]),
        reviewed=reviewed_places(store.reviews()),
    )


def _choice(
    context: Context, judges: Sequence[Judge], annotations: Mapping[int, str]
) -> JudgeChoice:
    """annotations: image id -> its label."""
    done = context.store.independently_audited(annotations.values())
    return JudgeChoice(
        kept=judges,
        folds=fold_judges(context, judges[0].classes),
        judged_until=judged_until(context),
        done=frozenset(image_id for image_id, one in annotations.items() if one in done),
    )


def _part(judge: Judge, files: Iterable[AuditedFile], *, in_fold: bool) -> AuditedPart:
    return AuditedPart(
        checkpoint=judge.run.checkpoint,
        temperature=judge.temperature(),
        trained_on=tuple(sorted(set(judge.learned.values()))),
        files=tuple(files),
        in_fold=in_fold,
    )


def _uses(context: Context, images: Sequence[Image]) -> dict[int, LabelUse]:
    """Image id -> what its label is used for."""
    found = {
        image.id: LabelUse.VALIDATION if image.role is Role.VALIDATION else LabelUse.TRAINING
        for image in images
    }
    return found | dict.fromkeys(found.keys() & context.store.excluded(), LabelUse.NOTHING)


def _works(context: Context, annotations: Mapping[int, str]) -> dict[int, LabelWork]:
    """Image id -> how its label was made. annotations: image id -> its label."""
    drawn_twice = context.store.pixels_drawn_twice()
    return {
        image_id: LabelWork(
            annotator=label.annotator,
            lead_time_s=label.lead_time_s,
            corrected=label.corrected,
            overlap_px=drawn_twice.get(annotations[image_id], 0),
        )
        for image_id, label in context.store.labels_of(annotations).items()
    }


def _audited_file(
    context: Context, run: RunFolder, image: Image, use: LabelUse, work: LabelWork
) -> AuditedFile:
    return AuditedFile(
        id=image.id,
        image=image.path,
        mask=write_label(context, run, image.id),
        sha256=image.sha256,
        name=image.name,
        use=use,
        work=work,
    )
