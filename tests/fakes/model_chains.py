"""Models of one loop on the same validation images, whose true quality is known."""

from __future__ import annotations

import numpy as np

from daemon.domain import CurvePoint, Evaluation
from daemon.domain.evaluations import MeasuredImage

NAMES = ("soil", "crop", "weed")
HOLDING = (1.0, 0.9, 0.5)  # share of the images that hold each class
IMAGE_NOISE = 0.08


def chain(
    models: int,
    images: int,
    rng: np.random.Generator,
    *,
    worse: float = 0.0,
    class_worse: float = 0.0,
    others_better: float = 0.0,
) -> list[CurvePoint]:
    """The curve of so many models, equally good but for noise, except the last one.

    worse: by so much less the last one finds of each class. class_worse: of the last class.
    others_better: by so much more of the other classes.
    """
    hard = rng.beta(6, 2, (images, 1))
    truth = rng.integers(100, 1000, (images, len(NAMES)))
    truth[:, 1:] *= rng.random((images, len(NAMES) - 1)) < HOLDING[1:]
    points = []
    for cycle in range(1, models + 1):
        found = hard + IMAGE_NOISE * rng.standard_normal(truth.shape)
        if cycle == models:
            found = found - worse
            found[:, :-1] += others_better
            found[:, -1] -= class_worse
        points.append(point_of(cycle, truth, np.clip(found, 0, 1)))
    return points


def point_of(cycle: int, truth: np.ndarray, found: np.ndarray) -> CurvePoint:
    """The figures of a model. truth: (N, C) pixels of each class in each image. found: (N, C) the
    share of them that the model finds."""
    common = (found * truth).astype(np.int64)
    wrong = ((1 - found) * truth.mean(axis=1, keepdims=True) * 0.8).astype(np.int64)
    pixels = np.stack([common, truth, common + wrong], axis=-1)  # (N, C, 3)
    total = pixels.sum(axis=0)
    iou = total[:, 0] / np.maximum(1, total[:, 1] + total[:, 2] - total[:, 0])
    known = {
        name: float(value) if total[row, 1] else None
        for row, (name, value) in enumerate(zip(NAMES, iou, strict=True))
    }
    figures = [value for value in known.values() if value is not None]
    by_image = tuple(
        MeasuredImage(
            image=row, group="", pixels=tuple(tuple(map(int, one)) for one in pixels[row])
        )
        for row in range(len(truth))
    )
    evaluation = Evaluation(
        images=len(truth), miou=float(np.mean(figures)), iou=known, by_image=by_image
    )
    return CurvePoint(
        cycle=cycle,
        labels=10 * cycle,
        train_labels=8 * cycle,
        validation=evaluation,
    )
