"""Region labeling of predictions: ours on runs against `cv2.connectedComponentsWithStats`.

`python -m tests.benchmarks.connected_components [SIDE] [SEED]` prints, for masks of SIDE x SIDE
pixels with three classes, how long the removal of specks and holes takes, and how long OpenCV
takes only to label each class and count the pixels of its regions, which is a part of that work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from daemon.rules.postprocess import postprocess_mask

Mask = npt.NDArray[np.uint8]


def painted(side: int, blobs: int, noise: float, rng: np.random.Generator) -> Mask:
    """(side, side): ellipses of classes 1 and 2 on 0, and a share of pixels with a random class."""
    mask = np.zeros((side, side), np.uint8)
    for _ in range(blobs):
        center = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = tuple(int(v) for v in rng.integers(2, max(3, side // 20), 2))
        cv2.ellipse(
            mask, center, axes, float(rng.integers(180)), 0, 360, int(rng.integers(1, 3)), -1
        )
    flipped = rng.random(mask.shape) < noise
    mask[flipped] = rng.integers(0, 3, int(flipped.sum()))
    return mask


def labeled_by_opencv(mask: Mask) -> int:
    """The number of regions of all classes, 4-connected."""
    found = 0
    for value in range(3):
        inside = (mask == value).astype(np.uint8)
        found += cv2.connectedComponentsWithStats(inside, connectivity=4)[0] - 1
    return found


def fastest_ms(work: Callable[[], object], times: int = 7) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1000 * min(took)


def main(side: int = 1000, seed: int = 0) -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    for name, blobs, noise in (("smooth", 300, 0.0), ("usual", 300, 0.002), ("noisy", 300, 0.05)):
        mask = painted(side, blobs, noise, rng)
        ours = fastest_ms(lambda: postprocess_mask(mask, min_region_px=25, fill_holes_px=25))  # noqa: B023
        theirs = fastest_ms(lambda: labeled_by_opencv(mask))  # noqa: B023
        print(f"{name}: ours, all of it {ours:.1f} ms; OpenCV, labeling only {theirs:.1f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
