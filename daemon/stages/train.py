"""TRAIN: a checkpoint from the labels of now and the pool, in a process of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.domain import CurvePoint, Image, Role, Stage
from daemon.durable import atomic_file
from daemon.runs import LabeledFile, RunFolder, TrainRequest, TrainResult
from daemon.stages.context import Context, by_role, files_of
from daemon.stages.retention import require_space, thin_out

log = logging.getLogger(__name__)

ENOUGH_IMAGES = 5  # that hold a class, for its IoU to be worth reading
_RARE = "rare_classes"  # that were told of, as a JSON list


def train(context: Context, cycle: int) -> bool:
    """Train on what is labeled when the stage begins; True when done.

    An image whose label says nothing about any pixel is one of the unlabeled images, and measures
    nothing.
    """
    run = context.run(cycle, Stage.TRAIN)
    if not run.request_file.exists():
        require_space(context)
        _write_request(context, cycle, run)
    if not context.launcher.advance(run, "train"):
        return False
    result = run.read_result(TrainResult)
    if result.validation is not None:
        point = curve_point(run, cycle, result)
        context.store.keep_evaluation("validation", point, result.validation)
    thin_out(context)
    return True


def curve_point(run: RunFolder, cycle: int, result: TrainResult) -> CurvePoint:
    """The point of the curve that a finished training stands for."""
    request = run.read_request(TrainRequest)
    return CurvePoint(
        cycle=cycle,
        labels=len(request.labeled) + len(request.validation),
        train_labels=len(request.labeled),
        validation=result.validation,
        seconds=result.seconds,
    )


def _write_request(context: Context, cycle: int, run: RunFolder) -> None:
    images = by_role(context.store.images())
    labeled = context.store.telling_ids()
    teaching = [image for image in images[Role.POOL] if image.id in labeled]
    measuring = [image for image in images[Role.VALIDATION] if image.id in labeled]
    parent = context.run(context.store.serving(cycle - 1), Stage.TRAIN).checkpoint
    request = context.request(
        TrainRequest,
        labeled=_with_masks(context, run, teaching),
        validation=_with_masks(context, run, measuring),
        unlabeled=files_of([image for image in images[Role.POOL] if image.id not in labeled]),
        parent=parent if context.config.training.warm_start and parent.exists() else None,
    )
    _warn_of_rare_classes(context, request)
    run.write_request(request)


def _warn_of_rare_classes(context: Context, request: TrainRequest) -> None:
    """Say so where classes are in too few validation images for their IoU to mean anything: once,
    and again only when that changes."""
    seen = np.zeros(256, dtype=np.int64)
    for file in request.validation:
        with Pillow.open(file.mask) as png:
            seen[np.unique(np.asarray(png))] += 1
    rare = {name: int(seen[v]) for v, name in enumerate(request.classes) if seen[v] < ENOUGH_IMAGES}
    known, kept = json.dumps(sorted(rare)), context.store.fact(_RARE)
    if known == (kept or "[]"):
        return
    context.store.keep_fact(_RARE, known)
    if rare:
        held = ", ".join(f"{name!r} in {number}" for name, number in rare.items())
        words = (
            f"the IoU of a class that fewer than {ENOUGH_IMAGES} validation images hold is hardly "
            f"measured: {held} of {len(request.validation)}; validation never changes, but images "
            f"that hold these classes can be named in [test], which is measured after each training"
        )
        log.warning("%s", words)
        context.store.note("warning", words, context.now())


def _with_masks(
    context: Context, run: RunFolder, images: Sequence[Image]
) -> tuple[LabeledFile, ...]:
    folder = run.path / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for image in images:
        path: Path = folder / f"{image.id}.png"
        with atomic_file(path) as part:
            part.write_bytes(context.store.label_png(image.id))
        files.append(LabeledFile(id=image.id, image=image.path, mask=path))
    return tuple(files)
