"""Predictions of many files: read in advance, pictures of one size in one forward pass.

Neither changes the results or their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.sampler import POOL_SAMPLE, stream
from daemon.hrda.inference.framing import fits, pixels_in_memory
from daemon.hrda.inference.passes import images_per_pass, one_in_advance, queue_length, readers
from daemon.hrda.inference.scored_images import Columns, ScoredImage, Scoring, score_images
from daemon.hrda.inference.whole_images import ImagePrediction, is_large, predict_images
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import Box, sliding_windows
from daemon.runs.run_folder import ImageFile

T = TypeVar("T")
File = TypeVar("File", bound=ImageFile)
Predict = Callable[[Segmentor, Sequence[Picture]], Sequence[ImagePrediction]]

SAMPLED_WINDOWS = 8  # of a large image, for class shares


def predictions_of(
    net: Segmentor, files: Iterable[File], reader: FileReader, predict: Predict = predict_images
) -> Iterator[tuple[File, ImagePrediction]]:
    """Each readable file with its prediction, in order.

    predict: makes the predictions of images of one size. The other files are among the faults of
    `reader`. Raises RunFailed as `predict` and `reader` do.
    """
    pictures = reader.images(files, queue_length(net), readers(net))
    for group in group_by_size(pictures, lambda pixels: _images_at_once(net, pixels)):
        predictions = predict(net, [picture for _, picture in group])
        yield from (
            (file, prediction) for (file, _), prediction in zip(group, predictions, strict=True)
        )


def scores_of(
    net: Segmentor, files: Iterable[File], reader: FileReader, scoring: Scoring
) -> Iterator[tuple[File, Columns]]:
    """As `predictions_of`, with the columns of its scores in place of the prediction."""
    pictures = reader.images(files, queue_length(net), readers(net))
    groups = group_by_size(pictures, lambda pixels: _images_at_once(net, pixels))

    def work(group: Sequence[tuple[File, Picture]]) -> Sequence[ScoredImage]:
        return score_images(net, [picture for _, picture in group], scoring)

    for group, found in one_in_advance(net, work, groups):
        yield from ((file, one.columns()) for (file, _), one in zip(group, found, strict=True))


def sampled_predictions(
    net: Segmentor, files: Iterable[File], reader: FileReader, seed: int
) -> Iterator[tuple[File, tuple[int, int], list[tuple[Box, ImagePrediction]]]]:
    """As `predictions_of`, for class shares: each file with its (H, W) and predictions by window.

    The window is the whole image, except in large ones at native scale (see `is_large`): there the
    seed draws SAMPLED_WINDOWS windows, so that they cost as much as an image of a few megapixels.
    """
    pictures = reader.images(files, queue_length(net), readers(net))
    for group in group_by_size(pictures, lambda pixels: _images_at_once(net, pixels)):
        height, width = group[0][1].shape[:2]
        if fits(net.settings) or not is_large(net, (height, width)):
            predictions = predict_images(net, [picture for _, picture in group])
            whole = Box(0, 0, height, width)
            for (file, _), prediction in zip(group, predictions, strict=True):
                yield file, (height, width), [(whole, prediction)]
            continue
        for file, picture in group:
            boxes = sampled_windows(
                height, width, net.settings.window_px, stream(seed, POOL_SAMPLE, file.id)
            )
            predictions = predict_images(net, [picture[box.view] for box in boxes])
            yield file, (height, width), list(zip(boxes, predictions, strict=True))


def _images_at_once(net: Segmentor, pixels: int) -> int:
    return min(queue_length(net), images_per_pass(net, pixels_in_memory(net.settings, pixels)))


def sampled_windows(height: int, width: int, side: int, rng: np.random.Generator) -> list[Box]:
    """At most SAMPLED_WINDOWS of the windows that lie side by side, from top to bottom."""
    boxes = sliding_windows(height, width, side, side)
    rows = rng.permutation(len(boxes))[:SAMPLED_WINDOWS]
    return [boxes[row] for row in sorted(rows.tolist())]


def group_by_size(
    pictures: Iterable[tuple[T, Picture]], most: Callable[[int], int]
) -> Iterator[Sequence[tuple[T, Picture]]]:
    """Neighbours of one size together, at most `most(pixels)` of them."""
    group: list[tuple[T, Picture]] = []
    for key, picture in pictures:
        if group and picture.shape != group[0][1].shape:
            yield group
            group = []
        group.append((key, picture))
        if len(group) >= most(picture.shape[0] * picture.shape[1]):
            yield group
            group = []
    if group:
        yield group
