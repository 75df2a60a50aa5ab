"""The mean view that a model has of mirrored and turned copies of an image.

One look of one model varies; the mean of several varies less. The copies are those that its
training drew at random (setting `turns`), so the model knows them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from daemon.hrda.data.image_files import Picture
from daemon.hrda.inference.framing import framed
from daemon.hrda.inference.whole_images import ImagePrediction, predict_framed
from daemon.hrda.network.heads import STRIDE
from daemon.hrda.network.segmentor import Segmentor


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


# The first 1, 2, 4 and 8 of them are groups: mirroring the image then mirrors the view.
_SQUARE = tuple(
    Copy(quarters=quarters, mirrored=mirrored)
    for quarters, mirrored in (
        *((0, False), (0, True), (2, False), (2, True)),
        *((1, False), (3, False), (1, True), (3, True)),
    )
)
COPIES = {"none": _SQUARE[:1], "mirror": _SQUARE[:2], "square": _SQUARE}


def averaged_predictions(
    net: Segmentor, images: Sequence[Picture], *, copies: int, temperature: float = 1.0
) -> list[ImagePrediction]:
    """The mean probability over the copies of each image, as its logarithm in `logits`.

    images: of one size. copies: at most so many of those that the model learned from, the image
    itself first. temperature: by which the logits of each are divided. The embedding is that of
    the image itself. Raises OutOfMemory as `predict_images`.
    """
    first, *further = copies_of(net, copies)
    sums = _views(net, images, first, temperature)
    for copy in further:
        views = _views(net, images, copy, temperature)
        sums = [_added(one, view) for one, view in zip(sums, views, strict=True)]
    count = math.log(1 + len(further))
    return [dataclasses.replace(one, logits=one.logits - count) for one in sums]


def copies_of(net: Segmentor, most: int) -> tuple[Copy, ...]:
    """The copies by which a model is asked: those of its training, at most so many."""
    return COPIES[net.settings.turns][:most]


def _added(sums: ImagePrediction, view: ImagePrediction) -> ImagePrediction:
    return dataclasses.replace(sums, logits=torch.logaddexp(sums.logits, view.logits))


def _views(
    net: Segmentor, images: Sequence[Picture], copy: Copy, temperature: float
) -> list[ImagePrediction]:
    """Log probabilities of one copy of each image."""
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
            logits=copy.undone((one.logits.float() / temperature).log_softmax(dim=0)),
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
