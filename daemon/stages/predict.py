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
from daemon.stages.postprocess import tidied
from daemon.stages.quarantine import set_aside
from daemon.stages.run_settings import ask
from daemon.stages.serving import serving_checkpoint


def predict(context: Context, cycle: int) -> bool:
    """Write masks by the model that serves in this cycle; True when done."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.request_file.exists():
        store = context.store
        wanted = {pick.image_id for pick in [*store.picks(cycle), *store.reserve(cycle)]}
        wanted |= {row["image_id"] for row in store.tasks(TaskState.OPEN)}
        images = [image for image in store.images() if image.id in wanted]
        request = context.request(
            PredictRequest,
            classes=context.trained_classes(store.serving(cycle)),
            checkpoint=serving_checkpoint(context, cycle),
            masks=files_of(images),
        )
        if not images:
            return True
        ask(context, run, Stage.PREDICT, request)
    if not context.launcher.advance(run, "predict"):
        return False
    set_aside(context, Stage.PREDICT, run.read_result(PredictResult).faults)
    return True


def predict_anew(context: Context, cycle: int) -> None:
    """The batch is selected once more, so PREDICT runs once more, for its images too. Masks that
    people saw stay where they are. Twice changes nothing."""
    run = context.run(cycle, Stage.PREDICT)
    run.result_file.unlink(missing_ok=True)
    run.request_file.unlink(missing_ok=True)


def predictions(context: Context, cycle: int) -> Mapping[int, KeptPrediction]:
    """The predicted masks of a cycle by image id; empty before there is a model."""
    run = context.run(cycle, Stage.PREDICT)
    if not run.finished():
        return {}
    confidence, rules = run.read_result(PredictResult).confidence, _rules(context, run)
    return {
        file.id: KeptPrediction(
            image_id=file.id,
            read=partial(_shown, run, file.id, rules),
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
    """The mask that a cycle predicted for an image, as people were shown it; None without one."""
    run = context.run(cycle, Stage.PREDICT)
    return _shown(run, image_id, _rules(context, run)) if run.mask(image_id).exists() else None


def _rules(context: Context, run: RunFolder) -> Predictions:
    """How the masks of this run are tidied: by the rules of the first look at it. Other rules in
    config.toml change later predictions only, and an effort is measured against what was seen."""
    file = run.path / "shown.json"
    if not file.exists():
        write_json(file, context.config.predictions.model_dump())
    return Predictions.model_validate_json(file.read_bytes())


def _shown(run: RunFolder, image_id: int, rules: Predictions) -> Mask:
    """The mask as people see it."""
    mask = _read(run.mask(image_id))
    return tidied(mask, min_region_px=rules.min_region_px, fill_holes_px=rules.fill_holes_px)


def _read(path: Path) -> Mask:
    with Pillow.open(io.BytesIO(path.read_bytes())) as png:
        return np.asarray(png, dtype=np.uint8)
