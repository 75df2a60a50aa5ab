"""Draws what each shipped strategy picks from one toy pool: strategies/pictures/NAME.png.

    python -m tests.benchmarks.strategy_pictures

Each dot is an unlabeled image in a plane (its embedding), the darker the less sure the model; a
triangle is predicted to hold the rare class. Crosses are labeled. The picks are numbered. Seed 0.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

import strategies
from strategies.base import Pool, Signals

FOLDER = Path(strategies.__file__).parent / "pictures"
GROUPS = ((0.0, 0.0, 90, 0.55), (4.0, 0.6, 45, 0.5), (1.6, 3.4, 25, 0.4))  # x, y, images, width
OUTLIERS = ((5.6, 4.2), (-2.2, 3.6), (4.8, -2.4))
PICKS = 8


def toy_pool() -> Pool:
    """Three groups of images, outliers, and a burst of near-duplicates; the model is unsure at the
    border between its classes and knows the middle of the largest group."""
    rng = np.random.default_rng(0)
    places = [np.array(OUTLIERS)]
    places += [np.array([x, y]) + w * rng.standard_normal((n, 2)) for x, y, n, w in GROUPS]
    places += [np.array([2.6, 1.2]) + 0.03 * rng.standard_normal((12, 2))]
    points = np.concatenate(places).astype(np.float32)
    labeled = np.array([[0, 0], [0.5, -0.4], [-0.4, 0.3], [4, 0.4]], dtype=np.float32)
    border = np.abs(points @ np.array([0.8, 0.6], dtype=np.float32) - 2.4)
    unsure = np.exp(-border / 1.2) * rng.uniform(0.8, 1, len(points))
    rare = np.exp(-np.linalg.norm(points - (1.6, 3.4), axis=1)) * (rng.random(len(points)) < 0.6)
    crop = np.clip(0.3 - rare, 0, 1)
    share = np.stack([1 - crop - 0.2 * rare, crop, 0.2 * rare * (rare > 0.2)], axis=1)
    wide = unsure.astype(np.float32)
    angle = np.arctan2(points[:, 1] - 1, points[:, 0] - 1.5)
    return Pool(
        ids=np.arange(len(points)),
        embeddings=points,
        labeled=labeled,
        uncertainty=wide,
        margin=wide,
        least_confidence=wide,
        teacher_disagreement=(wide * rng.uniform(0.5, 1, len(points))).astype(np.float32),
        scale_disagreement=(wide * rng.uniform(0.5, 1, len(points))).astype(np.float32),
        class_share=share.astype(np.float32),
        class_uncertainty=(unsure[:, None] * (share > 0)).astype(np.float32),
        gradients=(unsure[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(
            np.float32
        ),
        signals=Signals(
            cycle=1, classes=("soil", "crop", "weed"), labels=12, class_labels=(12, 12, 3)
        ),
    )


def draw(name: str, pool: Pool) -> Path:
    """One picture, 240 x 240 points."""
    from matplotlib import pyplot

    picks = strategies.load(name).select(pool, PICKS, np.random.default_rng(0))
    points, share = pool.embeddings, pool.class_share
    assert points is not None
    assert share is not None
    figure, axes = pyplot.subplots(figsize=(2.4, 2.4), dpi=100)
    for rare, marker in ((False, "o"), (True, "^")):
        rows = (share[:, 2] > 0) == rare
        axes.scatter(
            *points[rows].T, c=pool.uncertainty[rows], cmap="Blues", vmin=-0.3, vmax=1,  # type: ignore[index]
            s=12, marker=marker, linewidths=0,
        )  # fmt: skip
    axes.scatter(*pool.labeled.T, marker="x", c="black", s=22, linewidths=1.2)
    axes.scatter(*points[picks].T, s=70, facecolors="none", edgecolors="#d62728", linewidths=1.1)
    for number, row in enumerate(picks, start=1):
        axes.annotate(
            str(number), points[row], xytext=(4, 4), textcoords="offset points", fontsize=7,
            color="#d62728",
        )  # fmt: skip
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_title(name, fontsize=9)
    figure.tight_layout(pad=0.3)
    path = FOLDER / f"{name}.png"
    figure.savefig(path, pil_kwargs={"optimize": True}, metadata={"Software": None})
    pyplot.close(figure)
    return path


def main() -> None:
    mpl.use("Agg")
    FOLDER.mkdir(exist_ok=True)
    pool = toy_pool()
    for name in strategies.SHIPPED:
        path = draw(name, pool)
        print(f"{path.name}: {path.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
