"""Fold models: two models that never learn from each other's labels, trained beside the cycle.

The model that serves has learned from nearly all labels, and annotators began with its masks: it
cannot say what is wrong with them. So the labels are split into two folds for ever, and with
[audit] folds = 2 a model learns from each alone, in every [audit] every-th cycle that is done: from
ImageNet weights at first, then from its own last checkpoint, never from the model that serves. The
audit asks each about the other fold. They train one after the other, at low priority, and stop
while a stage of the cycle works.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from typing import Any

from daemon.config.learner import resolved
from daemon.domain import Image, Role, Stage
from daemon.domain.errors import RunFailed
from daemon.domain.formatting import count
from daemon.rules.label_folds import FOLDS, are_large_enough, fold_of
from daemon.rules.validation_split import group_of
from daemon.runs.audit_records import AuditRequest
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest
from daemon.stages.beside_cycle import AUDIT, FOLD_MODELS, write_label
from daemon.stages.classes import present_names
from daemon.stages.context import Context
from daemon.stages.label_judges import Judge, judge_of
from daemon.stages.run_settings import write_request
from daemon.stages.warm_start import network_changes

log = logging.getLogger(__name__)

FIRST_SHARE, NEXT_SHARE = 0.5, 0.25  # of the iterations of a training
NICENESS = 10  # people who click or browse come first
_FOLD = "fold"  # in the names of the run folders
_JUDGED = "fold_models_judged"  # name of the stored fact


def advance_fold_models(context: Context) -> bool:
    """Start the trainings of a cycle that is done, or look at those that run; whether one runs.

    Never raises RunFailed: the event says what went wrong.
    """
    cycle = FOLD_MODELS.open_cycle(context)
    if cycle is None:
        return _start(context)
    try:
        return _runs_on(context, cycle)
    except RunFailed as exc:
        later = count(context.config.audit.every, "cycle")
        words = f"the fold models were not trained: {exc}; the next try is {later} later"
        FOLD_MODELS.fail(context, cycle, words)
        return False


def fold_judges(context: Context, classes: Sequence[str]) -> list[Judge]:
    """The newest model of each fold, of those that know these classes."""
    found = (newest_model(context, fold) for fold in range(FOLDS))
    return [one for one in found if one is not None and one.classes == tuple(classes)]


def judged_until(context: Context) -> int:
    """The newest cycle whose fold models have judged labels; 0 before the first."""
    return int(context.store.fact(_JUDGED) or 0)


def keep_judged(context: Context, request: AuditRequest) -> None:
    """Keep which fold models judged labels in a finished audit."""
    names = [part.checkpoint.parent.name.split("-") for part in request.parts]
    cycles = [int(cycle) for cycle, kind, *_ in names if kind == _FOLD]
    if cycles:
        context.store.keep_fact(_JUDGED, str(max(cycles)))


def newest_model(context: Context, fold: int) -> Judge | None:
    """The newest model of a fold whose file is kept; None without."""
    folders = sorted((context.config.state / "runs").glob(f"[0-9]*-{_name(fold)}"), reverse=True)
    cycles = [int(folder.name.partition("-")[0]) for folder in folders]
    found = (
        judge_of(context, cycle, RunFolder(folder))
        for cycle, folder in zip(cycles, folders, strict=True)
    )
    return next((one for one in found if one is not None), None)


def _start(context: Context) -> bool:
    """Write the requests for the newest cycle, if they are due; whether they were written."""
    audit = context.config.audit
    cycle = FOLD_MODELS.due_cycle(context) if audit.enabled and audit.folds else None
    if cycle is None or AUDIT.open_cycle(context) is not None:
        return False
    last = FOLD_MODELS.last_cycle(context)
    if last is not None and last < cycle < last + audit.every:
        return False
    if not _write_requests(context, cycle):
        return False
    FOLD_MODELS.begin(context, cycle)
    return True


def _write_requests(context: Context, cycle: int) -> bool:
    """Write the request of each fold with the labels of this moment; False: too few labels."""
    store = context.store
    labeled = store.images_of(store.informative_ids() - store.excluded().keys()).values()
    parents = [newest_model(context, fold) for fold in range(FOLDS)]
    folds = _split(context, [one for one in labeled if one.role is Role.POOL], parents)
    if not are_large_enough((len(folds[0]), len(folds[1]))):
        return False
    validation = [one for one in labeled if one.role is Role.VALIDATION]
    for fold, images in enumerate(folds):
        run = context.run(cycle, _name(fold))
        start = _start_of(context, parents[fold])
        request = context.request(
            TrainRequest,
            labeled=_files(context, run, images),
            validation=_files(context, run, validation),
            settings=_settings(context, NEXT_SHARE if start else FIRST_SHARE),
            niceness=NICENESS,
            **start,
        )
        write_request(context, run, Stage.TRAIN, request)
    return True


def _split(
    context: Context, images: Sequence[Image], parents: Sequence[Judge | None]
) -> tuple[list[Image], list[Image]]:
    """The images of each fold. What the model of a fold learned from stays in its fold, even where
    [validation] group_by has changed since."""
    folds: tuple[list[Image], list[Image]] = ([], [])
    group_by = context.config.validation.group_by
    for image in images:
        known = [
            fold for fold, one in enumerate(parents) if one is not None and one.has_seen(image)
        ]
        folds[known[0] if known else fold_of(image.name, group_by)].append(image)
    return folds


def _start_of(context: Context, parent: Judge | None) -> dict[str, Any]:
    """The fields of a request that name the fold's own last model; empty: ImageNet weights."""
    if parent is None or network_changes(context.config, parent.run):
        return {}
    return {
        "parent": parent.run.checkpoint,
        "parent_classes": present_names(context.store, parent.cycle, parent.classes),
    }


def _settings(context: Context, share: float) -> dict[str, Any]:
    """Of the learner: labels alone teach, for a part of the iterations of a training."""
    training = context.config.training
    settings = {"preset": training.preset, **training.settings}
    known = resolved(settings)
    method = "supervised" if known["method"] == "hrda" else known["method"]
    iterations = max(1, round(share * known["iterations"]))
    return {**settings, "method": method, "iterations": iterations}


def _files(context: Context, run: RunFolder, images: Sequence[Image]) -> tuple[LabeledFile, ...]:
    pattern = context.config.validation.group_by
    return tuple(
        LabeledFile(
            id=image.id,
            image=image.path,
            mask=write_label(context, run, image.id),
            group=group_of(image.name, pattern) if pattern else "",
        )
        for image in images
    )


def _runs_on(context: Context, cycle: int) -> bool:
    """Look at the trainings, one after the other; whether one runs now."""
    runs = [context.run(cycle, _name(fold)) for fold in range(FOLDS)]
    current = next((run for run in runs if not run.finished()), runs[-1])
    last = context.store.last_cycle()
    if last is None or last.stage is not Stage.DONE:
        context.launcher.release(current)  # it saves its state, and goes on when the cycle waits
        return False
    if not current.request_file.exists():  # the state folder was moved
        FOLD_MODELS.end(context, cycle)
        return False
    if not context.launcher.advance(current, "train") or current != runs[-1]:
        return True
    FOLD_MODELS.end(context, cycle)
    _delete_old_files(context)
    log.info("fold models done cycle=%d", cycle)
    return False


def _delete_old_files(context: Context) -> None:
    """Delete the models and labels that newer ones replace, unless an audit may be reading them;
    requests stay: they say what the ancestors of the newest model learned from."""
    if AUDIT.open_cycle(context) is not None:
        return
    for fold in range(FOLDS):
        newest = newest_model(context, fold)
        for folder in (context.config.state / "runs").glob(f"[0-9]*-{_name(fold)}"):
            if newest is not None and folder != newest.run.path:
                RunFolder(folder).checkpoint.unlink(missing_ok=True)
                shutil.rmtree(folder / "labels", ignore_errors=True)


def _name(fold: int) -> str:
    """In the name of the run folder."""
    return f"{_FOLD}-{fold}"
