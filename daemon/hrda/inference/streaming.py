"""Predictions of many files: read in advance, pictures of one size in one forward pass.

Neither changes the results or their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.inference.whole_images import ImagePrediction, images_per_pass, predict_images
from daemon.hrda.network.segmentor import Segmentor
from daemon.runs.folder import ImageFile

T = TypeVar("T")
File = TypeVar("File", bound=ImageFile)

MAX_WAITING = 8  # pictures that wait for the network, and that go through it in one pass


def predictions_of(
    net: Segmentor, files: Iterable[File], reader: FileReader
) -> Iterator[tuple[File, ImagePrediction]]:
    """Each readable file with its prediction, in order.

    The others are among the faults of `reader`. Raises RunFailed as `predict_images` and `reader`
    do.
    """
    pictures = reader.images(files, MAX_WAITING)
    for group in group_by_size(pictures, lambda pixels: images_per_pass(net, pixels)):
        predictions = predict_images(net, [picture for _, picture in group])
        yield from (
            (file, prediction) for (file, _), prediction in zip(group, predictions, strict=True)
        )


def group_by_size(
    pictures: Iterable[tuple[T, Picture]], most: Callable[[int], int]
) -> Iterator[Sequence[tuple[T, Picture]]]:
    """Neighbours of one size together: at most MAX_WAITING, and at most `most(pixels)` of them."""
    group: list[tuple[T, Picture]] = []
    for key, picture in pictures:
        if group and picture.shape != group[0][1].shape:
            yield group
            group = []
        group.append((key, picture))
        if len(group) >= min(MAX_WAITING, most(picture.shape[0] * picture.shape[1])):
            yield group
            group = []
    if group:
        yield group
