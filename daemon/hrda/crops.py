"""From the files of a request to the minibatch of an iteration. Memory is bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from daemon.domain import IGNORE, Mask
from daemon.errors import ConfigError
from daemon.hrda.distributed import ALONE, Ranks
from daemon.hrda.minibatch import Minibatch
from daemon.hrda.pictures import (
    Crop,
    Picture,
    read_image,
    read_labeled,
    training_crop,
)
from daemon.hrda.sampler import Draw, Sampler
from daemon.hrda.settings import Settings
from daemon.runs import ImageFile, LabeledFile, TrainRequest

CACHE_BYTES = 256 * 2**20  # of decoded labeled pictures; the pool is read anew each time


class Crops:
    """Minibatches by iteration. pixels: (L, C) pixels of each class in each labeled image."""

    def __init__(
        self,
        request: TrainRequest,
        settings: Settings,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        if not request.labeled:
            raise ConfigError("request.json: labeled is empty; expected at least one labeled image")
        self.labeled: Sequence[LabeledFile] = request.labeled
        self.unlabeled: Sequence[ImageFile] = request.unlabeled if settings.unlabeled_weight else ()
        self.classes, self.settings, self.device = len(request.classes), settings, device
        self.ranks = ranks
        self._cache: OrderedDict[int, tuple[Picture, Mask]] = OrderedDict()
        self._cached_bytes = 0
        self.pixels = self._count()
        self.sampler = Sampler(
            self.pixels,
            len(self.unlabeled),
            request.seed,
            settings.rare_class,
            settings.rare_temperature,
        )

    def labeled_share(self) -> torch.Tensor:
        """(C,): share of the labeled pixels of each class."""
        counts = self.pixels.sum(axis=0)
        return torch.from_numpy(counts / max(1, int(counts.sum()))).float().to(self.device)

    def minibatch(self, iteration: int) -> Minibatch:
        """The crops of an iteration: the same whenever and wherever it is asked for.

        Of several processes each gets its share of the places.
        """
        size = self.settings.minibatch
        labeled = [self._labeled(iteration * size + row) for row in self.ranks.share(size)]
        other = self.settings.unlabeled_minibatch if self.unlabeled else 0
        unlabeled = [self._unlabeled(iteration * other + row) for row in self.ranks.share(other)]
        side = self.settings.context_px
        valid = np.stack([c.valid for c in unlabeled]) if unlabeled else np.zeros((0, side, side))
        return Minibatch(
            image=self._images([crop.image for crop in labeled]),
            label=torch.from_numpy(np.stack([crop.mask for crop in labeled]))
            .long()
            .to(self.device),
            unlabeled=self._images([crop.image for crop in unlabeled]),
            valid=torch.from_numpy(valid).bool().to(self.device),
            whole=(size, other),
        )

    def _labeled(self, position: int) -> Crop:
        draw = self.sampler.labeled(position)
        image, mask = self._read(draw.image)
        return self._crop(image, mask, draw)

    def _unlabeled(self, position: int) -> Crop:
        draw = self.sampler.unlabeled(position)
        image = read_image(self.unlabeled[draw.image])
        return self._crop(image, np.full(image.shape[:2], IGNORE, np.uint8), draw)

    def _crop(self, image: Picture, mask: Mask, draw: Draw) -> Crop:
        scales, side = (self.settings.scale_low, self.settings.scale_high), self.settings.context_px
        rng = np.random.default_rng(draw.seed)
        return training_crop(image, mask, side, scales, draw.wanted, rng)

    def _images(self, pictures: Sequence[Picture]) -> torch.Tensor:
        side = self.settings.context_px
        stacked = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
        return torch.from_numpy(stacked).to(self.device).permute(0, 3, 1, 2).float()

    def _read(self, row: int) -> tuple[Picture, Mask]:
        """A labeled picture, the most recent ones from memory."""
        if row in self._cache:
            self._cache.move_to_end(row)
            return self._cache[row]
        pair = read_labeled(self.labeled[row], self.classes)
        self._cache[row] = pair
        self._cached_bytes += _bytes(pair)
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= _bytes(self._cache.popitem(last=False)[1])
        return pair

    def _count(self) -> npt.NDArray[np.int64]:
        counts = []
        for row in range(len(self.labeled)):
            _, mask = self._read(row)
            counts.append(np.bincount(mask.ravel(), minlength=IGNORE + 1)[: self.classes])
        pixels = np.stack(counts).astype(np.int64)
        if not pixels.sum():
            raise ConfigError("request.json: every pixel of the labels is 255 (no label)")
        return pixels


def _bytes(pair: tuple[Picture, Mask]) -> int:
    return pair[0].nbytes + pair[1].nbytes
