"""Inference on whole images of any size, by sliding windows or framed as in training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from daemon.config.learner import GRID_PX, Settings
from daemon.domain import Mask
from daemon.hrda.data.image_files import Picture
from daemon.hrda.device import to_device
from daemon.hrda.inference.framing import (
    features_of_image,
    fits,
    framed,
    labels_of_cells,
    rows_at_size,
)
from daemon.hrda.inference.passes import in_passes
from daemon.hrda.network.encoders import encoder_spec
from daemon.hrda.network.heads import STRIDE, resize
from daemon.hrda.network.segmentor import Segmentor, SlideResult
from daemon.hrda.network.windows import Box, sliding_windows

BAND_ROWS = 1024  # rows of a softmax, to bound memory
BAND_PX = 2**24  # largest image whose probabilities are in memory at once; else a quarter of it


@dataclass(frozen=True, kw_only=True)
class ImagePrediction:
    """The output of a model for one image.

    logits: (C, h/4, w/4) rounded up, on the CPU. size: (H, W) pixels of the image.
    embedding: (D,) L2-normalised. seen: (h, w) of the image as the network saw it (`framing`);
    None means `size`.
    """

    logits: Tensor
    size: tuple[int, int]
    embedding: npt.NDArray[np.float32]
    seen: tuple[int, int] | None = None

    def probability(self) -> Tensor:
        """(C, H, W) class probabilities at the size of the image."""
        return self._rows(0, self.size[0])

    def bands(self) -> Iterator[tuple[slice, Tensor]]:
        """The image in bands of rows: each slice of rows with its probability (C, h, W).

        An image of up to BAND_PX pixels is one band; a larger one comes in bands of a quarter of
        that, so that what is made of them takes no more memory.
        """
        height, width = self.size
        step = height
        if height * width > BAND_PX:
            step = max(1, BAND_PX // 4 // width // STRIDE) * STRIDE
        for top in range(0, height, step):
            rows = slice(top, min(height, top + step))
            yield rows, self._rows(rows.start, rows.stop)

    def _rows(self, top: int, bottom: int) -> Tensor:
        """(C, h, W) probability of the rows from top, a multiple of STRIDE, until bottom."""
        found = self._logits_of_rows(top, bottom)
        for start in range(0, bottom - top, BAND_ROWS):  # in place: a second copy may not fit
            part = found[:, start : start + BAND_ROWS]
            part.copy_(part.softmax(dim=0))
        return found

    def _logits_of_rows(self, top: int, bottom: int) -> Tensor:
        if self.seen is not None and self.seen != self.size:
            return rows_at_size(self.logits, self.seen, self.size, slice(top, bottom))
        first, last = top // STRIDE, min(self.logits.shape[1], -(-bottom // STRIDE) + 1)
        above = min(1, first)  # a row of cells more on both sides: bilinear needs it
        cells = self.logits[:, first - above : last]
        grid = (cells.shape[1] * STRIDE, cells.shape[2] * STRIDE)
        rows = slice(above * STRIDE, above * STRIDE + bottom - top)
        return resize(cells.unsqueeze(0), grid)[0, :, rows, : self.size[1]]

    def cells_of(self, mask: Mask) -> npt.NDArray[np.uint8]:
        """(cells,): the label of an (H, W) mask of the image in each cell of the logits."""
        return labels_of_cells(mask, self.seen or self.size)

    def mask(self) -> Mask:
        """(H, W): the most probable class of each pixel."""
        found = np.empty(self.size, np.uint8)
        for rows, probability in self.bands():
            found[rows] = probability.argmax(dim=0).numpy()
        return found


def predict_image(net: Segmentor, image: Picture) -> ImagePrediction:
    """The prediction of one image, see `predict_images`."""
    return predict_images(net, [image])[0]


def predict_images(net: Segmentor, images: Sequence[Picture]) -> list[ImagePrediction]:
    """The predictions of images of one size, several in a forward pass, framed as in training.

    Where memory is short, with fewer windows in a pass from then on. Raises OutOfMemory when one
    image with one window at a time does not fit.
    """
    size = (images[0].shape[0], images[0].shape[1])
    pictures, seen = framed(net.settings, images)
    return predict_framed(net, pictures, size, seen)


def predict_framed(
    net: Segmentor, pictures: Sequence[Picture], size: tuple[int, int], seen: tuple[int, int]
) -> list[ImagePrediction]:
    """As `predict_images`, of pictures that are framed; size: (H, W) of the images; seen: the
    (h, w) in the corner of each picture that is the image."""
    with torch.no_grad():
        found = in_passes(net, pictures, size, lambda some: _predict_images(net, some, seen))
    return [dataclasses.replace(prediction, size=size, seen=seen) for prediction in found]


def is_large(net: Segmentor, size: Sequence[int]) -> bool:
    """Whether the windows of an image of this (H, W) do not overlap (`overlap_megapixels`).

    With the defaults the network processes each pixel about nine times where windows overlap by
    half, and 1.3 times where they do not.
    """
    return size[0] * size[1] > net.settings.overlap_megapixels * 1e6


def windows(net: Segmentor, size: Sequence[int]) -> tuple[list[Box], int]:
    """The context windows of an image of this (H, W), and the stride of the detail windows in
    them, pixels."""
    height, width = padded_size(size)
    large = is_large(net, size)
    if fits(net.settings):  # one context, as in training
        stride = net.settings.detail_window_px if large else detail_stride(net)
        return [Box(0, 0, height, width)], stride
    if large:
        side = net.settings.window_px
        return sliding_windows(height, width, side, side), net.settings.detail_window_px
    return context_windows(net, height, width), detail_stride(net)


def context_windows(net: Segmentor, height: int, width: int) -> list[Box]:
    """Context windows that overlap by half, as in HRDA; one for a picture that fits into it."""
    stride = max(GRID_PX, net.settings.window_px // 2 // GRID_PX * GRID_PX)
    return sliding_windows(height, width, net.settings.window_px, stride)


def detail_stride(net: Segmentor) -> int:
    """Pixels between the first pixels of neighbouring detail windows."""
    window = net.settings.detail_window_px
    return window // 2 if net.settings.detail_overlap else window


def _predict_images(
    net: Segmentor, images: Sequence[Picture], seen: tuple[int, int]
) -> list[ImagePrediction]:
    """Of framed pictures of one size; seen: the (h, w) in their corner that is the image."""
    size = (images[0].shape[0], images[0].shape[1])
    sums = WindowSums.of(net, len(images), size, seen, torch.device("cpu"))
    boxes, stride = windows(net, size)
    for box in boxes:
        x = window_of(images, net.mean, box)
        sums.add(box, net.slide_inference(x, net.settings.detail_window_px, stride))
    logits, embeddings = sums.logits(), sums.embeddings().numpy()
    return [
        ImagePrediction(logits=logits[row], size=seen, embedding=embeddings[row])
        for row in range(len(images))
    ]


@dataclass(frozen=True, kw_only=True)
class WindowSums:
    """What the windows of pictures of one size add up to.

    total: (B, C, H/4, W/4) logits. counts: (H/4, W/4) windows over each cell. pooled: (B, D), sums
    of `pooled`. size: (H, W) of the pictures. seen: the (h, w) in their corner that is the image.
    """

    total: Tensor
    counts: Tensor
    pooled: Tensor
    size: tuple[int, int]
    seen: tuple[int, int]

    @classmethod
    def of(
        cls,
        net: Segmentor,
        count: int,
        size: tuple[int, int],
        seen: tuple[int, int],
        device: torch.device,
    ) -> WindowSums:
        """Of no window yet, for `count` pictures, on the device."""
        cells = [side // STRIDE for side in padded_size(size)]
        return cls(
            total=torch.zeros(count, net.decoder.num_classes, *cells, device=device),
            counts=torch.zeros(*cells, device=device),
            pooled=torch.zeros(count, embedding_size(net.settings), device=device),
            size=size,
            seen=seen,
        )

    def add(self, box: Box, result: SlideResult) -> None:
        """Add the context window at `box`."""
        device = self.total.device
        box.crop(self.total, STRIDE).add_(result.fused.to(device))
        box.crop(self.counts, STRIDE).add_(1)
        features = result.features
        if self.seen != self.size:
            features = features_of_image(features, self.seen, padded_size(self.size))
        self.pooled.add_(pooled(features).to(device))

    def logits(self) -> Tensor:
        """(B, C, h/4, w/4), rounded up: the means of all windows, without the padding."""
        rows, columns = (-(-side // STRIDE) for side in self.seen)
        return (self.total / self.counts)[..., :rows, :columns]

    def embeddings(self) -> Tensor:
        """(B, D) L2-normalised."""
        return nn.functional.normalize(self.pooled, dim=1)


def pooled(features: tuple[Tensor, ...]) -> Tensor:
    """(B, D): the means of the two deepest feature maps, each of unit length."""
    means = (maps.mean(dim=(2, 3)) for maps in features[-2:])
    return torch.cat([nn.functional.normalize(mean, dim=1) for mean in means], dim=1)


def embedding_size(settings: Settings) -> int:
    """The length of the embedding of an image, D."""
    return sum(encoder_spec(settings).channels[-2:])


def padded_size(size: Sequence[int]) -> tuple[int, int]:
    """(H, W) of an image of this (H, W) filled up to multiples of 64."""
    height, width = (-(-side // GRID_PX) * GRID_PX for side in size[:2])
    return height, width


def padded(images: Sequence[Picture], mean: Tensor) -> Tensor:
    """(B, 3, H, W) float32 on the device of `mean`, filled with it to multiples of 64.

    The images have one size.
    """
    return window_of(images, mean, Box(0, 0, *padded_size(images[0].shape)))


def window_of(images: Sequence[Picture], mean: Tensor, box: Box) -> Tensor:
    """(B, 3, h, w): a window of `padded`, without the rest of it: large images stay 8 bits.

    mean: (1, 3, 1, 1).
    """
    x = mean.expand(len(images), 3, box.height, box.width).clone()
    inside = np.stack([image[box.view] for image in images])
    pixels = to_device(torch.from_numpy(inside), mean.device).permute(0, 3, 1, 2)
    x[:, :, : pixels.shape[2], : pixels.shape[3]] = pixels
    return x
