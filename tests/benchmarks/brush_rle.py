"""Brush masks against label-studio-sdk's: seconds in all over a fixed list, byte by byte.

    python tests/benchmarks/brush_rle.py [RANDOM_MASKS]

Prints one JSON object: CPU seconds of the best of three, in one run, for encoding and decoding;
the ratio for the whole list and the lowest of any mask. RANDOM_MASKS (10000) more go through
each exact tag and back. Exits with 1 when a byte or a pixel differs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from label_studio_sdk.converter import brush
from scipy.ndimage import gaussian_filter

from connectors.masks import brush_rle
from connectors.masks.regions import BITMASK, BRUSH, Control, decode, encode
from daemon.domain import ClassSet, Mask

SIZES = ((128, 128), (480, 640), (966, 1296), (1536, 2048), (3072, 4096))
CLASSES = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure")
REPEATS = 3
T = TypeVar("T")


def leaves(size: tuple[int, int], width_px: float, seed: int) -> Mask:
    """Blobs about `width_px` wide over a fifth of the image; large ones with coarse outlines."""
    step = max(1, round(width_px / 32))
    coarse = (-(-size[0] // step), -(-size[1] // step))
    noise = np.random.default_rng(seed).standard_normal(coarse, np.float32)
    smooth = gaussian_filter(noise, width_px / step / 4)
    drawn = (smooth > np.quantile(smooth, 0.8)).astype(np.uint8) * 255
    return drawn.repeat(step, axis=0).repeat(step, axis=1)[: size[0], : size[1]].copy()


def masks() -> Iterator[tuple[str, Mask]]:
    for size in SIZES:
        name = f"{size[1]}x{size[0]}"
        large = leaves(size, min(size) / 8, 1)
        speckle = np.random.default_rng(2).random(size) < 0.005
        yield f"{name} large leaves", large
        yield f"{name} small leaves", leaves(size, 8, 3)
        yield f"{name} soft edge", np.asarray(gaussian_filter(large, 1.5), np.uint8)
        yield f"{name} speckled", large ^ (speckle * np.uint8(255))
    for value, name in ((255, "all drawn"), (0, "nothing drawn")):
        yield f"4096x3072 {name}", np.full((3072, 4096), value, np.uint8)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the CPU seconds of the best of `REPEATS`."""
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        result = work()
        taken.append(time.process_time() - started)
    return result, min(taken)


def measure(mask: Mask) -> dict[str, Any]:
    height_px, width_px = mask.shape

    def sdk_decode() -> Mask:
        return brush.decode_rle(theirs).reshape(height_px, width_px, 4)[..., 3]

    ours, encode_s = timed(lambda: brush_rle.encode(mask))
    theirs, sdk_encode_s = timed(lambda: brush.mask2rle(mask))
    read, decode_s = timed(lambda: brush_rle.decode(theirs, height_px, width_px))
    sdk_read, sdk_decode_s = timed(sdk_decode)
    return {
        "bytes": len(ours),
        "identical": ours == theirs and np.array_equal(read, sdk_read),
        "encode_s": [encode_s, sdk_encode_s],
        "decode_s": [decode_s, sdk_decode_s],
    }


def lost(count: int) -> dict[str, int]:
    """How many of `count` random masks come back changed, by tag."""
    rng = np.random.default_rng(4)
    differ = {BITMASK: 0, BRUSH: 0}
    for _ in range(count):
        size = tuple(int(side) for side in rng.integers(1, 65, 2))
        mask = rng.choice(np.array([0, 1, 2, 255], np.uint8), size, p=rng.dirichlet(np.ones(4)))
        mask = np.repeat(mask, rng.integers(1, 5), axis=1)
        for tag in differ:
            control = Control(from_name="mask", to_name="image", type=tag)
            result = json.loads(json.dumps(encode(mask, CLASSES, control, {})))
            read = decode(result, CLASSES, control, mask.shape, "mask").mask
            differ[tag] += not np.array_equal(read, mask)
    return differ


def summary(rows: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    pairs = np.array([row[name] for row in rows.values()])
    ours, theirs = pairs.sum(axis=0)
    return {
        "seconds": round(ours, 3),
        "sdk_seconds": round(theirs, 3),
        "times_faster": round(theirs / ours, 1),
        "times_faster_at_worst": round(float((pairs[:, 1] / pairs[:, 0]).min()), 1),
    }


def main(count: int = 10_000) -> int:
    rows = {}
    for name, mask in masks():
        rows[name] = measure(mask)
        print(f"{name}: {rows[name]}", file=sys.stderr)
    differ = lost(count)
    identical = all(row["identical"] for row in rows.values())
    print(
        json.dumps(
            {
                "masks": len(rows),
                "identical": identical,
                "encode": summary(rows, "encode_s"),
                "decode": summary(rows, "decode_s"),
                "random_masks": count,
                "random_masks_changed": differ,
            }
        )
    )
    return int(not identical or any(differ.values()))


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:2])))
