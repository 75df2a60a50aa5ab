"""What windows side by side cost in accuracy and save in time, on a mosaic of labeled pictures.

python -m tests.benchmarks.large_images CHECKPOINT FOLDER [SIDE [SEED]]

FOLDER: images/ID.jpg and masks/ID.png of one size, splits.json with a list `test`. SIDE x SIDE
pictures make the mosaic. Compared: windows that overlap by half (images up to
`overlap_megapixels`), windows side by side (larger ones), and, for scale, a copy reduced by 2.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from daemon.domain import Mask
from daemon.hrda.device import infers_in_bf16, keep_freed_memory, set_threads
from daemon.hrda.evaluation.iou import confusion, iou_of
from daemon.hrda.inference.whole_images import ImagePrediction, predict_image
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.checkpoint import read_checkpoint


def mosaic(folder: Path, kind: str, names: Sequence[str], side: int) -> np.ndarray:
    """Pictures of one size, side x side of them, row by row."""
    pictures = [np.asarray(Image.open(folder / kind.format(name))) for name in names]
    rows = [np.concatenate(pictures[row * side :][:side], axis=1) for row in range(side)]
    return np.concatenate(rows)


def timed(
    net: Segmentor, image: np.ndarray, overlap_megapixels: float
) -> tuple[ImagePrediction, float]:
    """The prediction and its CPU seconds."""
    net.settings = dataclasses.replace(net.settings, overlap_megapixels=overlap_megapixels)
    began_s = time.process_time()
    return predict_image(net, image), time.process_time() - began_s


def say(words: str, found: Mask, truth: Mask, cpu_s: float, first: Mask, classes: int) -> None:
    """One line."""
    iou = iou_of(confusion(truth, found, classes))
    by_class = ", ".join(f"{value:.3f}" for value in iou)
    print(
        f"{words}: mIoU {np.nanmean(iou):.3f} ({by_class}), {cpu_s:.0f} CPU seconds, "
        f"{np.mean(found == first):.4f} of the pixels as overlapping"
    )


def main(checkpoint: Path, folder: Path, side: int = 8, seed: int = 0) -> None:
    """Print the three."""
    keep_freed_memory()
    set_threads(1)
    net, classes = read_checkpoint(checkpoint, torch.device("cpu"))
    net.bf16 = infers_in_bf16(net.settings, torch.device("cpu"))
    ids = json.loads((folder / "splits.json").read_text())["test"]
    names = np.random.default_rng(seed).permutation(ids)[: side * side].tolist()
    image = mosaic(folder, "images/{}.jpg", names, side)
    truth = mosaic(folder, "masks/{}.png", names, side)
    print(f"{image.shape[1]}x{image.shape[0]} pixels")
    prediction, cpu_s = timed(net, image, 1000.0)
    first = prediction.mask()
    say("overlapping", first, truth, cpu_s, first, len(classes))
    prediction, cpu_s = timed(net, image, 0.0)
    say("side by side", prediction.mask(), truth, cpu_s, first, len(classes))
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    prediction, cpu_s = timed(net, small, 1000.0)
    large = dataclasses.replace(
        prediction,
        logits=prediction.logits.repeat_interleave(2, 1).repeat_interleave(2, 2),
        size=(image.shape[0], image.shape[1]),
    )
    say("reduced by 2", large.mask(), truth, cpu_s, first, len(classes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
