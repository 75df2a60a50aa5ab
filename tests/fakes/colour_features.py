"""Features of images without an encoder: the mean colour of each cell, for tests of the probe."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.hrda.probe.feature_file import FeatureWriter, ImageFeatures, Layout
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import PredictResult, RunFolder

LAYOUT = Layout(origin="0" * 64, channels=3, embedding=48)
CELL_PX = 8


def write_colour_features(folder: Path, images: Iterable[Path]) -> Path:
    """Features of images whose sides are multiples of 8 pixels. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    count, writer = 0, FeatureWriter(folder, LAYOUT)
    with writer.appending():
        for path in images:
            writer.add(sha256_of(path), colour_features(path))
            count += 1
    RunFolder(folder).write_result(PredictResult(images=count, seconds=0.0))
    return folder


def colour_features(path: Path) -> ImageFeatures:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float32) / 64 - 2
        small = np.asarray(picture.convert("RGB").resize((4, 4)), np.float32).ravel() - 127.5
    height, width = pixels.shape[:2]
    blocks = pixels.reshape(height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX, 3)
    return ImageFeatures(
        cells=blocks.mean(axis=(1, 3)).astype(np.float16),
        size=(height, width),
        cell_px=CELL_PX,
        embedding=small / np.linalg.norm(small),
    )
