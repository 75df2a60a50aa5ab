"""A store with trained models and their run folders, as the page of the trainings reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.domain import Evaluation, Stage
from daemon.domain.models import ClassFall, GateVerdict, Ground, JudgedModel, ModelNote
from daemon.pixels.small_masks import small_mask_png
from daemon.runs.run_folder import FileRole, RunFolder, TrainResult
from daemon.runs.training_history import (
    HistoryPoint,
    Preview,
    PreviewImage,
    TrainingHistory,
    label_mask,
    preview_mask,
    validation_mask,
    write_history,
)
from daemon.store import FILE, Store
from tests.fakes.model_chains import chain

HOSTILE = "</script><img src=x onerror=alert(1)>"
START = datetime(2026, 11, 1, 8, tzinfo=UTC)
IMAGES, CELLS, ITERATIONS = 10, 24, 40


def trained_home(home: Path, models: int, *, asked: bool = False, **settings: Any) -> Config:
    """A home with so many models; the newest asks where `asked` says so."""
    config = Config.model_validate({"home": home, "connector": {"kind": "folder"}, **settings})
    config.state.mkdir(parents=True)
    with Store(config.state / FILE) as store:
        for cycle in range(1, models + 1):
            start = START + timedelta(hours=cycle)
            store.start_cycle(cycle, Stage.DONE, start, labels=10 * cycle, train_labels=8 * cycle)
        for bare in chain(models, IMAGES, np.random.default_rng(1)) if models else ():
            point = replace(bare, validation=_with_mistakes(bare.validation))
            run = RunFolder(config.state / "runs" / f"{point.cycle:04d}-train")
            write_run(run, point.cycle)
            result = TrainResult(validation=point.validation, iterations=ITERATIONS, seconds=60.0)
            run.write_result(result)
            store.keep_evaluation("validation", point, point.validation)
            store.keep_judged_model(_judged(point.cycle, asked and point.cycle == models))
            if asked and point.cycle == models:
                store.keep_serving(point.cycle, point.cycle - 1)
        if models:
            store.add_model_note(ModelNote(cycle=1, at=START, author="a lead", text=HOSTILE))
    return config


def write_run(run: RunFolder, cycle: int) -> None:
    """The files of a training: its checkpoint, its history, previews and masks."""
    for folder in ("previews", "validation", "labels"):
        (run.path / folder).mkdir(parents=True)
    run.checkpoint.touch()
    rng = np.random.default_rng(cycle)
    images = (
        PreviewImage(id=1, role=FileRole.VALIDATION),
        PreviewImage(id=2, role=FileRole.POOL),
    )
    steps = (20, ITERATIONS)
    for image_id in range(IMAGES):
        truth = rng.integers(0, 3, (CELLS, CELLS)).astype(np.uint8)
        Image.fromarray(truth).save(label_mask(run, image_id))
        guess = np.where(rng.random(truth.shape) < 0.8, truth, 0).astype(np.uint8)
        validation_mask(run, image_id).write_bytes(small_mask_png(guess))
    for step in steps:
        for image in images:
            for kind in ("prediction", "pseudo"):
                mask = rng.integers(0, 3, (CELLS, CELLS)).astype(np.uint8)
                preview_mask(run, image, step, kind).write_bytes(small_mask_png(mask))
    points = [
        HistoryPoint(
            iteration=number,
            seconds=float(number),
            learning_rate=1e-3,
            losses={"labeled_fused": 2.0 / number, "mixed_fused": 1.0 / number, "sure_0": 0.9},
        )
        for number in range(1, ITERATIONS + 1)
    ]
    history = TrainingHistory(
        classes=("soil", "crop", "weed"),
        iterations=ITERATIONS,
        points=tuple(points),
        images=images,
        previews=tuple(Preview(iteration=step, miou=0.5) for step in steps),
    )
    write_history(run, history)


def _with_mistakes(found: Evaluation) -> Evaluation:
    """Image 4 has 50 pixels of crop that the model took for soil."""
    by_image = tuple(
        replace(one, mistakes=((1, 0, 50),) if one.image == 4 else ()) for one in found.by_image
    )
    confusion = ((900, 60, 40), (50, 700, 0), (0, 0, 300))
    return replace(found, by_image=by_image, confusion=confusion)


def _judged(cycle: int, asked: bool) -> JudgedModel:
    fall = ClassFall(name="weed", difference=-0.2, interval=(-0.3, -0.1))
    return JudgedModel(
        cycle=cycle,
        serving=cycle - 1 if asked else cycle,
        verdict=GateVerdict.ASKED if asked else GateVerdict.SERVES,
        at=START,
        ground=Ground.CLASS_FALL if asked else None,
        against=cycle - 1 if asked else None,
        words="the IoU of 'weed' fell by 0.200" if asked else "",
        falls=(fall,) if asked else (),
    )
