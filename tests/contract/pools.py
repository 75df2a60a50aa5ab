"""Pools for the contract of a query strategy, made once and shared by all strategies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from strategies.base import PER_IMAGE, Pool, Signals

CLASSES = ("soil", "crop", "weed")
RATES = (
    "uncertainty",
    "margin",
    "least_confidence",
    "foreground_uncertainty",
    "scale_disagreement",
    "teacher_disagreement",
    "border",
)


def seeded() -> np.random.Generator:
    return np.random.default_rng(7)


def random_pool(images: int = 40, labeled: int = 5, dimensions: int = 6, seed: int = 0) -> Pool:
    """Every optional field is present; the ids are neither sorted nor dense. Signals are there in
    two of three pools, of a model that is good or not."""
    rng = np.random.default_rng(seed)
    embeddings = _unit(rng.standard_normal((images + labeled, dimensions), dtype=np.float32))
    foreground = _unit(rng.standard_normal((images + labeled, dimensions), dtype=np.float32))
    foreground[:images:7] = 0  # nothing is predicted there
    return Pool(
        ids=rng.permutation(10 * images)[:images].astype(np.int64),
        embeddings=embeddings[:images],
        labeled=embeddings[images:],
        class_share=rng.dirichlet((5.0, 1.0, 0.1), size=images).astype(np.float32),
        class_uncertainty=_sparse(rng, images),
        objects=rng.integers(0, 9, (images, 3)).astype(np.float32),
        foreground_embeddings=foreground[:images],
        labeled_foreground=foreground[images:],
        gradients=rng.standard_normal((images, 4), dtype=np.float32),
        signals=_signals(labeled, seed),
        **{name: rng.random(images, dtype=np.float32) for name in RATES},  # type: ignore[arg-type]
    )


def grouped_pool(images: int = 100, labeled: int = 5, dimensions: int = 8) -> Pool:
    """As `random_pool`, with the images of five groups of unequal size."""
    pool = random_pool(images, labeled, dimensions, seed=1)
    rng = np.random.default_rng(2)
    centers = rng.standard_normal((5, dimensions))
    chances = np.array([0.4, 0.3, 0.15, 0.1, 0.05])

    def rows(count: int) -> np.ndarray:
        group = rng.choice(5, size=count, p=chances)
        return _unit(centers[group] + 0.2 * rng.standard_normal((count, dimensions)))

    share = pool.class_share.copy()  # type: ignore[union-attr]
    share[::5], share[1::5] = (1, 0, 0), (0, 0, 1)  # background alone, the last class alone
    return replace(pool, embeddings=rows(images), labeled=rows(labeled), class_share=share)


def rows_of(pool: Pool, rows: Any) -> Pool:
    """The same images in another order, or some of them."""
    fields = {name: getattr(pool, name) for name in PER_IMAGE}
    parts = {name: value[rows] for name, value in fields.items() if value is not None}
    return replace(pool, ids=pool.ids[rows], **parts)


@cache
def coarse_pool(seed: int) -> Pool:
    """A pool of at most nine images and small whole numbers: full of duplicates and ties, exact in
    float32. Do not write into it."""
    rng = np.random.default_rng([17, seed])
    images, labeled = (seed % 10 if seed < 20 else rng.integers(2, 10)), int(rng.integers(4))
    dimensions = int(rng.integers(1, 4))

    def eighths(*shape: int) -> np.ndarray:
        return (rng.integers(0, 9, shape) / 8).astype(np.float32)

    def whole(rows: int) -> np.ndarray:
        return rng.integers(-2, 3, (rows, dimensions)).astype(np.float32)

    crop = eighths(images) / 2  # of it half may be weed
    return Pool(
        ids=rng.permutation(100)[:images].astype(np.int64),
        embeddings=whole(images),
        labeled=whole(labeled),
        class_share=np.stack([1 - crop, crop / 2, crop / 2], axis=1).astype(np.float32),
        class_uncertainty=eighths(images, 3),
        objects=rng.integers(0, 3, (images, 3)).astype(np.float32),
        foreground_embeddings=whole(images),
        labeled_foreground=whole(labeled),
        gradients=rng.integers(-2, 3, (images, 2)).astype(np.float32),
        signals=_signals(labeled, seed),
        **{name: eighths(images) for name in RATES},  # type: ignore[arg-type]
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _sparse(rng: np.random.Generator, images: int) -> np.ndarray:
    """Of each class, 0 in a third of the images: it is not predicted there."""
    values = rng.random((images, 3), dtype=np.float32)
    return np.where(rng.random((images, 3)) < 1 / 3, np.float32(0), values)


def _signals(labeled: int, seed: int) -> Signals | None:
    if seed % 3 == 2:
        return None
    return Signals(
        cycle=1,
        classes=CLASSES,
        labels=9 * labeled,
        class_labels=(9 * labeled, 5 * labeled, labeled // 4),
        calibration_error=0.05,
        coverage_p95=0.2 if seed % 3 else 0.9,
        spread=1.0,
    )
