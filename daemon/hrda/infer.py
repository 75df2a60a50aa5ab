"""A model on whole images of any size."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from daemon.domain import Mask
from daemon.errors import RunFailed
from daemon.hrda.encoders import encoder_kind
from daemon.hrda.heads import STRIDE, resized
from daemon.hrda.model import HRDASegmentor
from daemon.hrda.pictures import Picture
from daemon.hrda.settings import GRID_PX
from daemon.hrda.windows import sliding

log = logging.getLogger(__name__)

MOST_UNCERTAIN = 0.05  # share of the pixels that an image's uncertainty is the mean of


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a model sees in one image.

    logits: (C, H/4, W/4) rounded up, on the CPU. size: (H, W) pixels of the image.
    embedding: (D,) L2-normalised.
    """

    logits: Tensor
    size: tuple[int, int]
    embedding: npt.NDArray[np.float32]

    def probability(self) -> Tensor:
        """(C, H, W), at the size of the image."""
        height, width = self.size
        grid = (self.logits.shape[1] * STRIDE, self.logits.shape[2] * STRIDE)
        return resized(self.logits.unsqueeze(0), grid)[0, :, :height, :width].softmax(dim=0)

    def mask(self) -> Mask:
        """(H, W): the most probable class of each pixel."""
        return self.probability().argmax(dim=0).numpy().astype(np.uint8)

    def uncertainty(self) -> float:
        """Mean normalised entropy of the most uncertain 5 % of the pixels, in [0, 1].

        Measured on the decoder's grid, one cell for 4x4 pixels.
        """
        log_p = self.logits.log_softmax(dim=0)
        entropy = -(log_p.exp() * log_p).sum(dim=0).flatten() / np.log(max(2, len(log_p)))
        most = entropy.topk(max(1, round(MOST_UNCERTAIN * entropy.numel()))).values
        return float(most.mean().clamp(0, 1))

    def class_share(self) -> npt.NDArray[np.float32]:
        """(C,): share of the cells predicted as each class."""
        counts = torch.bincount(self.logits.argmax(dim=0).flatten(), minlength=len(self.logits))
        return (counts / counts.sum()).numpy().astype(np.float32)


@torch.no_grad()
def see(net: HRDASegmentor, image: Picture) -> Seen:
    """Run the model over an image; with smaller chunks where memory is short.

    Raises RunFailed when the smallest chunk does not fit either.
    """
    while True:
        try:
            return _see(net, image)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as exc:
            if not _out_of_memory(exc):
                raise
            if net.chunk == 1:
                raise RunFailed(
                    f"out of memory on an image of {image.shape[0]}x{image.shape[1]} pixels with "
                    f"one window at a time; lower window_px, or use a larger machine"
                ) from exc
            net.chunk = max(1, net.chunk // 2)
            log.warning("out of memory: going on with chunk=%d", net.chunk)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _see(net: HRDASegmentor, image: Picture) -> Seen:
    settings = net.settings
    x = padded(image, net.mean)
    height, width = x.shape[2:]
    total = torch.zeros(net.decoder.num_classes, height // STRIDE, width // STRIDE)
    seen = torch.zeros(height // STRIDE, width // STRIDE)
    sums = torch.zeros(sum(encoder_kind(settings.encoder).channels[-2:]))
    apart = max(GRID_PX, settings.window_px - 2 * settings.detail_window_px) // GRID_PX * GRID_PX
    boxes = sliding(height, width, settings.window_px, apart)
    for box in boxes:
        detail = settings.detail_window_px
        stride = detail // 2 if settings.detail_overlap else detail
        whole = net.whole(box.cut(x), detail, stride)
        box.cut(total, STRIDE).add_(whole.fused[0].cpu())
        box.cut(seen, STRIDE).add_(1)
        sums += pooled(whole.features)
    rows, columns = (-(-side // STRIDE) for side in image.shape[:2])
    return Seen(
        logits=(total / seen)[:, :rows, :columns],
        size=(image.shape[0], image.shape[1]),
        embedding=nn.functional.normalize(sums, dim=0).numpy(),
    )


def pooled(features: tuple[Tensor, ...]) -> Tensor:
    """(D,): the means of the two deepest feature maps of one image, each of unit length."""
    means = (maps.mean(dim=(2, 3))[0].cpu() for maps in features[-2:])
    return torch.cat([nn.functional.normalize(mean, dim=0) for mean in means])


def padded(image: Picture, mean: Tensor) -> Tensor:
    """(1, 3, H, W) float32 on the device of `mean`, filled with it to multiples of 64."""
    height, width = (-(-side // GRID_PX) * GRID_PX for side in image.shape[:2])
    x = mean.expand(1, 3, height, width).clone()
    pixels = torch.from_numpy(image.copy()).to(mean.device)
    x[0, :, : image.shape[0], : image.shape[1]] = pixels.permute(2, 0, 1)
    return x


def _out_of_memory(exc: BaseException) -> bool:
    if isinstance(exc, torch.OutOfMemoryError | MemoryError):
        return True
    return "not enough memory" in str(exc) or "can't allocate memory" in str(exc)
