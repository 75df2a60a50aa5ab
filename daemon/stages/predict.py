"""PREDICT: masks for the batch, its reserve and every open task, to be corrected by people."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.config.loop_sections import Predictions
from daemon.domain import KeptPrediction, Mask, Stage, TaskState
from daemon.runs.durable import write_json
from daemon.runs.folder import PredictRequest, PredictResult, RunFolder
from daemon.stages.context import Context, files_of
from daemon.stages.postprocess import postprocessed
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.run_settings import write_request
from daemon.stages.serving import serving_checkpoint


def predict(context: Context, cycle: int) -> bool:
    """Write masks by the model that serves in this cycle; True when done."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        store = context.store
        wanted = {pick.image_id for pick in [*store.picks(cycle), *store.reserve(cycle)]}
        wanted |= {task.image_id for task in store.tasks(TaskState.OPEN)}
        images = list(store.images_of(wanted).values())
        request = context.request(
            PredictRequest,
            classes=context.trained_classes(store.serving(cycle)),
            checkpoint=serving_checkpoint(context, cycle),
            masks=files_of(images),
        )
        if not images:
            return True
        write_request(context, run, Stage.PREDICT, request)
    if not context.launcher.advance(run, "predict"):
        return False
    exclude_unusable(context, Stage.PREDICT, run.read_result(PredictResult).faults)
    return True


def reset_predictions(context: Context, cycle: int) -> None:
    """Let PREDICT run once more, since the batch is selected once more. Masks that people saw stay.
    Calling it twice changes nothing."""
    run = context.run(cycle, Stage.PREDICT)
    run.result_file.unlink(missing_ok=True)
    run.request_file.unlink(missing_ok=True)


def predictions(context: Context, cycle: int) -> Mapping[int, KeptPrediction]:
    """The predicted masks of a cycle by image id; empty before there is a model."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.finished():
        return {}
    confidence, settings = (
        run.read_result(PredictResult).confidence,
        _postprocess_settings(context, run),
    )
    return {
        file.id: KeptPrediction(
            image_id=file.id,
            read=partial(_postprocessed_mask, run, file.id, settings),
            confidence=confidence.get(file.id, {}),
        )
        for file in run.read_request(PredictRequest).masks
        if run.mask(file.id).exists()  # not of a file that could not be read
    }


def predicted_ids(context: Context, cycle: int) -> set[int] | None:
    """The images that a cycle was to predict masks for; None where its run is gone."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        return None
    return {file.id for file in run.read_request(PredictRequest).masks}


def predicted_mask(context: Context, cycle: int, image_id: int) -> Mask | None:
    """The mask that a cycle predicted for an image, as people saw it; None without one."""
    run = context.run(cycle, Stage.PREDICT)
    return (
        _postprocessed_mask(run, image_id, _postprocess_settings(context, run))
        if run.mask(image_id).exists()
        else None
    )


def _postprocess_settings(context: Context, run: RunFolder) -> Predictions:
    """How the masks of this run are postprocessed: as [predictions] said at their first use. Later
    settings change later predictions only, so corrections are measured against what people saw."""
    file = run.path / "shown.json"
    if not file.exists():
        write_json(file, context.config.predictions.model_dump())
    return Predictions.model_validate_json(file.read_bytes())


def _postprocessed_mask(run: RunFolder, image_id: int, settings: Predictions) -> Mask:
    """The predicted mask as people see it."""
    mask = _read_mask(run.mask(image_id))
    return postprocessed(
        mask, min_region_px=settings.min_region_px, fill_holes_px=settings.fill_holes_px
    )


def _read_mask(path: Path) -> Mask:
    with Pillow.open(io.BytesIO(path.read_bytes())) as png:
        return np.asarray(png, dtype=np.uint8)
