"""PREDICT: masks for the batch, its reserve and every open task, which annotators correct."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.config.loop_sections import Predictions
from daemon.domain import KeptPrediction, Mask, Stage, TaskState
from daemon.rules.postprocess import postprocess_mask
from daemon.runs.durable import write_json
from daemon.runs.run_folder import PredictRequest, PredictResult, RunFolder
from daemon.stages.context import Context, image_files
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.run_settings import write_request
from daemon.stages.serving import serving_checkpoint


def predict(context: Context, cycle: int) -> bool:
    """Predict masks with the model that serves in this cycle; True when done."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        store = context.store
        image_ids = {pick.image_id for pick in [*store.picks(cycle), *store.reserve(cycle)]}
        image_ids |= {task.image_id for task in store.tasks(TaskState.OPEN)}
        images = list(store.images_of(image_ids).values())
        request = context.request(
            PredictRequest,
            classes=context.trained_classes(store.serving(cycle)),
            checkpoint=serving_checkpoint(context, cycle),
            masks=image_files(images),
            priors=context.config.smart_tool.enabled,
        )
        if not images:
            return True
        write_request(context, run, Stage.PREDICT, request)
    if not context.launcher.advance(run, "predict"):
        return False
    exclude_unusable(context, Stage.PREDICT, run.read_result(PredictResult).faults)
    return True


def reset_predictions(context: Context, cycle: int) -> None:
    """Make PREDICT run again, since the batch is selected again; masks of the earlier run stay.

    Calling it twice changes nothing.
    """
    run = context.run(cycle, Stage.PREDICT)
    run.result_file.unlink(missing_ok=True)
    run.request_file.unlink(missing_ok=True)


def predictions(context: Context, cycle: int) -> Mapping[int, KeptPrediction]:
    """Image id -> predicted mask of a cycle; empty before the first model."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.finished():
        return {}
    confidence = run.read_result(PredictResult).confidence
    settings = _postprocess_settings(context, run)
    return {
        file.id: KeptPrediction(
            image_id=file.id,
            read=partial(_read_postprocessed, run, file.id, settings),
            confidence=confidence.get(file.id, {}),
        )
        for file in run.read_request(PredictRequest).masks
        if run.mask(file.id).exists()  # there is none if the image could not be read
    }


def predicted_ids(context: Context, cycle: int) -> set[int] | None:
    """Ids of the images that a cycle had to predict masks for; None if its run is deleted."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        return None
    return {file.id for file in run.read_request(PredictRequest).masks}


def predicted_mask(context: Context, cycle: int, image_id: int) -> Mask | None:
    """The postprocessed mask that a cycle predicted for an image; None if there is none."""
    run = context.run(cycle, Stage.PREDICT)
    return (
        _read_postprocessed(run, image_id, _postprocess_settings(context, run))
        if run.mask(image_id).exists()
        else None
    )


def _postprocess_settings(context: Context, run: RunFolder) -> Predictions:
    """The settings for the masks of this run: those of [predictions] at their first use.

    Later changes apply to later predictions only, so that corrections are measured against the
    masks that annotators saw.
    """
    file = run.path / "shown.json"
    if not file.exists():
        write_json(file, context.config.predictions.model_dump())
    return Predictions.model_validate_json(file.read_bytes())


def _read_postprocessed(run: RunFolder, image_id: int, settings: Predictions) -> Mask:
    """The postprocessed mask (H, W), as annotators see it."""
    mask = _read_mask(run.mask(image_id))
    return postprocess_mask(
        mask, min_region_px=settings.min_region_px, fill_holes_px=settings.fill_holes_px
    )


def _read_mask(path: Path) -> Mask:
    with Pillow.open(io.BytesIO(path.read_bytes())) as png:
        return np.asarray(png, dtype=np.uint8)
