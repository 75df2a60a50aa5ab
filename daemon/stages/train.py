"""TRAIN: train a checkpoint with the current labels and the pool, in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from daemon.config.learner import resolved
from daemon.domain import CurvePoint, Evaluation, Image, Missing, Role, Stage, Why
from daemon.domain.errors import PoolEmpty
from daemon.domain.evaluations import COMMON_IGNORE, labels_figure
from daemon.insight.missing_figures import explain
from daemon.rules.validation_split import group_of
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import FileRole, LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.stages.context import Context, by_role, image_files, with_embeddings
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.retention import delete_old_checkpoints, require_space
from daemon.stages.roles import ROLE_EXCLUSIONS
from daemon.stages.run_settings import write_request
from daemon.stages.warm_start import warm_start

log = logging.getLogger(__name__)

ENOUGH_IMAGES = 5  # validation images with a class, for a reliable IoU


def train(context: Context, cycle: int) -> bool:
    """Train with the labels that exist when the stage begins; True when done.

    An image without a pixel of any class in its label counts as unlabeled, and is not used for
    validation. The run skips images that cannot be read; they are excluded after it.
    """
    run = context.run(cycle, Stage.TRAIN)
    if not run.request_file.exists():
        require_space(context)
        _write_request(context, cycle, run)
    if not context.launcher.advance(run, "train"):
        return False
    result = run.read_result(TrainResult)
    validation = _with_missing_labels(context, result)
    if validation is not None:
        point = curve_point(run, cycle, result)
        context.store.keep_evaluation("validation", point, validation)
    exclude_unusable(context, Stage.TRAIN, result.faults)
    delete_old_checkpoints(context)
    return True


def curve_point(run: RunFolder, cycle: int, result: TrainResult) -> CurvePoint:
    """The point of the learning curve of a finished training."""
    request = run.read_request(TrainRequest)
    unused = sum(fault.role is FileRole.LABELED for fault in result.faults)
    return CurvePoint(
        cycle=cycle,
        labels=len(request.labeled) + len(request.validation),
        train_labels=len(request.labeled) - unused,
        validation=result.validation,
        seconds=result.seconds,
    )


def _write_request(context: Context, cycle: int, run: RunFolder) -> None:
    store = context.store
    images = by_role(with_embeddings(context, store.images()))
    labeled = store.informative_ids()
    training_images = [image for image in images[Role.POOL] if image.id in labeled]
    if not training_images:
        raise PoolEmpty(
            "no labeled image is left to train on: all of them are excluded now, see the excluded "
            "images in the status; label other images, or correct the setting that excludes these"
        )
    validation_images = [image for image in images[Role.VALIDATION] if image.id in labeled]
    request = context.request(
        TrainRequest,
        labeled=_labeled_files(context, run, training_images),
        validation=_labeled_files(context, run, validation_images, FileRole.VALIDATION),
        unlabeled=image_files([image for image in images[Role.POOL] if image.id not in labeled]),
        keep_student=_keeps_student(context),
        previews=context.config.training.previews,
        **_warm_start_settings(context, cycle),
    )
    _report_rare_classes(context, request)
    used = store.label_ids(image.id for image in [*training_images, *validation_images])
    store.keep_used_labels(cycle, used.values())
    write_request(context, run, Stage.TRAIN, request)


def _keeps_student(context: Context) -> bool:
    """Whether the student is kept; not where it is itself the model (setting `evaluated`)."""
    training = context.config.training
    settings = resolved({"preset": training.preset, **training.settings})
    return training.keep_student and settings["evaluated"] == "teacher"


def _warm_start_settings(context: Context, cycle: int) -> dict[str, Any]:
    """The fields of the request that start from the serving model; empty: start from ImageNet.

    Empty too if the serving model was trained on images that became validation or test images.
    """
    settings = warm_start(context, cycle)
    if not settings:
        return {}
    serving = context.store.serving_after(cycle - 1)
    leaked = excluded_training_images(context, serving)
    if not leaked:
        return settings
    message = (
        f"the model of cycle {serving} was trained on {len(leaked)} images that are excluded now: "
        f"training starts from ImageNet weights, so that they do not improve any evaluation"
    )
    log.warning("%s", message)
    context.store.add_event("warning", message, context.now())
    return {}


def excluded_training_images(context: Context, cycle: int) -> set[int]:
    """Ids of the images that the model of a cycle was trained on and that became validation or test
    images, or resemble them: its evaluations are too good."""
    request = context.run(cycle, Stage.TRAIN).read_request(TrainRequest)
    leaks = {
        image_id for image_id, why in context.store.excluded().items() if why in ROLE_EXCLUSIONS
    }
    return leaks & {file.id for file in (*request.labeled, *request.unlabeled)}


def _report_rare_classes(context: Context, request: TrainRequest) -> None:
    """Warn of classes that too few validation images have for a reliable IoU; once for each set of
    such classes."""
    images = np.zeros(256, dtype=np.int64)  # validation images by class index
    for file in request.validation:
        with Pillow.open(file.mask) as png:
            images[np.unique(np.asarray(png))] += 1
    counts = {name: int(images[index]) for index, name in enumerate(request.classes)}
    rare = {name: number for name, number in counts.items() if number < ENOUGH_IMAGES}
    counts_text = ", ".join(f"{name!r} in {number}" for name, number in rare.items())
    message = (
        f"the IoU of a class in fewer than {ENOUGH_IMAGES} validation images is not reliable: "
        f"{counts_text} of {len(request.validation)}; the validation images never change, but "
        f"[test] can name images with these classes, which are measured after each training"
    )
    _log_change(context, "rare_classes", sorted(rare), [message] if rare else [])


def _with_missing_labels(context: Context, result: TrainResult) -> Evaluation | None:
    """The evaluation on validation, with a reason for each class that no training label has."""
    evaluation = result.validation
    why = Why.CLASS_AS_IGNORE if result.labeled_ignored >= COMMON_IGNORE else Why.CLASS_UNLABELED
    missing = {
        labels_figure(name): Missing(why=why, classes=(name,), share=result.labeled_ignored)
        for name, images in result.labeled_holding.items()
        if not images
    }
    lines = [f"labels: {explain(reason)}" for reason in missing.values()]
    _log_change(context, "unlabeled_classes", sorted(missing), lines)
    if evaluation is None:
        return None
    return dataclasses.replace(evaluation, missing={**evaluation.missing, **missing})


def _log_change(context: Context, fact: str, names: Sequence[str], lines: Sequence[str]) -> None:
    """Log the lines if the names differ from those of the last call, stored under `fact`."""
    value = json.dumps(list(names))
    if value == (context.store.fact(fact) or "[]"):
        return
    for message in lines:
        log.warning("%s", message)
        context.store.add_event("warning", message, context.now())
    context.store.keep_fact(fact, value)


def _labeled_files(
    context: Context,
    run: RunFolder,
    images: Sequence[Image],
    role: FileRole = FileRole.LABELED,
) -> tuple[LabeledFile, ...]:
    folder = run.path / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    files, pattern = [], context.config.validation.group_by
    for image in images:
        path: Path = folder / f"{image.id}.png"
        with atomic_file(path) as part:
            part.write_bytes(context.store.label_png(image.id))
        group = group_of(image.name, pattern) if pattern else ""
        files.append(LabeledFile(id=image.id, image=image.path, mask=path, role=role, group=group))
    return tuple(files)
