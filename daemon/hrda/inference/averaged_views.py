"""The view of several models, each on mirrored and turned copies of an image: mean probabilities.

One training on a few hundred labels varies; the mean of several views varies less. The copies are
those that the training itself drew at random (setting `symmetry`), so the model knows them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.inference.framing import framed
from daemon.hrda.inference.passes import images_per_pass, queue_length, readers
from daemon.hrda.inference.streaming import group_by_size
from daemon.hrda.inference.whole_images import ImagePrediction, predict_framed
from daemon.hrda.network.heads import STRIDE
from daemon.hrda.network.segmentor import Segmentor
from daemon.runs.run_folder import ImageFile

File = TypeVar("File", bound=ImageFile)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A copy of an image: turned by so many quarters, then mirrored left to right if `mirrored`."""

    quarters: int = 0
    mirrored: bool = False

    def of(self, picture: Picture) -> Picture:
        """The copy of a picture (H, W, 3)."""
        turned = np.rot90(picture, self.quarters)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)

    def undone(self, maps: Tensor) -> Tensor:
        """Maps (C, h, w) of the copy, as maps of the picture."""
        straight = maps.flip(2) if self.mirrored else maps
        return torch.rot90(straight, -self.quarters, (1, 2))


_MIRRORED = (Copy(), Copy(mirrored=True))
_SQUARE = (
    *(Copy(), Copy(quarters=2, mirrored=True), Copy(quarters=1), Copy(quarters=3, mirrored=True)),
    *(Copy(mirrored=True), Copy(quarters=2), Copy(quarters=1, mirrored=True), Copy(quarters=3)),
)
COPIES = {"none": (Copy(),), "mirror": _MIRRORED, "square": _SQUARE}


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A model that gives a view. temperature: by which its logits are divided."""

    net: Segmentor
    temperature: float = 1.0


def averaged_predictions_of(
    viewers: Sequence[Viewer], files: Iterable[File], reader: FileReader, copies: int
) -> Iterator[tuple[File, ImagePrediction]]:
    """Each readable file with the mean of all views, in order; see `averaged_predictions`.

    The others are among the faults of `reader`. Raises RunFailed as `predict_images` and `reader`
    do.
    """
    net = viewers[0].net
    pictures = reader.images(files, queue_length(net), readers(net))
    most = queue_length(net)
    for group in group_by_size(pictures, lambda pixels: min(most, images_per_pass(net, pixels))):
        found = averaged_predictions(viewers, [picture for _, picture in group], copies)
        yield from ((file, one) for (file, _), one in zip(group, found, strict=True))


def averaged_predictions(
    viewers: Sequence[Viewer], images: Sequence[Picture], copies: int
) -> list[ImagePrediction]:
    """The mean probability of all viewers and copies, as its logarithm in `logits`.

    images: of one size. copies: at most so many of those that the model learned from, the image
    itself first. The embedding is that of the first view. Raises OutOfMemory as `predict_images`.
    """
    sums: list[ImagePrediction] = []
    count = 0
    for viewer in viewers:
        for copy in copies_of(viewer.net, copies):
            views = _views(viewer, images, copy)
            sums = [_added(*pair) for pair in zip(sums, views, strict=True)] if sums else views
            count += 1
    return [
        dataclasses.replace(one, logits=one.logits - math.log(count) if count > 1 else one.logits)
        for one in sums
    ]


def copies_of(net: Segmentor, most: int) -> tuple[Copy, ...]:
    """The copies by which a model is asked: those of its training, at most so many."""
    return COPIES[net.settings.turns][:most]


def _added(sums: ImagePrediction, view: ImagePrediction) -> ImagePrediction:
    return dataclasses.replace(sums, logits=torch.logaddexp(sums.logits, view.logits))


def _views(viewer: Viewer, images: Sequence[Picture], copy: Copy) -> list[ImagePrediction]:
    """Log probabilities of one viewer for one copy of each image."""
    net = viewer.net
    size = (images[0].shape[0], images[0].shape[1])
    pictures, seen = framed(net.settings, images)
    turned = [_turned(picture, seen, copy) for picture in pictures]
    turned_seen = seen
    if copy != Copy():
        cells = [-(-side // STRIDE) * STRIDE for side in seen]
        turned_seen = (cells[copy.quarters % 2], cells[1 - copy.quarters % 2])
    return [
        dataclasses.replace(
            one,
            logits=copy.undone((one.logits.float() / viewer.temperature).log_softmax(dim=0)),
            size=size,
            seen=seen,
        )
        for one in predict_framed(net, turned, size, turned_seen)
    ]


def _turned(picture: Picture, seen: tuple[int, int], copy: Copy) -> Picture:
    """The copy of the image in the corner of a framed picture. Its sides are filled up to whole
    cells before, so that the cells of the copy are those of the image."""
    if copy == Copy():
        return picture
    image = picture[: seen[0], : seen[1]]
    rows, columns = (-side % STRIDE for side in seen)
    found = copy.of(np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge"))
    if picture.shape[:2] == seen:
        return found
    framed_copy = np.full_like(picture, picture[-1, -1])  # a corner without image, if there is one
    framed_copy[: found.shape[0], : found.shape[1]] = found
    return framed_copy
