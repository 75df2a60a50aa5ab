"""Trainings of a made-up loop: their figures, image by image, and the files of their run folders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.domain import CurvePoint, Mask
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
from tests.fakes.large_store import CLASSES, Pictures, Size
from tests.fakes.model_chains import point_of

ITERATIONS, STEPS = 800, (200, 500, 800)
REFUSED_BY = 0.25  # so much less the refused model finds


def measured_points(
    size: Size, painted: Pictures, rng: np.random.Generator, *, refused: bool
) -> list[CurvePoint]:
    """The models of a loop that learns. refused: the newest is clearly worse."""
    masks = [truth_of(painted, image_id) for image_id in validation_ids(size)]
    truth = np.stack([np.bincount(mask.ravel(), minlength=len(CLASSES)) for mask in masks])
    hard = rng.normal(0, 0.03, (len(truth), 1))
    points = []
    for cycle in range(1, size.cycles + 1):
        labels = size.validation + cycle * size.batch
        found = np.array([0.99, 0.93, 0.86]) - 0.5 * (1 + labels / 30) ** -0.8
        found = found + hard + rng.normal(0, 0.015, truth.shape)
        if refused and cycle == size.cycles:
            found = found - REFUSED_BY
        point = point_of(cycle, truth, np.clip(found, 0, 1))
        points.append(_as_measured(point, labels, size.batch * cycle))
    return points


def validation_ids(size: Size) -> range:
    """Ids of the validation images."""
    return range(1, size.validation + 1)


def truth_of(painted: Pictures, image_id: int) -> Mask:
    """The mask by people of an image, at half its size."""
    return painted.masks[(image_id - 1) % len(painted.masks)][::2, ::2]


def write_training(
    run: RunFolder, point: CurvePoint, size: Size, painted: Pictures, rng: np.random.Generator
) -> None:
    """The files of a finished training: checkpoint, history, previews, masks of validation."""
    for folder in ("previews", "validation", "labels"):
        (run.path / folder).mkdir(parents=True)
    run.checkpoint.touch()
    for image_id in validation_ids(size):
        truth = truth_of(painted, image_id)
        label_mask(run, image_id).write_bytes(small_mask_png(truth))
        validation_mask(run, image_id).write_bytes(small_mask_png(_guess(truth, point.cycle, rng)))
    shown = (
        PreviewImage(id=1, role=FileRole.VALIDATION),
        PreviewImage(id=size.images, role=FileRole.POOL),
    )
    for number, step in enumerate(STEPS, start=1):
        for image in shown:
            guess = _guess(truth_of(painted, image.id), number, rng)
            preview_mask(run, image, step, "prediction").write_bytes(small_mask_png(guess))
            sure = np.where(rng.random(guess.shape) < 0.2, 255, guess).astype(np.uint8)
            preview_mask(run, image, step, "pseudo").write_bytes(small_mask_png(sure))
    write_history(run, _history(point.cycle, shown, rng))
    run.write_result(
        TrainResult(validation=point.validation, iterations=ITERATIONS, seconds=point.seconds or 0)
    )


def _as_measured(point: CurvePoint, labels: int, train_labels: int) -> CurvePoint:
    """With an interval, a confusion and mistakes; image ids begin at 1."""
    found = point.validation
    assert found is not None and found.miou is not None
    totals = np.sum([one.pixels for one in found.by_image], axis=0)  # (C, 3)
    confusion = [
        [int(common) if row == column else int((truth - common) // 2) for column in range(3)]
        for row, (common, truth, _) in enumerate(totals)
    ]
    by_image = tuple(
        replace(one, image=one.image + 1, mistakes=_mistakes(one.pixels)) for one in found.by_image
    )
    evaluation = replace(
        found,
        by_image=by_image,
        miou_interval=(found.miou - 0.021, found.miou + 0.019),
        interval_coverage=0.953,
        confusion=tuple(tuple(row) for row in confusion),
    )
    return replace(
        point, labels=labels, train_labels=train_labels, seconds=1400.0, validation=evaluation
    )


def _mistakes(pixels: tuple[tuple[int, int, int], ...]) -> tuple[tuple[int, int, int], ...]:
    missed = [(row, 0, (truth - common) // 2) for row, (common, truth, _) in enumerate(pixels)]
    return tuple(one for one in missed[1:] if one[2])


def _guess(truth: Mask, quality: int, rng: np.random.Generator) -> Mask:
    """A prediction that lies less beside the truth the better the model is."""
    off = max(1, 9 - quality)
    return np.roll(truth, (int(rng.integers(-off, off + 1)), off), axis=(0, 1))


def _history(
    cycle: int, shown: tuple[PreviewImage, ...], rng: np.random.Generator
) -> TrainingHistory:
    points = []
    for number in range(10, ITERATIONS + 1, 10):
        labeled = 0.25 + 1.6 * np.exp(-number / (90 + 12 * cycle)) + rng.normal(0, 0.02)
        losses = {"labeled_fused": float(labeled), "mixed_fused": float(0.5 * labeled + 0.1)}
        losses |= {f"sure_{row}": 0.9 - 0.2 * row - 60 / (60 + number) for row in range(3)}
        rate = 6e-5 * (1 - number / ITERATIONS)
        points.append(
            HistoryPoint(
                iteration=number, seconds=1.7 * number, learning_rate=rate, losses=losses
            )
        )
    return TrainingHistory(
        classes=CLASSES,
        iterations=ITERATIONS,
        points=tuple(points),
        images=shown,
        previews=tuple(
            Preview(iteration=step, miou=0.5 + 0.05 * place + 0.01 * cycle)
            for place, step in enumerate(STEPS)
        ),
    )
