"""PREDICT: masks for the batch, its reserve and every open task, to be corrected by people."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.domain import Mask, Prediction, Stage, TaskState
from daemon.runs import PredictRequest, PredictResult
from daemon.stages.context import Context, files_of
from daemon.stages.tidying import tidied


def predict(context: Context, cycle: int) -> bool:
    """Write masks by this cycle's checkpoint; True when done."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        store = context.store
        wanted = {pick.image_id for pick in [*store.picks(cycle), *store.reserve(cycle)]}
        wanted |= {row["image_id"] for row in store.tasks(TaskState.OPEN)}
        images = [image for image in store.images() if image.id in wanted]
        request = context.request(
            PredictRequest,
            checkpoint=context.run(cycle, Stage.TRAIN).checkpoint,
            masks=files_of(images),
        )
        if not images:
            return True
        run.write_request(request)
    return context.launcher.advance(run, "predict")


def predictions(context: Context, cycle: int) -> Mapping[int, Prediction]:
    """The predicted masks of a cycle by image id; empty before there is a model."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.finished():
        return {}
    result = run.read_result(PredictResult)
    table = {}
    for file in run.read_request(PredictRequest).masks:
        mask = _shown(context, run.mask(file.id))
        confidence = result.confidence.get(file.id, {})
        table[file.id] = Prediction(image_id=file.id, mask=mask, confidence=confidence)
    return table


def predicted_mask(context: Context, cycle: int, image_id: int) -> Mask | None:
    """The mask that a cycle predicted for an image, as people were shown it; None without one."""
    path = context.run(cycle, Stage.PREDICT).mask(image_id)
    return _shown(context, path) if path.exists() else None


def _shown(context: Context, path: Path) -> Mask:
    with Pillow.open(io.BytesIO(path.read_bytes())) as png:
        mask = np.asarray(png, dtype=np.uint8)
    rules = context.config.predictions
    return tidied(mask, min_region_px=rules.min_region_px, fill_holes_px=rules.fill_holes_px)
